//! `backstay wal prefetch`: what `fetch` starts, so that the next segment is there before PostgreSQL asks. It says nothing:
//! whatever fails shows again when the segment is asked for.

use super::ahead_args::AheadArgs;
use super::archive::archive;
use super::spooled::shelves;
use super::state::{FETCHED, state_folder};
use crate::base::WalSegment;
use crate::cli::{Context, Exit};
use crate::repository::WalPlace;
use crate::stream::keys;
use crate::wal::{Fetch, FetchedFolder, prefetch};

/// Fetch the segments that follow one
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The segment that PostgreSQL has
    #[arg(value_name = "NAME")]
    after: WalSegment,

    #[command(flatten)]
    work: AheadArgs,
}

/// Fetches what is not there yet.
pub fn run(args: &Args, context: &Context) -> Exit {
    let Some(state) = state_folder(args.work.state_dir.as_deref(), &args.work.database, args.work.system_id) else {
        return Exit::Done;
    };
    let Ok(archive) = archive(context, &args.work.database) else { return Exit::Failed };
    let (keys, _) = keys(&archive.desired, context.lookup.as_ref());
    let spool = shelves(archive.desired.databases.get(&args.work.database), context);
    let order = Fetch { from: archive.storages, spool, keys, stop: context.cancel.clone() };
    let place = WalPlace { database: args.work.database.clone(), system: args.work.system_id };
    let folder = FetchedFolder::new(state.join(FETCHED));
    match context.block_on(prefetch(&order, &place, args.after, &folder)) {
        Ok(()) => Exit::Done,
        Err(_) => Exit::Failed,
    }
}
