//! `backstay wal push-ahead`: what `push` starts, so that the next files are archived before PostgreSQL asks. What fails is
//! remembered for the call that asks, and is in the log.

use super::ahead_args::AheadArgs;
use super::archive::archive;
use super::spooled::outage_spool;
use super::state::Memory;
use crate::backup::cipher;
use crate::cli::policy_files::named;
use crate::cli::{Context, Exit};
use crate::wal::{Claim, PgWal, Push, PushAhead, push_ahead};
use std::path::PathBuf;

/// Archive what is ready after a file
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The file that was archived last, in the folder where PostgreSQL keeps it
    #[arg(value_name = "PATH")]
    after: PathBuf,

    #[command(flatten)]
    work: AheadArgs,
}

/// Archives what is ready until nothing is.
pub fn run(args: &Args, context: &Context) -> Exit {
    let memory = Memory::of(args.work.state_dir.as_deref(), &args.work.database, args.work.system_id);
    let claim = memory.and_then(|memory| Some((Claim::handed_over(memory.pushing.clone())?, memory.ahead)));
    let Some((_claim, ahead)) = claim else {
        context.complain("`wal push` starts this when there is something to do", None);
        return Exit::Usage;
    };
    let Ok(after) = args.after.file_name().unwrap_or_default().to_string_lossy().parse() else { return Exit::Usage };
    let Ok(archive) = archive(context, &args.work.database) else { return Exit::Failed };
    archive.closed.iter().for_each(|(_, problem)| context.fail(problem));
    let spec = archive.desired.databases.get(&args.work.database);
    let Ok(spool) = outage_spool(spec, context) else { return Exit::Failed };
    let encryption = spec.and_then(|database| database.encryption.as_deref());
    let cipher = match cipher(&archive.desired, encryption, context.lookup.as_ref()) {
        Ok(cipher) => cipher,
        Err(error) => {
            context.fail(&error);
            return Exit::Failed;
        }
    };
    // What cannot be everywhere is left to the calls.
    if !archive.closed.is_empty() {
        return Exit::Failed;
    }
    let job = PushAhead {
        order: Push { database: args.work.database.clone(), to: archive.storages, cipher },
        spool,
        pg_wal: PgWal::of(&args.after),
        system: args.work.system_id,
        after,
        ahead,
        named: named(context),
        read: archive.read,
    };
    let deed = async {
        tokio::select! {
            failures = push_ahead(&job) => failures,
            () = context.cancel.cancelled() => Vec::new(),
        }
    };
    match context.block_on(deed) {
        Ok(failures) => {
            failures.iter().for_each(|failure| context.fail(failure));
            if failures.is_empty() { Exit::Done } else { Exit::Failed }
        }
        Err(error) => {
            context.complain(error, None);
            Exit::Failed
        }
    }
}
