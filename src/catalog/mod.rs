//! What backups are: manifests, records of verifications and drills, the catalog of a repository, retention with reasons, and the
//! choice of a backup to restore. All pure: it does not know where backups lie.

mod backup;
mod choose;
mod cluster;
mod contents;
mod drill;
mod file_map;
mod incremental;
mod inspection;
mod journal;
mod lock;
mod manifest;
mod nearest;
mod point;
mod recovery;
pub mod retention;
mod schema;
mod seal;
mod unfinished;
mod verification;
pub mod wal;

pub use backup::{Backup, BackupObject};
pub use choose::{Choice, NoChoice, Wish, choose};
pub use cluster::{BadPage, Cluster, ClusterDatabase, Incremental, Reference, Tablespace, Unread, WalOfBackup};
pub use contents::{BrokenFile, Contents, Leftover, LeftoverKind};
#[cfg(test)]
pub(crate) use drill::drill_that_passed;
pub use drill::{DRILLS_KEPT, DrillBook, DrillCheck, DrillRecord, DrillRows, all_drills};
pub use file_map::{ClusterFile, Extent, FileKind, FileMap, InvalidFileMap, Pack, is_inside};
pub use incremental::{BLOCK_DIGESTS, WhyFull, choose_earlier};
pub use inspection::{CopyInspection, CopyVerdict, FileProblem, Inspection};
pub use journal::{JournalOutcome, JournalRecord, JournalState, JournalStep};
pub use lock::{LockRecord, LockState, Owner};
pub use manifest::{
    Adopted, Extension, FORMAT, Layer, Manifest, Method, ObjectRole, Origin, Source, StoredObject, TableRows,
};
pub use nearest::nearest_readable;
pub use point::{CopyState, PointCopy, RestorePoint, restore_points};
pub use recovery::{Base, BaseWish, NoBase, RecoveryTarget, choose_base};
pub use retention::{Keep, is_ahead};
pub use schema::{drills_schema, manifest_schema, verified_schema};
pub use seal::{BrokenSeal, seal, seal_compact, unseal};
pub use unfinished::goes_on;
pub use verification::{VerifyLevel, VerifyProblem, VerifyRecord};
