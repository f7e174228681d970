//! What waits in spools on this host, for verbs that look after everything.

use super::spooled::tell_drained;
use crate::cli::Context;
use crate::observe::open;
use crate::policy::{DatabaseSpec, Desired, WalMode, WalSpec};
use crate::repository::Repository;
use crate::wal::outage::{Drained, OutageSpool, bring_all};
use std::path::PathBuf;

/// True when WAL of a database may wait in a spool, on whatever host.
pub(in crate::cli) fn has_spool(spec: &DatabaseSpec) -> bool {
    spool_of(spec).is_some()
}

fn spool_of(spec: &DatabaseSpec) -> Option<(&WalSpec, &crate::policy::WalSpoolSpec)> {
    let wal = spec.wal.as_ref().filter(|wal| wal.mode == WalMode::Archive)?;
    Some((wal, wal.spool.as_ref()?))
}

/// The spool of a database, if it is on this host and this user's: what another user touches there is lost to the server.
fn spool_here<'a>(spec: &'a DatabaseSpec, context: &Context) -> Option<(&'a WalSpec, OutageSpool)> {
    let (wal, spool) = spool_of(spec)?;
    let folder = PathBuf::from(spool.path.resolve(context.lookup.as_ref()).ok()?.expose());
    let spool = OutageSpool::new(folder, spool.max, spool.when_full);
    spool.is_ours().then_some((wal, spool))
}

/// True when something waits on this host for a storage that did not fail a moment ago.
pub(in crate::cli) async fn waits_here(spec: &DatabaseSpec, database: &str, context: &Context) -> bool {
    let Some((wal, spool)) = spool_here(spec, context) else { return false };
    for storage in wal.to.iter().filter(|storage| spool.is_away(storage).is_none()) {
        let waits = spool.waits(storage, database).await.unwrap_or_default();
        if waits.files + waits.records > 0 {
            return true;
        }
    }
    false
}

/// Brings what waits on this host for databases that are meant, unless another process does. Nothing here changes how a run
/// ends: a storage that is away is told by what needs it.
pub(in crate::cli) async fn drain_here(desired: &Desired, context: &Context, is_meant: impl Fn(&str) -> bool) {
    for (name, spec) in desired.databases.iter().filter(|(name, _)| is_meant(name)) {
        let Some((wal, spool)) = spool_here(spec, context) else { continue };
        if !waits_here(spec, name, context).await {
            continue;
        }
        let Ok(Some(claim)) = spool.claim(name) else { continue };
        let places = open(desired, context.lookup.as_ref());
        let to: Vec<Repository> =
            wal.to.iter().filter_map(|storage| Some(places.place(storage).ok()?.repository.clone())).collect();
        let mut told = |drained: &Drained| {
            match &drained.problem {
                Some(problem) if problem.may_pass() => {
                    context.tell(format_args!("WAL of {name} waits for {}: {problem}", drained.storage));
                }
                _ => tell_drained(context, drained),
            }
            true
        };
        tokio::select! {
            _ = bring_all(&spool, &to, name, claim, &mut told) => {}
            () = context.cancel.cancelled() => return,
        }
    }
}
