//! What a restore will do, step by step, before it does anything.

use crate::base::{BackupId, Period, Size};
use jiff::Timestamp;

/// A restore, decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restoration {
    /// The database entry.
    pub database: String,
    /// What is restored.
    pub origin: RestoreOrigin,
    /// Where to.
    pub target: RestoreTarget,
    /// The tables, when not all; `schema.table`.
    pub tables: Vec<String>,
    /// What is done about what is there now.
    pub safety: Safety,
    /// The steps, in order.
    pub steps: Vec<RestoreStep>,
    /// What may need attention though nothing stands against it.
    pub warnings: Vec<String>,
    /// Bytes to read.
    pub stored_bytes: u64,
    /// Bytes that come out, when known.
    pub plain_bytes: Option<u64>,
    /// How long it may take, and how that is known.
    pub expected: Option<(Period, String)>,
}

/// What is restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RestoreOrigin {
    /// A backup.
    Backup {
        /// Its id.
        id: BackupId,
        /// Its tier.
        tier: String,
        /// The storage it is read from.
        storage: String,
        /// When the read of the database began.
        taken_at: Timestamp,
        /// Why this one, in phrases.
        reasons: Vec<String>,
        /// Copies that would have come first and are damaged.
        passed_over: Vec<String>,
    },
    /// A dump that another tool made.
    File {
        /// Where it is.
        path: String,
        /// What it is, such as `SQL text in gzip`.
        kind: String,
        /// Whether a digest beside it agreed.
        has_digest: bool,
    },
}

/// Where a restore goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreTarget {
    /// How the target is treated.
    pub kind: TargetKind,
    /// Name of the database on its server.
    pub database: String,
    /// The server, for people.
    pub server: String,
}

/// How the target of a restore is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetKind {
    /// The database exists and is replaced.
    Replaced,
    /// The database is to stand where there is none.
    Absent,
    /// The database exists and is empty.
    Empty,
}

/// One step of a restore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreStep {
    /// What is done.
    pub deed: RestoreDeed,
    /// The same for people.
    pub title: String,
}

/// Kinds of step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RestoreDeed {
    /// Commands of `hooks.before_restore`.
    HooksBefore,
    /// A backup of what is there now.
    SafetyBackup,
    /// A new database.
    Create,
    /// The data comes in.
    Fill,
    /// What came in is compared with the manifest.
    Check,
    /// The new database takes the place of the old.
    Exchange,
    /// The old one is dropped.
    DropOld,
    /// Commands of `hooks.after_restore`.
    HooksAfter,
}

/// Whether a backup of what is there now is taken first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Safety {
    /// There is nothing to lose; why, when that is worth a word.
    NotNeeded(Option<String>),
    /// It is taken.
    Taken {
        /// In which tier.
        tier: String,
        /// Why.
        reason: String,
    },
    /// It would be taken, and the user said not to.
    Skipped,
}

/// Everything that decides the steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreFacts {
    /// The database entry.
    pub database: String,
    /// What is restored.
    pub origin: RestoreOrigin,
    /// Where to.
    pub target: RestoreTarget,
    /// The tables, when not all.
    pub tables: Vec<String>,
    /// What is done about what is there now.
    pub safety: Safety,
    /// Name of the database beside the target that the data goes into first.
    pub beside: Option<String>,
    /// Name that the old one gets: of a database, or of the schema for old tables.
    pub aside: Option<String>,
    /// Whether the old one is dropped in the end.
    pub drops_old: bool,
    /// Processes at once.
    pub jobs: u32,
    /// Whether a manifest is there to compare with.
    pub has_manifest: bool,
    /// Commands before and after.
    pub hooks: (usize, usize),
    /// What may need attention.
    pub warnings: Vec<String>,
    /// Bytes to read.
    pub stored_bytes: u64,
    /// Bytes that come out, when known.
    pub plain_bytes: Option<u64>,
    /// How long the backup took.
    pub backup_took: Option<Period>,
}

