//! Backups that are due, by database and tier.

use super::infra::{self, folder_address, marker_address};
use super::proven::{Proven, proven};
use super::{Action, Deed, Due, Live, Phase, Subject, Symbol, judge, restorable};
use crate::base::{BackupId, Period};
use crate::catalog::retention::is_ahead;
use crate::catalog::{Backup, DrillRecord, WhyFull, all_drills, choose_earlier};
use crate::policy::{Desired, StorageKind, TierSpec};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Every copy in the world, by database, tier and storage.
pub(super) type Shelves<'a> = BTreeMap<(&'a str, &'a str), BTreeMap<&'a str, Vec<&'a Backup>>>;

/// Sorts the policy's copies of all readable storages. Two policies may share a store and name a database alike; none
/// decides over the other's backups.
pub(super) fn shelves<'a>(desired: &Desired, live: &'a Live) -> Shelves<'a> {
    let mut shelves = Shelves::new();
    for (storage, read) in live.readable() {
        for backup in read.contents.backups.iter().filter(|backup| backup.policy == desired.name) {
            let shelf = shelves.entry((&backup.database, &backup.tier)).or_default();
            shelf.entry(storage).or_default().push(backup);
        }
    }
    shelves
}

/// What holds for one tier of one database at the moment of planning.
pub struct Slot<'a> {
    /// The database.
    pub subject: &'a Subject<'a>,
    /// The tier's name.
    pub tier: &'a str,
    /// What the policy says of the tier.
    pub spec: &'a TierSpec,
    /// Its copies by storage; only readable storages.
    pub copies: BTreeMap<&'a str, Vec<&'a Backup>>,
    /// The newest backup with a good copy anywhere; what is dated in the future does not count.
    pub newest_good: Option<&'a BackupId>,
    /// The newest backup with any copy anywhere; what is dated in the future does not count.
    pub newest: Option<&'a BackupId>,
    /// What the schedule says.
    pub due: Due,
    /// Storages of the tier that can be written to.
    pub writable: Vec<&'a str>,
    /// Drills of its backups, oldest first, also of those that are gone.
    pub drills: Vec<&'a DrillRecord>,
    /// What deletion waits for, where it waits.
    pub(super) proven: Option<Proven<'a>>,
    /// What the next backup refers to, or why it is full; `None` where every backup is.
    pub(super) earlier: Option<Result<&'a Backup, WhyFull>>,
}

impl<'a> Slot<'a> {
    /// The newest good backup that the next one will be about as large as: of the same kind, where there is one. Its
    /// largest copy.
    pub(super) fn last_like_it(&self) -> Option<&'a Backup> {
        let all = || self.copies.values().flatten().copied();
        let is_full = !matches!(self.earlier, Some(Ok(_)));
        let is_alike = |backup: &&Backup| backup.is_good() && backup.references().is_empty() == is_full;
        let alike = if self.earlier.is_some() { all().filter(is_alike).map(|backup| &backup.id).max() } else { None };
        let id = alike.or(self.newest_good)?;
        all().filter(|backup| backup.id == *id).max_by_key(|backup| backup.stored_bytes())
    }
}

