//! `backstay wal`: the write-ahead log into the archive and back.
//!
//! `push` and `fetch` are called by PostgreSQL, and start `push-ahead` and `prefetch`; `receive` stays and streams; `drain` brings what
//! waits in a spool; `here` does so for verbs that look after everything; `list` shows what is archived, and `verify` proves it. `archive` finds what a database's policy says.

mod ahead_args;
mod archive;
mod drain;
mod fetch;
mod here;
mod list;
mod prefetch;
mod push;
mod push_ahead;
mod receive;
mod spooled;
mod state;
mod verify;

use super::{Context, Exit};
use clap::Subcommand;

/// Archive the write-ahead log, and fetch it for recovery
///
/// PostgreSQL calls `push` and `fetch` itself:
///
///   archive_command = 'backstay --policy /etc/backstay/app.yaml wal push %p --database app'
///   restore_command = 'backstay --policy /etc/backstay/app.yaml wal fetch %f %p --database app'
///
/// The database needs `wal: { mode: archive, to: [STORAGE, …] }` in the policy. With
/// `mode: stream` a process that stays receives WAL as it is written: `receive`.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Push(push::Args),
    Fetch(fetch::Args),
    Receive(receive::Args),
    Drain(drain::Args),
    List(list::Args),
    Verify(verify::Args),
    #[command(hide = true)]
    Prefetch(prefetch::Args),
    #[command(hide = true)]
    PushAhead(push_ahead::Args),
}

/// Does one of them.
pub fn run(args: &Args, context: &Context) -> Exit {
    match &args.verb {
        Verb::Push(args) => push::run(args, context),
        Verb::Fetch(args) => fetch::run(args, context),
        Verb::Receive(args) => receive::run(args, context),
        Verb::Drain(args) => drain::run(args, context),
        Verb::List(args) => list::run(args, context),
        Verb::Verify(args) => verify::run(args, context),
        Verb::Prefetch(args) => prefetch::run(args, context),
        Verb::PushAhead(args) => push_ahead::run(args, context),
    }
}

pub(super) use fetch::sealed;
pub(super) use here::{drain_here, has_spool, waits_here};
