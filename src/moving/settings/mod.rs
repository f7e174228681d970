//! What the settings of backup scripts say: environment files, crontabs, timers, workflows, compose files, and the
//! commands in scripts. Each line that is understood becomes a fact; what speaks of backups and is not understood is
//! kept by its place, never with its text, which may hold a secret.

mod assignment;
mod command;
mod found;
mod policy;
mod schedule;

pub use found::{Found, OldFile, read};
pub use policy::written;
