//! `backstay wal receive`: the write-ahead log as it is written, into the stores.

use super::archive::archive;
use super::state::received_folder;
use crate::backup::cipher;
use crate::base::Size;
use crate::cli::{Context, Exit};
use crate::diag::{Code, Explain, codes};
use crate::policy::WalMode;
use crate::postgres::replication::SlotName;
use crate::wal::Push;
use crate::wal::receive::{Receive, ReceiveError, Spool, receive};
use std::path::PathBuf;

/// Receive the write-ahead log as it is written, until stopped
///
/// Streams WAL from the server of a database with `wal: { mode: stream, to: [STORAGE, …] }`. The segment that the server
/// writes grows in the state folder, a few milliseconds behind; each whole segment goes to every storage of `wal.to`,
/// compressed, and encrypted as the database is. Goes on by itself when the server or a storage was away, and after a
/// promotion with the new timeline. One process a database; SIGTERM ends it cleanly.
///
/// With a slot, `wal.slot` or --slot, the server keeps WAL until every storage has it. Without one it keeps what
/// `wal_keep_size` says, and a longer absence leaves a gap that only a new base backup ends.
///
/// Needs the REPLICATION attribute and a `replication` line in pg_hba.conf. Does not work behind `exec`.
///
/// Examples:
///   backstay wal receive --database app
///   backstay wal receive --database app --slot backstay --synchronous
///   backstay wal receive --database app --from-now       after WAL was lost: leave the gap
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Name of the database in the policy
    #[arg(short, long)]
    database: String,

    /// Replication slot that keeps WAL on the server; made if there is none [default: `wal.slot` of the policy]
    #[arg(long, value_name = "NAME")]
    slot: Option<SlotName>,

    /// Write to disk at once and say so, as `wal.synchronous` does: a server that names this process in
    /// `synchronous_standby_names` waits for that
    #[arg(long)]
    synchronous: bool,

    /// Begin with what the server writes now, even if what is stored ends before that
    #[arg(long)]
    from_now: bool,

    /// How much may wait for a storage that is away; then nothing more is taken [default: `wal.spool.max`, or 1GiB]
    #[arg(long, value_name = "SIZE")]
    spool: Option<Size>,

    /// Where segments grow and wait [default: `wal.spool.path`, or $XDG_STATE_HOME/backstay, ~/.local/state/backstay]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,

    /// End when standard input does: it is a pipe from whoever started this
    #[arg(long, hide = true)]
    tied: bool,
}

/// How much may wait unless it is said.
const LIMIT: Size = Size(1 << 30);

/// This database's WAL cannot be received.
#[derive(Debug, thiserror::Error)]
#[error("WAL of `{database}` cannot be received: {problem}")]
struct NotReceivable {
    database: String,
    problem: &'static str,
    hint: &'static str,
}

impl Explain for NotReceivable {
    fn code(&self) -> &'static Code {
        &codes::WAL_NOT_RECEIVABLE
    }

    fn hint(&self) -> Option<String> {
        Some(self.hint.to_owned())
    }
}

/// Receives until a signal ends it.
pub fn run(args: &Args, context: &Context) -> Exit {
    let archive = match archive(context, &args.database) {
        Ok(archive) => archive,
        Err(exit) => return exit,
    };
    if !archive.closed.is_empty() {
        archive.closed.iter().for_each(|(_, problem)| context.fail(problem));
        return Exit::Failed;
    }
    let Some(spec) = archive.desired.databases.get(&args.database) else { return Exit::Failed };
    let unfit = |problem, hint| {
        context.fail(&NotReceivable { database: args.database.clone(), problem, hint });
        Exit::Failed
    };
    let Some(wal) = spec.wal.as_ref().filter(|wal| wal.mode == WalMode::Stream) else {
        return unfit("the policy has the server archive it", "Write `mode: stream` into `wal`, or call `wal push`.");
    };
    if !spec.exec.is_empty() {
        return unfit(
            "its server is reached by `exec`, and the connection for WAL is backstay's own",
            "Run it where the server can be reached, with a `connection` and without `exec`.",
        );
    }
    let cipher = match cipher(&archive.desired, spec.encryption.as_deref(), context.lookup.as_ref()) {
        Ok(cipher) => cipher,
        Err(error) => {
            context.fail(&error);
            return Exit::Failed;
        }
    };
    let said = match wal.spool.as_ref().map(|spool| spool.path.resolve(context.lookup.as_ref())).transpose() {
        Ok(said) => said.map(|path| PathBuf::from(path.expose())),
        Err(error) => {
            context.complain(error, None);
            return Exit::Failed;
        }
    };
    let Some(folder) = received_folder(args.state_dir.as_deref().or(said.as_deref())) else {
        return unfit("there is no folder for what is under way", "Name one with `--state-dir`.");
    };
    let spool = match Spool::open(&folder, &args.database) {
        Ok(spool) => spool,
        Err(error) => {
            context.fail(&error);
            return if matches!(error, ReceiveError::Busy { .. }) { Exit::Locked } else { Exit::Failed };
        }
    };
    // The policy was checked: what it names is the name of a slot.
    let slot = args.slot.clone().or_else(|| wal.slot.as_ref()?.parse().ok());
    if args.tied {
        let stop = context.cancel.clone();
        std::thread::spawn(move || {
            // What ends it in whatever way ends this.
            let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
            stop.cancel();
        });
    }
    let observer = context.observer();
    let order = Receive {
        push: Push { database: args.database.clone(), to: archive.storages, cipher },
        spec,
        slot,
        synchronous: args.synchronous || wal.is_synchronous,
        from_now: args.from_now,
        limit: args.spool.or(wal.spool.as_ref().map(|spool| spool.max)).unwrap_or(LIMIT),
        lookup: context.lookup.as_ref(),
        observer: observer.as_ref(),
        stop: context.cancel.clone(),
    };
    match context.block_on(receive(&order, spool)) {
        Ok(Ok(())) => Exit::Done,
        Ok(Err(error)) => {
            context.fail(&error);
            Exit::Failed
        }
        Err(error) => {
            context.complain(error, None);
            Exit::Failed
        }
    }
}
