//! The face: words typed become calls, values become words shown. The only place that prints, exits and reads the
//! environment. One file a verb: its `Args` are its manual, its `run` is the verb.
//!
//! `command` lists the verbs; `context` is what every verb is given; `exit` is the table of exit codes.

mod adopt;
mod afterwards;
mod again;
mod agent;
mod alert;
mod apply;
mod backup;
mod catalogs;
mod check;
mod child;
mod command;
mod completions;
mod context;
mod demo;
mod diary;
mod drill;
mod environment;
mod exit;
mod explain;
mod guard;
mod iam_policy;
mod init;
mod list;
mod log;
mod log_file;
mod man;
mod metrics;
mod old_files;
mod plan;
mod planning;
mod policy_files;
mod prices;
mod progress;
mod prune;
mod report;
mod rescue;
mod restore;
mod restore_args;
mod restore_cluster;
mod review;
mod review_sides;
mod revision;
mod rollback;
mod run;
mod schema;
mod show;
mod signals;
mod standings;
mod state;
mod status;
mod sync;
mod thaw;
mod typed_connection;
mod validate;
mod verify;
mod verify_wal;
mod wal;

pub use command::{Arguments, main};
pub use context::Context;
pub use exit::Exit;
pub use policy_files::{Policies, read_policies, valid_policies};
