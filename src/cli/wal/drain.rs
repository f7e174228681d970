//! `backstay wal drain`: what waits in the spool is brought.

use super::archive::archive;
use super::spooled::{outage_spool, tell_drained};
use crate::cli::{Context, Exit};
use crate::wal::outage::{OutageSpool, drain};

/// Bring WAL that waits in the spool to its storages
///
/// `wal push` does so by itself whenever the server archives a segment. This is for a server that writes nothing just then:
/// call it now and then, as the server's user, on the server's host.
///
/// Exits 0 when nothing waits any more, 1 when something still does.
///
/// Examples:
///   backstay wal drain --database app
///   */5 * * * * postgres backstay --quiet --policy /etc/backstay/app.yaml wal drain --database app
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Name of the database in the policy
    #[arg(short, long)]
    database: String,
}

/// Files that are brought before it is said how far it is.
const STRIDE: usize = 256;

/// Brings what waits, storage by storage.
pub fn run(args: &Args, context: &Context) -> Exit {
    let archive = match archive(context, &args.database) {
        Ok(archive) => archive,
        Err(exit) => return exit,
    };
    let spool = match outage_spool(archive.desired.databases.get(&args.database), context) {
        Ok(Some(spool)) => spool,
        Ok(None) => {
            context.tell("the policy has no spool: `wal.spool`");
            return Exit::Done;
        }
        Err(exit) => return exit,
    };
    archive.closed.iter().for_each(|(_, problem)| context.fail(problem));
    let mut is_done = archive.closed.is_empty();
    for storage in &archive.storages {
        match context.block_on(bring(&spool, storage, args, context)) {
            Ok(Some(is_empty)) => is_done &= is_empty,
            Ok(None) => return Exit::Interrupted,
            Err(error) => {
                context.complain(error, None);
                return Exit::Failed;
            }
        }
    }
    if is_done { Exit::Done } else { Exit::Failed }
}

/// True when nothing waits for the storage any more; `None` when it was told to stop.
async fn bring(
    spool: &OutageSpool,
    storage: &crate::repository::Repository,
    args: &Args,
    context: &Context,
) -> Option<bool> {
    loop {
        let drained = tokio::select! {
            drained = drain(spool, storage, &args.database, STRIDE) => drained,
            () = context.cancel.cancelled() => return None,
        };
        tell_drained(context, &drained);
        match &drained.problem {
            Some(problem) if problem.may_pass() => spool.note_away(&storage.name, &problem.to_string()),
            Some(_) => {}
            None => spool.note_back(&storage.name),
        }
        if drained.problem.is_some() || drained.left.files == 0 {
            return Some(drained.left.files == 0 && drained.problem.is_none());
        }
    }
}
