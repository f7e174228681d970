//! What must be thawed before a backup can be read: decided from what the store says of each of its files.

use super::{Prices, RestoreOrigin, ThawCost, thaw_cost};
use crate::base::{Size, total};
use crate::resource::{Availability, StorageClass, ThawSpeed, ThawTime};
use jiff::{SignedDuration, Timestamp};

/// A thawed copy that goes away sooner than this is asked for again: reading it takes a while.
const SOON: SignedDuration = SignedDuration::from_hours(1);

/// So long after its time a thaw still goes on, at most.
const OVERDUE: SignedDuration = SignedDuration::from_hours(24);

/// One file of a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThawFile {
    /// Its name.
    pub name: String,
    /// Its length as stored.
    pub bytes: u64,
    /// Whether it can be read now.
    pub availability: Availability,
}

/// A thaw, decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thaw {
    /// The files that cannot be read yet, or not for much longer.
    pub files: Vec<ThawFile>,
    /// Class of the one that takes longest.
    pub class: StorageClass,
    /// How quickly it is to be.
    pub speed: ThawSpeed,
    /// How long it takes at that speed.
    pub time: ThawTime,
    /// For how many days the thawed copies can be read.
    pub days: u32,
}

/// A thaw that goes on: when it was asked for, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AskedThaw {
    /// When.
    pub at: Timestamp,
    /// How quickly.
    pub speed: ThawSpeed,
}

impl AskedThaw {
    /// When it ends, as a rule; `None` where nothing in the class is thawed like that.
    pub fn ready_by(self, class: StorageClass) -> Option<Timestamp> {
        self.at.checked_add(class.thaws_within(self.speed)?.to.to_signed()).ok()
    }

    /// False once it must have ended, however long it took.
    pub fn may_go_on(self, class: StorageClass, now: Timestamp) -> bool {
        self.ready_by(class).is_some_and(|end| self.at <= now && now < end + OVERDUE)
    }
}

/// A thaw that no store can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("nothing in {class} is ever thawed at the speed `{speed}`")]
pub struct TooFast {
    /// The class.
    pub class: StorageClass,
    /// The speed asked for.
    pub speed: ThawSpeed,
}

/// Decides which files are thawed. `None`: all of them can be read. Pure and total.
pub fn thaw(files: &[ThawFile], speed: ThawSpeed, days: u32, now: Timestamp) -> Result<Option<Thaw>, TooFast> {
    let is_wanted = |file: &&ThawFile| match file.availability {
        Availability::Ready | Availability::Thawed { until: None, .. } => false,
        Availability::Thawed { until: Some(until), .. } => until < now + SOON,
        Availability::Archived(_) | Availability::Thawing(_) => true,
    };
    let files: Vec<ThawFile> = files.iter().filter(is_wanted).cloned().collect();
    let Some(class) = files.iter().filter_map(|file| file.availability.cold_class()).max() else { return Ok(None) };
    let time = class.thaws_within(speed).ok_or(TooFast { class, speed })?;
    Ok(Some(Thaw { files, class, speed, time, days }))
}

impl Thaw {
    /// Bytes that are thawed.
    pub fn bytes(&self) -> u64 {
        total(self.files.iter().map(|file| file.bytes))
    }

    /// How many of the files are being thawed already.
    pub fn n_under_way(&self) -> usize {
        self.files.iter().filter(|file| matches!(file.availability, Availability::Thawing(_))).count()
    }

    /// The same as it was asked for.
    pub fn take_as(&mut self, asked: AskedThaw) {
        if let Some(time) = self.class.thaws_within(asked.speed) {
            (self.speed, self.time) = (asked.speed, time);
        }
    }

    /// True when nothing has to be waited for: what is thawed only has to stay so for longer.
    pub fn is_prolongation(&self) -> bool {
        self.files.iter().all(|file| file.availability.is_readable())
    }

    /// The files that have to be asked for. One that is being thawed is asked for again where that can make it faster.
    pub fn to_ask(&self) -> impl Iterator<Item = &ThawFile> {
        let is_slowest = self.speed == ThawSpeed::Bulk;
        self.files.iter().filter(move |file| !(is_slowest && matches!(file.availability, Availability::Thawing(_))))
    }

    /// When everything can be read, as a rule, if it is asked for at `now`.
    pub fn ready_by(&self, now: Timestamp) -> Timestamp {
        now.checked_add(self.time.to.to_signed()).unwrap_or(Timestamp::MAX)
    }

