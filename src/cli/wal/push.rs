//! `backstay wal push`: what `archive_command` calls.

use super::archive::archive;
use super::drain;
use super::spooled::{self, outage_spool};
use super::state::Memory;
use crate::backup::cipher;
use crate::cli::policy_files::named;
use crate::cli::{Context, Exit};
use crate::diag::{Code, Explain, codes};
use crate::wal::outage::{Rest, Through, push_through};
use crate::wal::{AheadFailure, Claim, LocalFile, PgWal, Push, Pushed, Turn, push, turn};
use jiff::Timestamp;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Archive one WAL file
///
/// Checks that the file is what its name says and of the cluster in whose folder it lies, and stores it in every storage of
/// `wal.to`, compressed, and encrypted as the database is. Exits 0 only when each of them has it, durably. When one has
/// another content under the same name, that is an error: two servers believe that they are the same.
///
/// What PostgreSQL will ask for next is archived meanwhile, up to 64 files ahead, by a process that is started for it and ends
/// by itself. What it did is remembered in the state folder: the calls for those files return at once.
///
/// With `wal.spool` in the policy a storage that is away is no failure: the file waits in the spool. The call that finds the
/// storage back starts a process that brings what waits, as `wal drain` does. When the spool is full, `when_full` says whether the call fails (`block`) or the segment is given up for
/// that storage and recorded (`gap`).
///
/// Examples:
///   archive_command = 'backstay --policy /etc/backstay/app.yaml wal push %p --database app'
///   backstay wal push pg_wal/0000000100000016000000B3 --database app
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The file, in the folder where PostgreSQL keeps it: `%p` of archive_command
    #[arg(value_name = "PATH")]
    path: PathBuf,

    /// Name of the database in the policy
    #[arg(short, long)]
    database: String,

    /// Where to remember what was archived ahead [default: $XDG_STATE_HOME/backstay, ~/.local/state/backstay]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
}

/// The file is not everywhere.
#[derive(Debug, thiserror::Error)]
#[error("`{file}` is not archived; PostgreSQL keeps it and asks again")]
struct NotArchived {
    file: String,
}

impl Explain for NotArchived {
    fn code(&self) -> &'static Code {
        &codes::WAL_NOT_STORED
    }
}

/// Archives the file, unless another process did or does.
pub fn run(args: &Args, context: &Context) -> Exit {
    let pg_wal = PgWal::of(&args.path);
    let own = match pg_wal.look(&args.path) {
        Ok(own) => own,
        Err(error) => {
            context.fail(&error);
            return Exit::Failed;
        }
    };
    let memory = Memory::of(args.state_dir.as_deref(), &args.database, own.system);
    let Some(memory) = memory.filter(Memory::is_usable) else {
        context.tell(
            "files are archived one by one: what is done ahead cannot be remembered; name a folder with --state-dir",
        );
        return push_one(args, context, own, &[]).exit();
    };
    let (claim, failures) = match turn(&memory.ahead, &own.identity, &named(context)) {
        Turn::Done => {
            start_ahead(args, context, &pg_wal, &own, &memory);
            return Exit::Done;
        }
        Turn::Ours { claim, failures, is_fresh: true } => (claim, failures),
        Turn::Ours { claim, failures, is_fresh: false } => {
            failures.iter().for_each(|failure| context.tell(failure));
            (claim, Vec::new())
        }
    };
    let end = push_one(args, context, own.clone(), &failures);
    drop(claim);
    if matches!(end, End::Stored) {
        start_ahead(args, context, &pg_wal, &own, &memory);
    }
    end.exit()
}

/// How a call ends.
enum End {
    /// Every storage has the file.
    Stored,
    /// The server may let go of it all the same.
    Settled,
    Failed(Exit),
}

impl End {
    fn exit(self) -> Exit {
        match self {
            End::Stored | End::Settled => Exit::Done,
            End::Failed(exit) => exit,
        }
    }
}

