//! One thing to do, with everything that is needed to do it and to explain it.

use crate::base::Lsn;
use crate::catalog::LeftoverKind;
use crate::resource::{FieldChange, LeftBucket, Principal, Resource};
use crate::schedule::Content;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A step of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Action {
    /// Unique within the plan and stable between plans: `backup/app/daily`, `prune/local/app/daily/<id>`.
    pub address: String,
    /// The kind of change, for people and filters.
    pub symbol: Symbol,
    /// The part of the plan it belongs to.
    pub phase: Phase,
    /// What is done.
    pub deed: Deed,
    /// Why. Explanation only: it may hold ages and is no part of the plan's identity.
    pub reason: String,
    /// What changes, field by field, where the step changes something that exists.
    pub changes: Vec<FieldChange>,
    /// Addresses of steps that must have succeeded before.
    pub depends_on: Vec<String>,
    /// Bytes written, copied or freed, where known or estimated. No part of the plan's identity.
    pub bytes: Option<u64>,
    /// Why the step cannot be taken back, if so: it is carried out only when its address is allowed by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub irreversible: Option<String>,
    /// It lets more be deleted, changed or read than now: done last, and only when what protects was done.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub loosens: bool,
}

/// The kind of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Symbol {
    /// `+` something new.
    Create,
    /// `~` something that exists becomes different.
    Change,
    /// `-` something is deleted.
    Delete,
    /// `>` something is copied.
    Copy,
}

impl Symbol {
    /// The one character shown in front of a step.
    pub fn character(self) -> char {
        match self {
            Symbol::Create => '+',
            Symbol::Change => '~',
            Symbol::Delete => '-',
            Symbol::Copy => '>',
        }
    }
}

/// A part of a plan, as `--only` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Folders, modes, markers.
    Infra,
    /// Backups that are due.
    Backups,
    /// Copies that are missing at one storage and good at another.
    Copies,
    /// Backups that retention lets go, and what killed runs left behind.
    Prune,
}

impl Phase {
    /// Every phase, in the order of work.
    pub const ALL: [Phase; 4] = [Phase::Infra, Phase::Backups, Phase::Copies, Phase::Prune];

    /// The word that `--only` takes.
    pub fn word(self) -> &'static str {
        match self {
            Phase::Infra => "infra",
            Phase::Backups => "backups",
            Phase::Copies => "copies",
            Phase::Prune => "prune",
        }
    }
}

