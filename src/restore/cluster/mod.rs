//! Bring a whole cluster back from a base backup: its files into a folder, the settings that tell PostgreSQL how far to
//! recover, and the server started on it when that is wanted.
//!
//! An incremental backup is read like any other: its map names the stretches of every file, in its own packs and in those of
//! earlier backups. Several packs are read at once; of one of which little is needed, only that.
//!
//! Everything is looked at before the first byte is written. The control file comes last, under its name only when all
//! else is on disk, so that no server starts on a part of a cluster.

mod direct;
mod files;
mod fill;
mod folder;
mod needed;
mod recover;
mod request;
mod rescue;
mod same;
mod scratch;
mod settings;

pub use fill::restore_cluster;
pub use recover::recover;
pub use request::{ClusterRequest, RestoredCluster, TablespaceTarget};
pub use rescue::{Rescue, Rescued, RescuedTable, rescue};
pub use scratch::{ScratchCluster, ScratchFolder};
