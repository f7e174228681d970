//! `backstay wal drain`: what waits in the spool is brought. Whoever finds a storage back starts it for the rest, too.

use super::archive::archive;
use super::spooled::{outage_spool, tell_drained};
use crate::cli::{Context, Exit};
use crate::wal::outage::{BroughtEnd, OutageSpool, bring_all};
use crate::wal::{Claim, Stamp, WalError};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Bring WAL that waits in the spool to its storages
///
/// `wal push` starts this by itself when it finds a storage back, and `backstay agent`, `run` and `apply` look for what waits on
/// their host. This is for a server that writes nothing just then, where none of them runs: call it now and then, as the server's
/// user, on the server's host.
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

    /// The claim on the spool is standard input
    #[arg(long, hide = true)]
    handed_over: bool,
}

/// Between two looks whether another process is done.
const LOOKS_EVERY: Duration = Duration::from_millis(200);

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
    let deed = async {
        let claim = match args.handed_over {
            true => Ok(Claim::handed_over(spool.claimed(&args.database))),
            false => wait_for_claim(&spool, &args.database, context).await,
        };
        let claim = match claim {
            Ok(Some(claim)) => claim,
            Ok(None) if args.handed_over => return Exit::Usage,
            Ok(None) => return Exit::Interrupted,
            Err(error) => {
                context.fail(&error);
                return Exit::Failed;
            }
        };
        let mut told = |drained: &_| {
            tell_drained(context, drained);
            // Another policy may name other storages.
            archive.read.iter().all(Stamp::holds)
        };
        tokio::select! {
            end = bring_all(&spool, &archive.storages, &args.database, claim, &mut told) => match end {
                BroughtEnd::Empty if archive.closed.is_empty() => Exit::Done,
                BroughtEnd::Empty | BroughtEnd::Left => Exit::Failed,
            },
            () = context.cancel.cancelled() => Exit::Interrupted,
        }
    };
    context.block_on(deed).unwrap_or_else(|error| {
        context.complain(error, None);
        Exit::Failed
    })
}

/// The claim as soon as no other process brings what waits; `None` when this one was told to stop.
async fn wait_for_claim(spool: &OutageSpool, database: &str, context: &Context) -> Result<Option<Claim>, WalError> {
    let mut is_told = false;
    loop {
        if let Some(claim) = spool.claim(database)? {
            return Ok(Some(claim));
        }
        if !is_told {
            context.tell("another process brings what waits; waiting for it");
            is_told = true;
        }
        tokio::select! {
            () = tokio::time::sleep(LOOKS_EVERY) => {}
            () = context.cancel.cancelled() => return Ok(None),
        }
    }
}

/// Starts a process that brings what waits and ends when nothing does. Nobody waits for it, and it has nothing of ours: a
/// server that stops waits for nothing that holds its streams or belongs to its group.
pub(super) fn start(claim: Claim, database: &str, context: &Context) {
    let Ok(program) = std::env::current_exe() else { return };
    let mut command = Command::new(program);
    command.arg("--quiet").args(&context.handed_on);
    for policy in &context.policies {
        command.arg("--policy").arg(policy);
    }
    command.args(["wal", "drain", "--database", database, "--handed-over"]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    // It is a help and no more: later calls find what waits.
    let _ = claim.hand_over(&mut command);
}
