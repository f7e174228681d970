//! The spool of WAL that waits for a storage: which one a policy wants, and what is said of it.

use crate::base::Size;
use crate::cli::{Context, Exit};
use crate::diag::{Code, Explain, codes};
use crate::policy::DatabaseSpec;
use crate::repository::Repository;
use crate::wal::WalError;
use crate::wal::outage::{Drained, OutageSpool, SpoolEnd, Through};
use std::path::PathBuf;

/// A segment was given up for a storage.
#[derive(Debug, thiserror::Error)]
#[error(
    "the spool is full, and {storage}, which is away, will not get {segments} segments from {first} on: moments after that \
     cannot be restored from there until the next base backup"
)]
struct GaveUp {
    storage: String,
    segments: u64,
    first: String,
}

impl Explain for GaveUp {
    fn code(&self) -> &'static Code {
        &codes::WAL_GIVEN_UP
    }

    fn hint(&self) -> Option<String> {
        Some("Bring the storage back; then take a base backup with `backstay backup DATABASE`.".to_owned())
    }
}

/// There is no room for a segment.
#[derive(Debug, thiserror::Error)]
#[error("the spool `{}` holds as much as it may, {max}, and {storage} is away", folder.display())]
struct Full {
    folder: PathBuf,
    max: Size,
    storage: String,
}

impl Explain for Full {
    fn code(&self) -> &'static Code {
        &codes::WAL_SPOOL_FULL
    }

    fn hint(&self) -> Option<String> {
        Some(
            "Bring the storage back, or raise `wal.spool.max`: the server keeps the segment in `pg_wal` meanwhile."
                .to_owned(),
        )
    }
}

/// The spool that a database's policy wants, if any. What its path refers to must be there.
pub(super) fn outage_spool(spec: Option<&DatabaseSpec>, context: &Context) -> Result<Option<OutageSpool>, Exit> {
    let Some(spool) = spec.and_then(|spec| spec.wal.as_ref()).and_then(|wal| wal.spool.as_ref()) else {
        return Ok(None);
    };
    match spool.path.resolve(context.lookup.as_ref()) {
        Ok(path) => Ok(Some(OutageSpool::new(PathBuf::from(path.expose()), spool.max, spool.when_full))),
        Err(error) => {
            context.complain(error, None);
            Err(Exit::Failed)
        }
    }
}

/// What waits on this host for a database's storages; empty on any other host.
pub(super) fn shelves(spec: Option<&DatabaseSpec>, context: &Context) -> Vec<Repository> {
    let wal = spec.and_then(|spec| spec.wal.as_ref());
    let path = wal.and_then(|wal| wal.spool.as_ref()?.path.resolve(context.lookup.as_ref()).ok());
    let Some((wal, spool)) = wal.and_then(|wal| {
        let spool = wal.spool.as_ref()?;
        let folder = PathBuf::from(path?.expose());
        folder.is_dir().then(|| (wal, OutageSpool::new(folder, spool.max, spool.when_full)))
    }) else {
        return Vec::new();
    };
    wal.to.iter().map(|storage| spool.shelf(storage)).collect()
}

/// Says what waits, what was given up, and what was brought.
pub(super) fn tell(context: &Context, spool: &OutageSpool, through: &Through) {
    for spooled in &through.spooled {
        let (storage, problem) = (&spooled.storage, &spooled.problem);
        match &spooled.end {
            SpoolEnd::Waits => context.tell(format_args!("it waits in the spool for {storage}: {problem}")),
            SpoolEnd::Full => {
                context.fail(&Full { folder: spool.folder().to_owned(), max: spool.max, storage: storage.clone() });
            }
            SpoolEnd::GivenUp(record) => context.fail(&GaveUp {
                storage: storage.clone(),
                segments: record.segments(),
                first: record.first.to_string(),
            }),
            SpoolEnd::Failed(error) => context.fail(error),
        }
    }
    through.drained.iter().for_each(|drained| tell_drained(context, drained));
}

/// Says what was brought to a storage.
pub(super) fn tell_drained(context: &Context, drained: &Drained) {
    let Drained { storage, brought, bytes, records, left, problem, conflicts: _ } = drained;
    if let Some(problem) = problem {
        context.fail(problem);
        if let WalError::OtherContent { .. } = problem {
            context.tell("what is here stays in the spool");
        }
    }
    let files = |n: usize| if n == 1 { "1 file".to_owned() } else { format!("{n} files") };
    let mut said = format!("{} that waited for {storage} brought, {}", files(*brought), Size(*bytes));
    if left.files > 0 {
        said += &format!("; {} wait, {}", files(left.files), Size(left.bytes));
    }
    if *records > 0 {
        said += "; it knows now what was given up";
    }
    if drained.is_worth_telling() {
        context.tell(said);
    }
}