/// Every tier of every database.
pub fn slots<'a>(desired: &'a Desired, live: &'a Live, subjects: &'a [Subject<'a>], now: Timestamp) -> Vec<Slot<'a>> {
    let shelves = shelves(desired, live);
    let mut drilled: BTreeMap<(&str, &str), Vec<&DrillRecord>> = BTreeMap::new();
    for record in all_drills(live.readable().map(|(_, read)| &read.contents)) {
        drilled.entry((&record.database, &record.tier)).or_default().push(record);
    }
    let mut slots = Vec::new();
    for subject in subjects {
        for tier in &subject.spec.tiers {
            let Some(spec) = desired.tiers.get(tier) else { continue };
            let copies = shelves.get(&(subject.name.as_str(), tier.as_str())).cloned().unwrap_or_default();
            // One made under a clock that ran ahead must not keep the next ones from being due.
            let all = || copies.values().flatten().filter(|backup| !is_ahead(&backup.id, now));
            // Ids count seconds; two backups of one second are told apart by their manifests.
            let age = |a: &&&Backup, b: &&&Backup| (a.started_at, &a.id).cmp(&(b.started_at, &b.id));
            let newest_good = all().filter(|backup| backup.is_good()).max_by(age).map(|backup| &backup.id);
            let newest = all().max_by(age).map(|backup| &backup.id);
            let due = judge(&spec.schedule, &desired.timezone, newest_good.map(BackupId::started), now);
            let due = match restorable::cut(desired, subject, tier, live, now) {
                Some(cut) if !due.is_due() => Due::CutOff(cut),
                _ => due,
            };
            let writable: Vec<&str> =
                spec.copies.iter().map(|c| c.to.as_str()).filter(|to| is_writable(desired, live, to)).collect();
            let drills = drilled.get(&(subject.name.as_str(), tier.as_str())).cloned().unwrap_or_default();
            let proven = proven(desired, subject, tier, &copies, &drills, now);
            let earlier = earlier(desired, spec, &copies, &writable, now);
            let slot =
                Slot { subject, tier, spec, copies, newest_good, newest, due, writable, drills, proven, earlier };
            slots.push(slot);
        }
    }
    slots
}

/// What the next backup of a tier refers to, or why it is full.
fn earlier<'a>(
    desired: &Desired,
    spec: &TierSpec,
    copies: &BTreeMap<&str, Vec<&'a Backup>>,
    writable: &[&str],
    now: Timestamp,
) -> Option<Result<&'a Backup, WhyFull>> {
    let full_every = spec.full_every?;
    if let Some(why) = desired.self_contained(spec) {
        return Some(Err(WhyFull::Policy(why.to_string())));
    }
    let shelves: Vec<&[&Backup]> =
        writable.iter().map(|storage| copies.get(storage).map(Vec::as_slice).unwrap_or_default()).collect();
    Some(choose_earlier(&shelves, full_every, now))
}

/// True for a storage that could be read and is there, or is going to be.
fn is_writable(desired: &Desired, live: &Live, name: &str) -> bool {
    let is_bucketless = match desired.storages.get(name).map(|storage| &storage.kind) {
        Some(StorageKind::S3(spec)) => infra::is_bucketless(name, spec, live),
        Some(StorageKind::Filesystem(_)) | None => false,
    };
    live.read(name).is_some() && !is_bucketless
}

/// Address of the backup of a database's tier.
pub(super) fn address(database: &str, tier: &str) -> String {
    format!("backup/{database}/{tier}")
}

/// The step that takes a backup, if one is due and some storage can take it.
pub(super) fn action(slot: &Slot<'_>, now: Timestamp) -> Option<Action> {
    let reason = match &slot.due {
        Due::OnDemand | Due::No { .. } => return None,
        Due::Never if slot.newest.is_some() => "no good backup exists".to_owned(),
        Due::Never if !slot.copies.is_empty() => "every backup is dated in the future".to_owned(),
        Due::Never => "never backed up".to_owned(),
        Due::CutOff(cut) => cut.to_string(),
        Due::Since { due, last_good } => format!(
            "due since {}, last good one {} ago",
            due.strftime("%Y-%m-%d %H:%M UTC"),
            Period::between(*last_good, now).human()
        ),
    };
    if slot.writable.is_empty() {
        return None;
    }
    let reason = match &slot.earlier {
        None => reason,
        Some(Ok(earlier)) => format!("{reason}; incremental on {}", earlier.id),
        Some(Err(WhyFull::First)) => format!("{reason}; full"),
        Some(Err(why)) => format!("{reason}; full: {why}"),
    };
    let database = slot.subject.name.clone();
    let newest = slot.last_like_it();
    Some(Action {
        address: address(&database, slot.tier),
        symbol: Symbol::Create,
        phase: Phase::Backups,
        reason,
        changes: Vec::new(),
        depends_on: slot
            .writable
            .iter()
            .flat_map(|storage| [folder_address(storage), marker_address(storage)])
            .collect(),
        bytes: newest.map(Backup::stored_bytes),
        irreversible: None,
        loosens: false,
        deed: Deed::TakeBackup {
            database,
            tier: slot.tier.to_owned(),
            storages: slot.writable.iter().map(|storage| (*storage).to_owned()).collect(),
            earlier: slot.earlier.as_ref().and_then(|earlier| Some(earlier.as_ref().ok()?.id.to_string())),
        },
    })
}
