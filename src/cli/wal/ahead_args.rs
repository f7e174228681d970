//! The words by which a call of PostgreSQL starts a process that works ahead.

use crate::base::SystemId;
use std::path::PathBuf;

/// Whose work, and where it is remembered.
#[derive(Debug, clap::Args)]
pub(super) struct AheadArgs {
    /// Name of the database in the policy
    #[arg(short, long)]
    pub(super) database: String,

    /// Which cluster's WAL
    #[arg(long, value_name = "ID")]
    pub(super) system_id: SystemId,

    /// Where what is done is remembered
    #[arg(long, value_name = "DIR")]
    pub(super) state_dir: Option<PathBuf>,
}
