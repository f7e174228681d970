//! `backstay wal push`: what `archive_command` calls.

use super::archive::archive;
use super::spooled::{self, outage_spool};
use super::state::{AHEAD, state_folder};
use crate::backup::cipher;
use crate::cli::policy_files::named;
use crate::cli::{Context, Exit};
use crate::diag::{Code, Explain, codes};
use crate::wal::outage::{Through, push_through};
use crate::wal::{Ahead, LocalFile, PgWal, Push, Pushed, READY_AT_ONCE, push};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

/// Archive one WAL file, and what is ready beside it
///
/// Checks that the file is what its name says and of the cluster in whose folder it lies, and stores it in every storage of
/// `wal.to`, compressed, and encrypted as the database is. Exits 0 only when each of them has it, durably. When one has
/// another content under the same name, that is an error: two servers believe that they are the same.
///
/// What PostgreSQL will ask for next is taken along, up to 64 files, and remembered in the state folder: those calls return
/// at once.
///
/// With `wal.spool` in the policy a storage that is away is no failure: the file waits in the spool, and later calls, or
/// `wal drain`, bring it. When the spool is full, `when_full` says whether the call fails (`block`) or the segment is given up for
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

/// Archives the file, unless an earlier call did.
pub fn run(args: &Args, context: &Context) -> Exit {
    let pg_wal = PgWal::of(&args.path);
    let own = match pg_wal.look(&args.path) {
        Ok(own) => own,
        Err(error) => {
            context.fail(&error);
            return Exit::Failed;
        }
    };
    let folder = state_folder(args.state_dir.as_deref(), &args.database, own.system).map(|state| state.join(AHEAD));
    let ahead = folder.clone().map(Ahead::in_folder);
    let policies = named(context);
    if ahead.as_ref().is_some_and(|ahead| ahead.take(&own.identity, &policies)) {
        return Exit::Done;
    }
    let archive = match archive(context, &args.database) {
        Ok(archive) => archive,
        Err(exit) => return exit,
    };
    let spec = archive.desired.databases.get(&args.database);
    let spool = match outage_spool(spec, context) {
        Ok(spool) => spool,
        Err(exit) => return exit,
    };
    if spool.is_none() {
        archive.closed.iter().for_each(|(_, problem)| context.fail(problem));
    }
    let encryption = spec.and_then(|database| database.encryption.as_deref());
    let cipher = match cipher(&archive.desired, encryption, context.lookup.as_ref()) {
        Ok(cipher) => cipher,
        Err(error) => {
            context.fail(&error);
            return Exit::Failed;
        }
    };
    // What cannot be remembered is not done ahead.
    let can_remember =
        folder.is_some_and(|folder| DirBuilder::new().recursive(true).mode(0o700).create(folder).is_ok());
    if !can_remember {
        context.tell(
            "files are archived one by one: what is done ahead cannot be remembered; name a folder with --state-dir",
        );
    }
    let ready = if can_remember && archive.closed.is_empty() { pg_wal.ready() } else { Vec::new() };
    let beside = beside(&pg_wal, &own, &ready);
    let file = own.file.to_string();
    let order = Push { database: args.database.clone(), to: archive.storages, cipher };
    let closed: Vec<(String, String)> =
        archive.closed.iter().map(|(storage, problem)| (storage.clone(), problem.to_string())).collect();
    let pushing = async {
        match &spool {
            Some(spool) => push_through(&order, spool, &closed, own, beside, Timestamp::now()).await,
            None => Through { pushed: push(&order, own, beside).await, spooled: Vec::new(), drained: Vec::new() },
        }
    };
    let deed = async {
        tokio::select! {
            through = pushing => Some(through),
            () = context.cancel.cancelled() => None,
        }
    };
    let through = match context.block_on(deed) {
        Ok(Some(through)) => through,
        Ok(None) => return Exit::Interrupted,
        Err(error) => {
            context.complain(error, None);
            return Exit::Failed;
        }
    };
    if let Some(ahead) = &ahead {
        let names: BTreeSet<String> =
            ready.iter().filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect();
        if can_remember {
            ahead.keep_only(&names);
        }
        for done in &through.pushed.ahead {
            // What is not remembered is found stored, later.
            let _ = ahead.note(&done.identity, &policies, &archive.read);
        }
    }
    tell(context, &through.pushed);
    if let Some(spool) = &spool {
        spooled::tell(context, spool, &through);
    }
    if through.is_settled() && (spool.is_some() || archive.closed.is_empty()) {
        return Exit::Done;
    }
    context.fail(&NotArchived { file });
    Exit::Failed
}

/// What is ready beside the file and of the same cluster, in the order in which it will be asked for.
fn beside(pg_wal: &PgWal, own: &LocalFile, ready: &[PathBuf]) -> Vec<LocalFile> {
    let looked = ready.iter().filter_map(|path| pg_wal.look(path).ok());
    looked.filter(|file| file.file != own.file && file.system == own.system).take(READY_AT_ONCE - 1).collect()
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