/// Decides the steps. Pure and total.
pub fn restoration(facts: RestoreFacts) -> Restoration {
    let RestoreFacts { tables, target, .. } = &facts;
    let mut steps = Vec::new();
    let mut step = |deed, title: String| steps.push(RestoreStep { deed, title });
    let plural = |n: usize| if n == 1 { "" } else { "s" };
    let (before, after) = facts.hooks;
    if before > 0 {
        step(RestoreDeed::HooksBefore, format!("run {before} command{} of before_restore", plural(before)));
    }
    if let Safety::Taken { tier, reason } = &facts.safety {
        step(RestoreDeed::SafetyBackup, format!("back up what is there now, in tier `{tier}`: {reason}"));
    }
    let into = facts.beside.as_deref().unwrap_or(&target.database);
    let replaces_tables = !tables.is_empty() && target.kind == TargetKind::Replaced;
    if !replaces_tables && target.kind != TargetKind::Empty {
        step(RestoreDeed::Create, format!("create database `{into}` on {}", target.server));
    }
    let size = facts.plain_bytes.map(|bytes| format!(" ({})", Size(bytes))).unwrap_or_default();
    let how = if facts.jobs > 1 { format!(", {} processes at once", facts.jobs) } else { String::new() };
    if replaces_tables {
        let aside = facts.aside.as_deref().unwrap_or_default();
        step(
            RestoreDeed::Fill,
            format!(
                "in one transaction, move {} to schema `{aside}`, restore from the backup{size}, point foreign keys of \
                 other tables to what came back, compare row counts",
                tables.join(", ")
            ),
        );
    } else {
        let what = if tables.is_empty() { "everything".to_owned() } else { tables.join(", ") };
        step(RestoreDeed::Fill, format!("restore {what} into `{into}`{size}{how}; digests are checked as it flows"));
        let check = if facts.has_manifest {
            "compare row counts and constraints with the manifest, and check every index"
        } else {
            "check every index; a foreign dump has no manifest to compare with"
        };
        step(RestoreDeed::Check, check.to_owned());
    }
    if facts.beside.is_some() {
        let exchange = match (&facts.aside, facts.drops_old) {
            (None, _) => format!("rename `{into}` to `{}`", target.database),
            (Some(aside), _) => format!(
                "end all connections to `{0}`, rename it to `{aside}` and `{into}` to `{0}`, both or neither",
                target.database
            ),
        };
        step(RestoreDeed::Exchange, exchange);
    }
    if let (Some(aside), true) = (&facts.aside, facts.drops_old) {
        let what = if replaces_tables { "schema" } else { "database" };
        step(RestoreDeed::DropOld, format!("drop {what} `{aside}`, the old one"));
    }
    if after > 0 {
        step(RestoreDeed::HooksAfter, format!("run {after} command{} of after_restore", plural(after)));
    }
    let mut warnings = facts.warnings.clone();
    if facts.safety == Safety::Skipped {
        warnings.push("no backup shows the last writes, and --skip-safety-backup says not to take one".to_owned());
    }
    let expected = facts
        .backup_took
        .map(|took| (took, format!("the backup took {}; building indexes comes on top", took.human())));
    Restoration {
        database: facts.database,
        origin: facts.origin,
        target: facts.target,
        tables: facts.tables,
        safety: facts.safety,
        steps,
        warnings,
        stored_bytes: facts.stored_bytes,
        plain_bytes: facts.plain_bytes,
        expected,
    }
}

/// What is true after a restore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The database entry.
    pub database: String,
    /// Where the data is now.
    pub target: RestoreTarget,
    /// The tables, when not all.
    pub tables: Vec<String>,
    /// Id of the backup, or path of the file.
    pub origin: String,
    /// What was compared with the manifest: tables and rows.
    pub compared: Option<(usize, u64)>,
    /// The old database or schema, when it is still there.
    pub old: Option<OldOne>,
    /// Id of the backup that was taken first.
    pub safety_backup: Option<BackupId>,
    /// How long it took.
    pub took: Period,
    /// What may need attention.
    pub warnings: Vec<String>,
}

/// What was there before a restore and is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OldOne {
    /// A database of this name.
    Database(String),
    /// A schema of this name that holds the old tables.
    Schema(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(kind: TargetKind) -> RestoreFacts {
        RestoreFacts {
            database: "app".to_owned(),
            origin: RestoreOrigin::File { path: "x.dump".to_owned(), kind: "dump".to_owned(), has_digest: false },
            target: RestoreTarget { kind, database: "app".to_owned(), server: "db1".to_owned() },
            tables: Vec::new(),
            safety: Safety::NotNeeded(None),
            beside: None,
            aside: None,
            drops_old: false,
            jobs: 1,
            has_manifest: true,
            hooks: (0, 0),
            warnings: Vec::new(),
            stored_bytes: 1,
            plain_bytes: None,
            backup_took: None,
        }
    }

    fn deeds(facts: RestoreFacts) -> Vec<RestoreDeed> {
        restoration(facts).steps.into_iter().map(|step| step.deed).collect()
    }

    #[test]
    fn nothing_is_replaced_before_it_is_checked() {
        use RestoreDeed::{Check, Create, DropOld, Exchange, Fill, HooksAfter, HooksBefore, SafetyBackup};
        let whole = RestoreFacts {
            beside: Some("app_restoring_x".to_owned()),
            aside: Some("app_before_x".to_owned()),
            safety: Safety::Taken { tier: "daily".to_owned(), reason: "written since".to_owned() },
            hooks: (1, 1),
            ..facts(TargetKind::Replaced)
        };
        assert_eq!(deeds(whole.clone()), [HooksBefore, SafetyBackup, Create, Fill, Check, Exchange, HooksAfter]);
        let dropping = RestoreFacts { drops_old: true, hooks: (0, 0), ..whole.clone() };
        assert_eq!(deeds(dropping), [SafetyBackup, Create, Fill, Check, Exchange, DropOld]);
        let tables = RestoreFacts {
            tables: vec!["public.t".to_owned()],
            beside: None,
            hooks: (0, 0),
            safety: Safety::Skipped,
            ..whole
        };
        assert_eq!(deeds(tables.clone()), [Fill]);
        assert_eq!(restoration(tables).warnings.len(), 1);
        assert_eq!(deeds(facts(TargetKind::Empty)), [Fill, Check]);
        assert_eq!(deeds(facts(TargetKind::Absent)), [Create, Fill, Check]);
    }
}
