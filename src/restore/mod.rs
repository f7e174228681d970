//! Bring a backup back: in place, beside, elsewhere, whole or some tables; from our own backups and from dumps that
//! other tools made.
//!
//! [`prepare`] looks at everything and decides, without a change, what will be done; [`carry_out`] does exactly that.
//! The data always goes into something new. Only when all of it is there, every digest agreed and every row was
//! counted, a rename in one transaction puts it in the place of the old, which is kept. So a restore that fails, or is
//! killed at any moment, leaves what was there before.

mod asked;
mod carry_out;
mod check;
mod cluster;
mod cold;
mod error;
mod fill;
mod flow;
mod origin;
mod parallel;
mod prepare;
mod ready;
mod request;
mod safety;
mod scratch;
mod selection;
mod site;
mod spool;
mod table_name;
mod tables;
mod thaw;
mod words;

pub use asked::{remember_thaw, remembered_thaw};
pub use carry_out::carry_out;
pub use cluster::{
    ClusterRequest, Rescue, Rescued, RescuedTable, RestoredCluster, ScratchCluster, ScratchFolder, TablespaceTarget,
    recover, rescue, restore_cluster,
};
pub use cold::{ColdError, Nearest};
pub use error::RestoreError;
pub use prepare::{Prepared, prepare};
pub use request::{Destination, From, Hands, Old, Owners, Request, SafetyRule, Tablespaces};
pub use safety::is_safety_backup;
pub use selection::{NoSelection, Reach, Selection, select};
pub use table_name::{InvalidTableName, TableName};
pub use thaw::{ask_for, thaw_files, wait_for};