/// Archives the file here. `failures` were found out a moment ago; without a spool they are the answer.
fn push_one(args: &Args, context: &Context, own: LocalFile, failures: &[AheadFailure]) -> End {
    let archive = match archive(context, &args.database) {
        Ok(archive) => archive,
        Err(exit) => return End::Failed(exit),
    };
    let spec = archive.desired.databases.get(&args.database);
    let spool = match outage_spool(spec, context) {
        Ok(spool) => spool,
        Err(exit) => return End::Failed(exit),
    };
    let file = own.file.to_string();
    if spool.is_none() {
        archive.closed.iter().for_each(|(_, problem)| context.fail(problem));
        if !failures.is_empty() {
            failures.iter().for_each(|failure| context.fail(failure));
            context.fail(&NotArchived { file });
            return End::Failed(Exit::Failed);
        }
    }
    let encryption = spec.and_then(|database| database.encryption.as_deref());
    let cipher = match cipher(&archive.desired, encryption, context.lookup.as_ref()) {
        Ok(cipher) => cipher,
        Err(error) => {
            context.fail(&error);
            return End::Failed(Exit::Failed);
        }
    };
    let order = Push { database: args.database.clone(), to: archive.storages, cipher };
    let closed: Vec<(String, String)> =
        archive.closed.iter().map(|(storage, problem)| (storage.clone(), problem.to_string())).collect();
    let pushing = async {
        match &spool {
            Some(spool) => push_through(&order, spool, &closed, own, Timestamp::now()).await,
            None => Through::directly(push(&order, own, Vec::new()).await),
        }
    };
    let deed = async {
        tokio::select! {
            through = pushing => Some(through),
            () = context.cancel.cancelled() => None,
        }
    };
    let mut through = match context.block_on(deed) {
        Ok(Some(through)) => through,
        Ok(None) => return End::Failed(Exit::Interrupted),
        Err(error) => {
            context.complain(error, None);
            return End::Failed(Exit::Failed);
        }
    };
    tell(context, &through.pushed);
    if let Some(spool) = &spool {
        spooled::tell(context, spool, &through);
        let claim = match std::mem::take(&mut through.rest) {
            Rest::Nothing => None,
            Rest::Ours(claim) => Some(claim),
            // Who brought it may have ended before it saw this file.
            Rest::Theirs => spool.claim(&args.database).ok().flatten(),
        };
        claim.into_iter().for_each(|claim| drain::start(claim, &args.database, context));
    }
    if through.is_settled() && (spool.is_some() || archive.closed.is_empty()) {
        return if through.spooled.is_empty() { End::Stored } else { End::Settled };
    }
    context.fail(&NotArchived { file });
    End::Failed(Exit::Failed)
}

/// Starts the process that archives what is ready beside the file, unless one lives or there is nothing for it. What it does
/// is a help and no more: nobody waits for it.
fn start_ahead(args: &Args, context: &Context, pg_wal: &PgWal, own: &LocalFile, memory: &Memory) {
    let (Ok(Some(claim)), Ok(program)) = (Claim::take(memory.pushing.clone()), std::env::current_exe()) else { return };
    let ready = pg_wal.ready();
    let names = ready.iter().filter_map(|path| path.file_name()?.to_str());
    if !memory.ahead.has_work(names.skip_while(|name| *name != own.identity.name).skip(1)) {
        return;
    }
    let mut command = Command::new(program);
    command.arg("--quiet").args(&context.handed_on);
    for policy in &context.policies {
        command.arg("--policy").arg(policy);
    }
    command.args(["wal", "push-ahead"]).arg(&args.path).args(["--database", &args.database]);
    command.args(["--system-id", &own.system.to_string()]);
    if let Some(folder) = &args.state_dir {
        command.arg("--state-dir").arg(folder);
    }
    // A server that stops waits for nothing that holds its streams or belongs to its group.
    command.stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    let _ = claim.hand_over(&mut command);
}

fn tell(context: &Context, pushed: &Pushed) {
    for upshot in &pushed.own {
        if let Err(error) = &upshot.end {
            context.fail(error);
        }
    }
    if let [_, _, ..] = pushed.own.as_slice() {
        let stored = pushed.own.iter().filter(|upshot| upshot.end.is_ok()).map(|upshot| upshot.storage.as_str());
        let stored: Vec<&str> = stored.collect();
        if stored.len() < pushed.own.len() && !stored.is_empty() {
            context.tell(format_args!("it is stored in {}", stored.join(", ")));
        }
    }
}
