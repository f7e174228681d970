//! What of a picture is a concern: each with its gravity, a sentence, and what to run.

use super::{DatabaseStanding, Evidence, Objective, Standing, StorageStanding, TierStanding, Verdict, WalStanding};
use crate::base::Period;
use crate::catalog::wal::Cut;
use crate::plan::Due;
use jiff::Timestamp;

/// Something that a person should look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Concern {
    /// What it is.
    pub kind: ConcernKind,
    /// How grave it is.
    pub gravity: Gravity,
    /// The database it is about; empty: none.
    pub database: String,
    /// The tier it is about; empty: none.
    pub tier: String,
    /// The storage it is about; empty: none.
    pub storage: String,
    /// Since when, where that is known.
    pub since: Option<Timestamp>,
    /// What is so, as a phrase without the names above.
    pub message: String,
    /// A command that helps or tells more.
    pub command: String,
}

/// Kinds of concern, in the order in which they are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConcernKind {
    /// There is no good backup of a scheduled tier.
    NoBackup,
    /// A scheduled backup did not come.
    BackupOverdue,
    /// More would be lost now than `objectives.rpo` allows.
    RpoMissed,
    /// No base backup leads to the newest archived WAL.
    WalGap,
    /// WAL waits to be archived for too long.
    WalLag,
    /// Getting it back takes longer than `objectives.rto` allows.
    RtoMissed,
    /// A stored copy is damaged.
    CopyDamaged,
    /// A copy is missing that another storage can give.
    CopyMissing,
    /// The last drill failed.
    DrillFailed,
    /// A drill that the policy asks for is overdue, or there never was one.
    DrillOverdue,
    /// A verification that the policy asks for is overdue, or there never was one.
    VerifyOverdue,
    /// A storage cannot be read.
    StorageUnreadable,
    /// A storage has less free than the policy asks.
    StorageLow,
    /// A server could not be asked for its databases.
    Unlisted,
}

impl ConcernKind {
    /// The word that machines read.
    pub fn word(self) -> &'static str {
        match self {
            ConcernKind::NoBackup => "no_backup",
            ConcernKind::BackupOverdue => "backup_overdue",
            ConcernKind::RpoMissed => "rpo_missed",
            ConcernKind::WalGap => "wal_gap",
            ConcernKind::WalLag => "wal_lag",
            ConcernKind::RtoMissed => "rto_missed",
            ConcernKind::CopyDamaged => "copy_damaged",
            ConcernKind::CopyMissing => "copy_missing",
            ConcernKind::DrillFailed => "drill_failed",
            ConcernKind::DrillOverdue => "drill_overdue",
            ConcernKind::VerifyOverdue => "verify_overdue",
            ConcernKind::StorageUnreadable => "storage_unreadable",
            ConcernKind::StorageLow => "storage_low",
            ConcernKind::Unlisted => "databases_unlisted",
        }
    }
}

/// How grave a concern is, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Gravity {
    /// Look at it today.
    Warning,
    /// Nobody can tell how it stands.
    Unknown,
    /// Look at it now.
    Critical,
}

impl Gravity {
    /// The word that people and machines read.
    pub fn word(self) -> &'static str {
        match self {
            Gravity::Warning => "warning",
            Gravity::Unknown => "unknown",
            Gravity::Critical => "critical",
        }
    }
}

/// Everything of a picture that is a concern, the gravest first.
pub fn concerns(standing: &Standing) -> Vec<Concern> {
    let unreadable = standing.storages.iter().filter(|storage| storage.problem.is_some());
    let unreadable = unreadable.map(|storage| storage.name.as_str()).collect();
    let mut list = List { now: standing.at, unreadable, found: Vec::new() };
    for database in &standing.databases {
        list.database(database);
    }
    for storage in &standing.storages {
        list.storage(storage);
    }
    for (entry, problem) in &standing.unlisted {
        let message = format!("its server could not be asked for its databases: {problem}");
        let told = list.add(ConcernKind::Unlisted, Gravity::Unknown, message, "backstay plan".to_owned());
        told.database.clone_from(entry);
    }
    // Stable: what is equally grave stays in the policy's order.
    list.found.sort_by_key(|concern| (std::cmp::Reverse(concern.gravity), concern.kind));
    list.found
}

/// The gravest of some concerns.
pub fn worst(concerns: &[Concern]) -> Option<Gravity> {
    concerns.iter().map(|concern| concern.gravity).max()
}

struct List<'a> {
    now: Timestamp,
    /// Storages that cannot be read at all.
    unreadable: Vec<&'a str>,
    found: Vec<Concern>,
}

