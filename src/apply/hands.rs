//! Everything a run needs to reach the world.

use crate::base::{BackupId, Lookup};
use crate::event::Observer;
use crate::observe::Places;
use crate::policy::Desired;
use crate::repository::Repository;
use jiff::Timestamp;
use std::path::PathBuf;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Prints a new access key, once. It must say so when it could not.
pub type PrintKey = Arc<dyn Fn(&str) -> std::io::Result<()> + Send + Sync>;

/// What a run works with.
pub struct Hands<'a> {
    /// What the policy means.
    pub desired: &'a Desired,
    /// The storages of the policy, opened.
    pub places: &'a Places,
    /// Where the values of references come from.
    pub lookup: Arc<dyn Lookup>,
    /// Who listens.
    pub observer: Arc<dyn Observer>,
    /// Cancelled when the run should stop cleanly.
    pub cancel: CancellationToken,
    /// Id of the run: in journals, locks, manifests.
    pub run: String,
    /// The verb, as locks name it.
    pub verb: &'static str,
    /// Below which files that start scheduled work are written; `/` unless someone looks at them first.
    pub root: PathBuf,
    /// What this machine keeps for itself; `None`: nothing.
    pub state: Option<Repository>,
    /// Prints keys that go to standard output; `None` where that carries something else.
    pub print_key: Option<PrintKey>,
}

/// A new id for a run: the time and four letters.
pub fn run_id(now: Timestamp) -> String {
    BackupId::new(now, getrandom::u32().unwrap_or_else(|_| std::process::id())).to_string()
}
