//! `backstay wal fetch`: what `restore_command` calls.
//!
//! PostgreSQL takes any exit code up to 125 for "there is no such file", and then recovery ends. So everything but a certain
//! answer exits above.

use super::archive::archive;
use super::spooled::shelves;
use super::state::{FETCHED, state_folder};
use crate::base::{SystemId, WalFile, WalSegment};
use crate::cli::{Context, Exit};
use crate::diag::{Code, Explain, codes};
use crate::repository::WalPlace;
use crate::stream::keys;
use crate::wal::{Fetch, FetchedFolder, PREFETCHED, PgWal, WalError, fetch, place_file};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Fetch one WAL file for recovery
///
/// Looks through the storages of `wal.to` in order, decrypts and decompresses the file, compares it with its digest and puts
/// it in its place. The next segments are fetched meanwhile into the state folder.
///
/// Exits 0 when the file is there, 1 when every storage was asked and none has it, and 200 when that is not known: a storage
/// cannot be read, a key lacks, the file is damaged, the policy is invalid. PostgreSQL goes on after 1, by ending recovery or
/// on another timeline, and stops after 200. Beside a `standby.signal` a segment that is not known to exist exits 1 instead:
/// a standby asks again.
///
/// Examples:
///   restore_command = 'backstay --policy /etc/backstay/app.yaml wal fetch %f %p --database app'
///   backstay wal fetch 00000002.history /tmp/history --database app --system-id 7412345678901234567
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Name of the file: `%f` of restore_command
    #[arg(value_name = "NAME")]
    name: String,

    /// Where to put it: `%p` of restore_command
    #[arg(value_name = "PATH")]
    path: PathBuf,

    /// Name of the database in the policy
    #[arg(short, long)]
    database: String,

    /// Which cluster's WAL [default: that of the data directory around PATH, or the only one archived]
    #[arg(long, value_name = "ID")]
    system_id: Option<SystemId>,

    /// Say of every later segment that it is not there
    #[arg(long, value_name = "SEGMENT", hide = true)]
    until: Option<WalSegment>,

    /// Where segments are fetched to ahead [default: $XDG_STATE_HOME/backstay, ~/.local/state/backstay]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
}

/// Nobody knows whether there is such a file.
#[derive(Debug, thiserror::Error)]
#[error("whether `{file}` is archived is not known: recovery must not go on without it")]
struct Uncertain {
    file: WalFile,
}

impl Explain for Uncertain {
    fn code(&self) -> &'static Code {
        &codes::WAL_UNCERTAIN
    }

    fn hint(&self) -> Option<String> {
        Some("Mend what is said above, then start the server again.".to_owned())
    }
}

/// Puts the file in its place, or says what is certain.
pub fn run(args: &Args, context: &Context) -> Exit {
    // A panic exits 101, which PostgreSQL would take for an answer.
    let end = std::panic::catch_unwind(AssertUnwindSafe(|| fetched(args, context)));
    match end {
        Ok(Ok(true)) => Exit::Done,
        Ok(Ok(false)) => Exit::Failed,
        Ok(Err(())) | Err(_) => Exit::Uncertain,
    }
}

/// The exit of words that are not understood: when they were meant to fetch, even a typing mistake must not look like an
/// answer.
pub fn sealed(words: &[OsString], exit: Exit) -> Exit {
    let is_fetch = words.windows(2).any(|pair| pair[0] == "wal" && pair[1] == "fetch");
    if exit == Exit::Usage && is_fetch { Exit::Uncertain } else { exit }
}

