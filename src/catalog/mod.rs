//! What backups are: manifests, records of verification, the catalog of a repository, retention with reasons, and the
//! choice of a backup to restore. All pure: it does not know where backups lie.

mod backup;
mod manifest;
pub mod retention;
mod seal;
mod verification;

pub use backup::{Backup, BackupObject};
pub use manifest::{Extension, FORMAT, Layer, Manifest, Method, ObjectRole, Origin, Source, StoredObject, TableRows};
pub use retention::Keep;
pub use seal::{BrokenSeal, seal, unseal};
pub use verification::{VerifyLevel, VerifyProblem, VerifyRecord};