impl List<'_> {
    fn add(&mut self, kind: ConcernKind, gravity: Gravity, message: String, command: String) -> &mut Concern {
        self.found.push(Concern {
            kind,
            gravity,
            database: String::new(),
            tier: String::new(),
            storage: String::new(),
            since: None,
            message,
            command,
        });
        let last = self.found.len() - 1;
        &mut self.found[last]
    }

    fn database(&mut self, database: &DatabaseStanding) {
        let from = self.found.len();
        for tier in &database.tiers {
            self.tier(database, tier);
        }
        // An objective that nothing meets because there is no backup was told as that.
        if let Some(rpo) = database.rpo.filter(|rpo| rpo.verdict() == Verdict::Missed && rpo.measured.is_some()) {
            self.rpo(database, rpo);
        }
        if let Some(wal) = &database.wal {
            self.wal(database, wal);
            self.unread(database, wal);
        }
        if let Some(rto) = database.rto.filter(|rto| rto.verdict() == Verdict::Missed && rto.measured.is_some()) {
            self.rto(database, rto);
        }
        self.proofs(database);
        for concern in &mut self.found[from..] {
            concern.database.clone_from(&database.name);
        }
    }

    fn tier(&mut self, database: &DatabaseStanding, tier: &TierStanding) {
        let from = self.found.len();
        let name = &database.name;
        let take = format!("backstay backup {name} --tier {}", tier.tier);
        if tier.due == Due::Never {
            // Where another tier has a backup, data is safe and this one is only waiting for its first run.
            let gravity = match (tier.is_whole(), database.last_good()) {
                (false, None) => Gravity::Unknown,
                (true, None) => Gravity::Critical,
                (_, Some(_)) => Gravity::Warning,
            };
            let message = if tier.is_whole() { "there is no good backup" } else { "no good backup was found" };
            self.add(ConcernKind::NoBackup, gravity, message.to_owned(), take);
        } else if let Some(since) = tier.overdue_since {
            let age = tier.age(self.now).map(|age| format!(", the last good one is {} old", age.human()));
            let late = Period::between(since, self.now).human();
            let message = format!("the backup is overdue for {late}{}", age.unwrap_or_default());
            // What a storage that cannot be read holds is not known: a backup may be there.
            let gravity = if tier.is_whole() { Gravity::Critical } else { Gravity::Unknown };
            self.add(ConcernKind::BackupOverdue, gravity, message, take).since = Some(since);
        }
        for copies in &tier.copies {
            if let Some(oldest) = copies.damaged.first() {
                let message = match copies.damaged.len() {
                    1 => format!("the copy of {oldest} is damaged"),
                    n => format!("{n} copies are damaged, the oldest of {oldest}"),
                };
                let is_alone = copies.damaged.iter().any(|id| tier.points.iter().all(|point| point.id != *id));
                let gravity = if is_alone { Gravity::Critical } else { Gravity::Warning };
                let told = self.add(ConcernKind::CopyDamaged, gravity, message, format!("backstay show {oldest}"));
                told.storage.clone_from(&copies.storage);
            }
            if let Some(oldest) = copies.missing.first() {
                let message = match copies.missing.len() {
                    1 => format!("the copy of {oldest} is missing"),
                    n => format!("{n} copies are missing, the oldest of {oldest}"),
                };
                let told = self.add(ConcernKind::CopyMissing, Gravity::Warning, message, "backstay sync".to_owned());
                told.storage.clone_from(&copies.storage);
                told.since = Some(oldest.started());
            }
        }
        for concern in &mut self.found[from..] {
            concern.tier.clone_from(&tier.tier);
        }
    }

    fn rpo(&mut self, database: &DatabaseStanding, rpo: Objective) {
        let age = rpo.measured.unwrap_or_default();
        let message = format!("would lose {} now, the objective is {}", age.human(), rpo.wanted);
        let is_whole = database.tiers.iter().all(TierStanding::is_whole)
            && database.wal.as_ref().is_none_or(|wal| wal.is_whole() && wal.is_server_asked);
        let gravity = if is_whole { Gravity::Critical } else { Gravity::Unknown };
        let command = match rpo.evidence {
            Evidence::Wal => format!("backstay wal list {}", database.name),
            _ => format!("backstay backup {}", database.name),
        };
        self.add(ConcernKind::RpoMissed, gravity, message, command);
    }

    fn rto(&mut self, database: &DatabaseStanding, rto: Objective) {
        let takes = rto.measured.unwrap_or_default().human();
        let message = match rto.evidence {
            Evidence::Drill => format!("the last drill took {takes} to restore, the objective is {}", rto.wanted),
            Evidence::Estimate | Evidence::Age | Evidence::Wal => {
                format!("a restore is estimated to take {takes}, the objective is {}", rto.wanted)
            }
        };
        let command = format!("backstay restore {} --into NEW_DB --dry-run", database.name);
        self.add(ConcernKind::RtoMissed, Gravity::Warning, message, command);
    }

    fn wal(&mut self, database: &DatabaseStanding, wal: &WalStanding) {
        let name = &database.name;
        if let Some(cut) = wal.cut() {
            let told =
                self.add(ConcernKind::WalGap, Gravity::Critical, cut.to_string(), format!("backstay backup {name}"));
            told.since = match cut {
                Cut::Gap(gap) => gap.lost_from,
                Cut::Timeline(_) | Cut::Cluster(_) => None,
            };
        }
        if let Some(lag) = wal.lag.filter(|_| wal.is_late()) {
            let (lag, limit) = (lag.human(), wal.lag_limit);
            let mut message = match (wal.newest_at, wal.is_server_asked) {
                (None, _) => format!("no WAL is archived, {lag} after the first base backup; {limit} is the limit"),
                (Some(_), true) => format!("WAL waits to be archived for {lag}, {limit} is the limit"),
                (Some(_), false) => format!(
                    "the newest archived WAL is {lag} old, {limit} is the limit; the server could not be asked whether \
                     there is newer"
                ),
            };
            if let Some((file, at)) = &wal.failing {
                let ago = Period::between(*at, self.now).human();
                message += &format!("; PostgreSQL could not archive {file} {ago} ago");
            }
            let told = self.add(ConcernKind::WalLag, Gravity::Warning, message, format!("backstay wal list {name}"));
            told.since = wal.newest_at;
        }
    }

    /// A storage that cannot be read at all is told as that.
    fn unread(&mut self, database: &DatabaseStanding, wal: &WalStanding) {
        for (storage, problem) in &wal.unreadable {
            if self.unreadable.contains(&storage.as_str()) {
                continue;
            }
            let message = format!("the WAL of {} cannot be read: {problem}", database.name);
            let command = "backstay wal list".to_owned();
            self.add(ConcernKind::StorageUnreadable, Gravity::Unknown, message, command).storage.clone_from(storage);
        }
    }

    fn proofs(&mut self, database: &DatabaseStanding) {
        let name = &database.name;
        // What has no backup has nothing to prove.
        let has_any = database.last_good().is_some();
        let late = |due: Option<&Due>, now: Timestamp| match due {
            Some(Due::Never) if has_any => Some(None),
            Some(Due::Since { due, .. }) if has_any => {
                // A proof may take its time after the backup that it waits for.
                (Period::between(*due, now) > PROOF_GRACE).then_some(Some(*due))
            }
            _ => None,
        };
        if let Some(since) = late(database.verify.due.as_ref(), self.now) {
            let message = overdue("verification", since, self.now);
            let command = format!("backstay verify {name}");
            self.add(ConcernKind::VerifyOverdue, Gravity::Warning, message, command).since = since;
        }
        let drill = format!("backstay drill {name}");
        if database.drill.last.is_some() && !database.drill.passed {
            let message = "the last restore drill failed".to_owned();
            let told = self.add(ConcernKind::DrillFailed, Gravity::Critical, message, drill.clone());
            told.since = database.drill.last;
        }
        if let Some(since) = late(database.drill.due.as_ref(), self.now) {
            let message = overdue("restore drill", since, self.now);
            self.add(ConcernKind::DrillOverdue, Gravity::Warning, message, drill).since = since;
        }
    }

    fn storage(&mut self, storage: &StorageStanding) {
        let from = self.found.len();
        if let Some(problem) = &storage.problem {
            let message = format!("it cannot be read: {problem}");
            self.add(ConcernKind::StorageUnreadable, Gravity::Unknown, message, "backstay plan".to_owned());
        }
        if storage.n_broken > 0 {
            let message = match storage.n_broken {
                1 => "a small file in it is broken: the backup it speaks of may be in no list".to_owned(),
                n => format!("{n} small files in it are broken: backups they speak of may be in no list"),
            };
            self.add(ConcernKind::CopyDamaged, Gravity::Critical, message, "backstay plan".to_owned());
        }
        if storage.is_low() {
            let used = storage.used_percent().unwrap_or(100);
            let wanted = storage.min_free.map(|share| share.to_string()).unwrap_or_default();
            let message = format!("{used}% of its disk is in use, {wanted} is to stay free");
            self.add(ConcernKind::StorageLow, Gravity::Warning, message, "backstay prune".to_owned());
        }
        for concern in &mut self.found[from..] {
            concern.storage.clone_from(&storage.name);
        }
    }
}

/// How long a proof that is due may take to appear.
const PROOF_GRACE: Period = Period::days(1);

fn overdue(what: &str, since: Option<Timestamp>, now: Timestamp) -> String {
    match since {
        None => format!("there never was a {what}, and the policy asks for it"),
        Some(since) => format!("a {what} is overdue for {}", Period::between(since, now).human()),
    }
}