/// True: it is there. False: there is none. `Err`: nobody knows, and everything was told.
fn fetched(args: &Args, context: &Context) -> Result<bool, ()> {
    let file: WalFile = args.name.parse().map_err(|error| context.fail(&WalError::Name(error)))?;
    if let (WalFile::Segment(segment), Some(until)) = (file, args.until)
        && segment > until
    {
        return Ok(false);
    }
    let pg_wal = PgWal::of(&args.path);
    let here = args.system_id.or(pg_wal.cluster);
    let folder = |system| {
        let state = state_folder(args.state_dir.as_deref(), &args.database, system)?;
        Some(FetchedFolder::new(state.join(FETCHED)))
    };
    if let Some(folder) = here.and_then(folder) {
        match folder.take(file, &args.path) {
            Ok(true) => {
                if folder.segments().len() < PREFETCHED / 2 {
                    prefetch_after(args, context, file, here);
                }
                return Ok(true);
            }
            Ok(false) => {}
            Err(error) => {
                context.fail(&error);
                return Err(());
            }
        }
    }
    let end = context.block_on(ask(args, context, file, here)).map_err(|error| context.complain(error, None))?;
    match end {
        Asked::Found(system) => {
            if folder(system).is_some() {
                prefetch_after(args, context, file, Some(system));
            }
            Ok(true)
        }
        Asked::Absent(system) => {
            context.tell(format_args!("`{file}` is not archived"));
            // Nothing that lies there follows what is asked for now.
            if let Some(folder) = system.and_then(folder)
                && let Ok(Some(_filling)) = folder.fill()
            {
                folder.keep_only(&BTreeSet::new());
            }
            Ok(false)
        }
        Asked::Unknown => {
            if pg_wal.is_standby() && matches!(file, WalFile::Segment(_)) {
                context.tell("a standby asks again");
                return Ok(false);
            }
            context.fail(&Uncertain { file });
            Err(())
        }
    }
}

/// What the storages say.
enum Asked {
    Found(SystemId),
    Absent(Option<SystemId>),
    Unknown,
}

async fn ask(args: &Args, context: &Context, file: WalFile, here: Option<SystemId>) -> Asked {
    let Ok(archive) = archive(context, &args.database) else { return Asked::Unknown };
    archive.closed.iter().for_each(|(_, problem)| context.fail(problem));
    let (keys, absent) = keys(&archive.desired, context.lookup.as_ref());
    let spool = shelves(archive.desired.databases.get(&args.database), context);
    let order = Fetch { from: archive.storages, spool, keys, stop: context.cancel.clone() };
    let system = match here {
        Some(system) => system,
        None => match only_cluster(&order, &args.database, file).await {
            Ok(Some(system)) => system,
            Ok(None) if archive.closed.is_empty() => return Asked::Absent(None),
            Ok(None) => return Asked::Unknown,
            Err(error) => {
                context.fail(&error);
                return Asked::Unknown;
            }
        },
    };
    let place = WalPlace { database: args.database.clone(), system };
    match fetch(&order, &place, file).await {
        Ok(Some((_, content))) => match place_file(&args.path, &content) {
            Ok(()) => Asked::Found(system),
            Err(error) => {
                context.fail(&error);
                Asked::Unknown
            }
        },
        Ok(None) if archive.closed.is_empty() => Asked::Absent(Some(system)),
        Ok(None) => Asked::Unknown,
        Err(problems) => {
            for (_, error) in &problems {
                context.fail(error);
            }
            for reason in absent {
                context.tell(format_args!("a key of the policy is not at hand here: {reason}"));
            }
            Asked::Unknown
        }
    }
}

/// The cluster whose WAL is archived, where it is the only one.
async fn only_cluster(order: &Fetch, database: &str, file: WalFile) -> Result<Option<SystemId>, WalError> {
    let mut systems = BTreeSet::new();
    for repository in &order.from {
        systems.extend(repository.wal_of(database).await?.into_iter().map(|object| object.system));
    }
    match systems.len() {
        0 | 1 => Ok(systems.pop_first()),
        _ => {
            let known = systems.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            Err(WalError::UnknownCluster { file, problem: format!("the archive holds {known}") })
        }
    }
}

/// Starts a process that fetches what follows. What it does is a help and no more: nobody waits for it.
fn prefetch_after(args: &Args, context: &Context, file: WalFile, system: Option<SystemId>) {
    use std::os::unix::process::CommandExt;
    let (WalFile::Segment(segment), Some(system), Ok(program)) = (file, system, std::env::current_exe()) else {
        return;
    };
    let mut command = Command::new(program);
    for policy in &context.policies {
        command.arg("--policy").arg(policy);
    }
    command.args(["wal", "prefetch", &segment.to_string(), "--database", &args.database]);
    command.args(["--system-id", &system.to_string()]);
    if let Some(folder) = &args.state_dir {
        command.arg("--state-dir").arg(Path::new(folder));
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    // Its end is of no concern, and we end before it does.
    drop(command.spawn());
}
