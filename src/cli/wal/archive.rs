//! What the policy says of a database's archive of WAL.

use crate::catalog::wal::ClusterWal;
use crate::cli::policy_files::checked_policies;
use crate::cli::{Context, Exit};
use crate::diag::{Code, Explain, codes, nearest};
use crate::observe::ObserveError;
use crate::policy::Desired;
use crate::repository::Repository;
use crate::wal::{Stamp, WalError};
use std::collections::BTreeSet;
use std::path::Path;

/// A database whose WAL is archived.
pub(super) struct Archive {
    /// The policy.
    pub(super) desired: Desired,
    /// The storages that could be opened, in the policy's order.
    pub(super) storages: Vec<Repository>,
    /// Those that could not.
    pub(super) closed: Vec<(String, ObserveError)>,
    /// Every file that the policy was read from.
    pub(super) read: Vec<Stamp>,
}

/// No policy archives WAL of such a database, or more than one does.
#[derive(Debug, thiserror::Error)]
#[error("{problem}")]
struct NotWanted {
    problem: String,
    hint: String,
}

impl Explain for NotWanted {
    fn code(&self) -> &'static Code {
        &codes::WAL_NOT_WANTED
    }

    fn hint(&self) -> Option<String> {
        Some(self.hint.clone())
    }
}

/// Reads the policies and opens the storages of a database's archive. PostgreSQL calls often: advice is left to
/// `validate`.
pub(super) fn archive(context: &Context, database: &str) -> Result<Archive, Exit> {
    let policies = checked_policies(context)?;
    let names: BTreeSet<&str> = policies.sources.iter().map(|(_, source)| source.name.as_str()).collect();
    let read = names.into_iter().filter_map(|name| Stamp::of(Path::new(name))).collect();
    let known: Vec<String> = wanting(&policies.desired).map(|(name, _)| name.clone()).collect();
    let mut found =
        policies.desired.into_iter().filter(|d| wanting(std::slice::from_ref(d)).any(|(n, _)| n == database));
    let Some(desired) = found.next() else { return Err(no_archive(context, database, &known)) };
    if let Some(other) = found.next() {
        let problem = format!("the policies `{}` and `{}` both archive WAL of `{database}`", desired.name, other.name);
        context.fail(&NotWanted { problem, hint: "Name one of them with `--policy FILE`.".to_owned() });
        return Err(Exit::Failed);
    }
    let places = context.places(&desired);
    let (mut storages, mut closed) = (Vec::new(), Vec::new());
    for (_, wal) in wanting(std::slice::from_ref(&desired)).filter(|(name, _)| *name == database) {
        for name in &wal.to {
            match places.place(name) {
                Ok(place) => storages.push(place.repository.clone()),
                Err(problem) => closed.push((name.clone(), problem)),
            }
        }
    }
    Ok(Archive { desired, storages, closed, read })
}

/// What a storage holds of a database, by cluster; or why that is not known. An empty folder may be a disk that is not
/// there.
pub(super) async fn clusters(repository: &Repository, database: &str) -> Result<Vec<ClusterWal>, String> {
    match repository.marker().await {
        Ok(Some(_)) => repository.wal_clusters(database).await.map_err(|error| error.to_string()),
        Ok(None) => Err(WalError::NoRepository(repository.store.location()).to_string()),
        Err(error) => Err(error.to_string()),
    }
}

/// Tells that no policy archives WAL of such a database; `known` are those of which one does.
pub(super) fn no_archive(context: &Context, database: &str, known: &[String]) -> Exit {
    let hint = match nearest(database, known.iter().map(String::as_str)) {
        Some(near) => format!("Did you mean `{near}`?"),
        None => "Give the database `wal: { mode: archive, to: [STORAGE] }` in the policy.".to_owned(),
    };
    let problem = format!("no policy archives WAL of a database `{database}`");
    context.fail(&NotWanted { problem, hint });
    Exit::Failed
}

/// The databases whose WAL is archived.
fn wanting(desired: &[Desired]) -> impl Iterator<Item = (&String, &crate::policy::WalSpec)> {
    let databases = desired.iter().flat_map(|desired| &desired.databases);
    databases.filter_map(|(name, database)| Some((name, database.wal.as_ref()?)))
}