    /// What asking for it costs: of what is being thawed already, or only stays for longer, as much as of the rest.
    pub fn estimate(&self, prices: &Prices) -> ThawEstimate {
        let n = self.files.len() as u64;
        ThawEstimate {
            cost: thaw_cost(prices, self.class, self.speed, n, self.bytes(), self.days),
            currency: prices.currency.clone(),
            as_of: prices.as_of.clone(),
            region: prices.region.clone(),
        }
    }

    /// How much, for people: `2 files, 310 MiB`.
    pub fn amount(&self) -> String {
        let n = self.files.len();
        format!("{n} file{}, {}", if n == 1 { "" } else { "s" }, Size(self.bytes()))
    }
}

/// A restore that begins with a thaw. The rest is planned once the bytes can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThawPlan {
    /// The database entry.
    pub database: String,
    /// What is restored.
    pub origin: RestoreOrigin,
    /// What is thawed.
    pub thaw: Thaw,
    /// How far it is.
    pub stage: ThawStage,
    /// When it was asked for, where it is under way and that is known.
    pub asked: Option<AskedThaw>,
    /// What asking costs; `None` where nobody knows the prices, and where nothing is asked for.
    pub cost: Option<ThawEstimate>,
}

impl ThawPlan {
    /// When everything can be read, as a rule; `None` when nobody knows since when it is under way.
    pub fn ready_by(&self, now: Timestamp) -> Option<Timestamp> {
        if self.stage == ThawStage::UnderWay {
            return self.asked?.ready_by(self.thaw.class);
        }
        Some(self.thaw.ready_by(now))
    }
}

/// What a thaw costs, and by which prices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThawEstimate {
    /// The amount.
    pub cost: ThawCost,
    /// Its currency.
    pub currency: String,
    /// Day of the prices.
    pub as_of: String,
    /// Region of the prices.
    pub region: String,
}

/// How far a thaw is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThawStage {
    /// It is only shown.
    Planned,
    /// It was asked for by an earlier run and goes on.
    UnderWay,
    /// It was asked for now.
    Asked,
}

#[cfg(test)]
mod tests {
    use super::*;
    use Availability::{Archived, Ready, Thawed, Thawing};
    use StorageClass::{DeepArchive, Glacier};

    const NOW: i64 = 1_800_000_000;

    fn now() -> Timestamp {
        Timestamp::from_second(NOW).unwrap_or_default()
    }

    fn files(all: &[Availability]) -> Vec<ThawFile> {
        let file = |(n, availability): (usize, &Availability)| ThawFile {
            name: format!("file{n}"),
            bytes: 10,
            availability: *availability,
        };
        all.iter().enumerate().map(file).collect()
    }

    fn until(seconds: i64) -> Availability {
        Thawed { class: Glacier, until: Timestamp::from_second(NOW + seconds).ok() }
    }

    #[test]
    fn only_what_cannot_be_read_is_thawed() {
        let decide = |all: &[Availability], speed| thaw(&files(all), speed, 7, now());
        assert_eq!(decide(&[Ready, until(90_000), Thawed { class: Glacier, until: None }], ThawSpeed::Bulk), Ok(None));
        assert_eq!(decide(&[], ThawSpeed::Standard), Ok(None));
        let some = decide(&[Ready, Archived(Glacier), Thawing(Glacier), until(60)], ThawSpeed::Standard);
        let some = some.ok().flatten().map(|thaw| {
            let names: Vec<_> = thaw.to_ask().map(|file| file.name.clone()).collect();
            (thaw.bytes(), thaw.n_under_way(), thaw.time.to_string(), names.len(), thaw.amount())
        });
        assert_eq!(some, Some((30, 1, "3 to 5 hours".to_owned(), 3, "3 files, 30 B".to_owned())));
        let slow = decide(&[Archived(Glacier), Thawing(DeepArchive)], ThawSpeed::Bulk).ok().flatten();
        assert_eq!(slow.as_ref().map(|thaw| thaw.to_ask().count()), Some(1), "bulk makes nothing faster");
        assert_eq!(slow.map(|thaw| thaw.ready_by(now()).as_second() - NOW), Some(48 * 3_600));
        let longer = decide(&[until(60)], ThawSpeed::Bulk).ok().flatten();
        assert_eq!(longer.map(|thaw| thaw.is_prolongation()), Some(true));
    }

    #[test]
    fn a_deep_archive_is_never_thawed_within_minutes() {
        let decide = |all: &[Availability]| thaw(&files(all), ThawSpeed::Expedited, 7, now());
        let refused = Err(TooFast { class: DeepArchive, speed: ThawSpeed::Expedited });
        assert_eq!(decide(&[Archived(Glacier), Archived(DeepArchive)]), refused);
        assert!(decide(&[Archived(Glacier)]).is_ok());
    }
}
