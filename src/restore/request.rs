//! What is asked of a restore, and what it works with.

use super::table_name::TableName;
use crate::base::Lookup;
use crate::catalog::Choice;
use crate::event::Observer;
use crate::policy::{Desired, FoundDatabase};
use crate::postgres::Connection;
use crate::repository::Repository;
use indexmap::IndexMap;
use std::path::PathBuf;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What is asked for.
pub struct Request<'a> {
    /// What the policy means.
    pub desired: &'a Desired,
    /// The database's name in the catalog.
    pub name: &'a str,
    /// The same in the policy.
    pub database: FoundDatabase<'a>,
    /// What to restore.
    pub from: From<'a>,
    /// Where to.
    pub to: Destination,
    /// Only these tables; empty: everything.
    pub tables: Vec<TableName>,
    /// Processes at once, 1 or more.
    pub jobs: u32,
    /// What becomes of owners and grants.
    pub owners: Owners,
    /// What becomes of tablespaces.
    pub tablespaces: Tablespaces,
    /// What becomes of what is replaced.
    pub old: Old,
    /// Whether what is there now may need a backup first.
    pub safety: SafetyRule,
}

/// What to restore.
pub enum From<'a> {
    /// A copy of a backup, chosen.
    Backup(Choice<'a>),
    /// A dump of any tool.
    File(PathBuf),
}

/// Where a restore goes.
#[derive(Debug, Clone)]
pub enum Destination {
    /// In the place of the database itself.
    InPlace,
    /// A new database of this name on the same server.
    Into(String),
    /// A database elsewhere that is absent or empty.
    Elsewhere(Connection),
}

/// What becomes of owners and grants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owners {
    /// They are as in the backup.
    AsBackedUp,
    /// Everything belongs to the connecting role.
    LeftOut,
}

/// What becomes of tablespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tablespaces {
    /// They are as in the backup, and must be there.
    AsBackedUp,
    /// Everything goes into the default one.
    LeftOut,
}

/// What becomes of what is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Old {
    /// It stays, under another name.
    Kept,
    /// It is dropped once the new one stands.
    Dropped,
}

/// Whether what is there now is backed up first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SafetyRule {
    /// Unless a backup shows the last writes.
    AsNeeded,
    /// Never.
    Skipped,
}

/// What a restore works with.
pub struct Hands<'a> {
    /// The repositories that are open, by name of their storage.
    pub repositories: &'a IndexMap<String, Repository>,
    /// Where the values of references come from.
    pub lookup: &'a dyn Lookup,
    /// Who listens.
    pub observer: Arc<dyn Observer>,
    /// Cancelled when it should stop and clean up.
    pub cancel: CancellationToken,
    /// Id of the run.
    pub run: String,
}