/// What a step does. Everything `apply` needs is here or in the policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Deed {
    /// Create the folder of a filesystem storage.
    CreateFolder {
        /// The storage.
        storage: String,
    },
    /// Set mode, owner or group of the folder of a filesystem storage.
    ChangeFolder {
        /// The storage.
        storage: String,
    },
    /// Write the marker that makes a store a repository.
    CreateMarker {
        /// The storage.
        storage: String,
    },
    /// Write one resource outside, whole: a bucket, one of its settings, a user, a role.
    Provision {
        /// The storage that it is for; absent for resources of `access`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        storage: Option<String>,
        /// The entry of `access` that it is for; absent for resources of a storage.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        access: Option<String>,
        /// What is written.
        resource: Box<Resource>,
    },
    /// Take back what the policy gave to a user or role that it no longer asks for, and its mark.
    Forget {
        /// The storage in whose account it is.
        storage: String,
        /// Who.
        principal: Principal,
        /// Its ARN.
        arn: String,
    },
    /// Take a policy of IAM from users and roles, and delete it unless somebody else has it.
    RemovePolicy {
        /// The storage in whose account it is.
        storage: String,
        /// Its ARN.
        arn: String,
        /// From whom.
        from: Vec<Principal>,
    },
    /// Take the policy's lifecycle rules and mark out of a bucket that it names no longer.
    ForgetBucket {
        /// The storage in whose account it is.
        storage: String,
        /// The bucket.
        bucket: LeftBucket,
    },
    /// Set a setting of a database's server, for good.
    SetServer {
        /// The database entry.
        database: String,
        /// Its name.
        setting: String,
        /// Its value.
        value: String,
    },
    /// Delete an alarm of CloudWatch that the policy made and no longer wants.
    RemoveAlarm {
        /// Its name.
        name: String,
    },
    /// Write a file that starts scheduled work.
    InstallFile {
        /// Its path.
        path: String,
        /// What is to stand there.
        content: Content,
    },
    /// Remove such a file.
    RemoveFile {
        /// Its path.
        path: String,
    },
    /// Take a backup.
    TakeBackup {
        /// The database entry.
        database: String,
        /// The tier.
        tier: String,
        /// Where copies go.
        storages: Vec<String>,
        /// The earlier backup to which it refers; left out for a full one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        earlier: Option<String>,
    },
    /// Bring a copy from one storage to another.
    CopyBackup {
        /// The database entry.
        database: String,
        /// The tier.
        tier: String,
        /// The backup.
        id: String,
        /// The storage that has a good copy.
        from: String,
        /// The storage that lacks one.
        to: String,
        /// True when a damaged copy stands there and is removed first.
        replace: bool,
    },
    /// Delete a copy of a backup.
    PruneBackup {
        /// The database entry.
        database: String,
        /// The tier.
        tier: String,
        /// The backup.
        id: String,
        /// The storage.
        storage: String,
        /// Etag of its manifest: only the copy that the plan saw is deleted.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        manifest_etag: String,
    },
    /// Bring WAL that one storage of an archive has to another that lacks it.
    CopyWal {
        /// The storage that has it.
        from: String,
        /// The storage that lacks it.
        to: String,
        /// The database entry.
        database: String,
        /// System identifier of the cluster.
        system_id: String,
        /// What ends before this position is not needed; absent: everything is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "Option<String>")]
        before: Option<Lsn>,
    },
    /// Delete WAL that no base backup needs.
    PruneWal {
        /// The storage.
        storage: String,
        /// The database entry.
        database: String,
        /// System identifier of the cluster.
        system_id: String,
        /// Only what ends before this position; absent: all WAL of the cluster.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "Option<String>")]
        before: Option<Lsn>,
    },
    /// Delete what a killed run left behind.
    ClearLeftover {
        /// The storage.
        storage: String,
        /// The database entry it was for; empty when unknown.
        database: String,
        /// The tier it was for; empty when unknown.
        tier: String,
        /// The backup it was for; empty when unknown.
        id: String,
        /// What it is.
        kind: LeftoverKind,
        /// The keys.
        keys: Vec<String>,
    },
}

impl Deed {
    /// The storages that the deed changes.
    pub fn storages(&self) -> Vec<&str> {
        match self {
            Deed::CreateFolder { storage }
            | Deed::ChangeFolder { storage }
            | Deed::CreateMarker { storage }
            | Deed::PruneBackup { storage, .. }
            | Deed::PruneWal { storage, .. }
            | Deed::ClearLeftover { storage, .. } => vec![storage],
            Deed::Provision { storage, .. } => storage.iter().map(String::as_str).collect(),
            Deed::Forget { .. } | Deed::RemovePolicy { .. } => Vec::new(),
            Deed::ForgetBucket { .. } | Deed::RemoveAlarm { .. } => Vec::new(),
            Deed::SetServer { .. } | Deed::InstallFile { .. } | Deed::RemoveFile { .. } => Vec::new(),
            Deed::CopyBackup { to, .. } | Deed::CopyWal { to, .. } => vec![to],
            Deed::TakeBackup { storages, .. } => storages.iter().map(String::as_str).collect(),
        }
    }

    /// The database entry that the deed is about, if it is about one.
    pub fn database(&self) -> Option<&str> {
        match self {
            Deed::CreateFolder { .. }
            | Deed::ChangeFolder { .. }
            | Deed::CreateMarker { .. }
            | Deed::Provision { .. }
            | Deed::Forget { .. }
            | Deed::RemovePolicy { .. }
            | Deed::ForgetBucket { .. }
            | Deed::RemoveAlarm { .. }
            | Deed::InstallFile { .. }
            | Deed::RemoveFile { .. } => None,
            Deed::TakeBackup { database, .. }
            | Deed::SetServer { database, .. }
            | Deed::CopyBackup { database, .. }
            | Deed::CopyWal { database, .. }
            | Deed::PruneBackup { database, .. }
            | Deed::PruneWal { database, .. }
            | Deed::ClearLeftover { database, .. } => Some(database.as_str()).filter(|name| !name.is_empty()),
        }
    }
}
