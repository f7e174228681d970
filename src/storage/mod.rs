//! Keys and bytes at an address: the port [`ObjectStore`], its implementations and decorators. It does not know what
//! a backup is.

mod error;
mod faulty;
mod filesystem;
mod key;
mod memory;
mod s3;
mod store;

pub use error::StorageError;
pub use faulty::{Faults, FaultyStore};
pub use filesystem::{FilesystemStore, is_mount_point};
pub use memory::MemoryStore;
pub use s3::{Authority, AwsConnection, AwsSettings, Budget, Login, PartSizes, S3Place, S3Store};
pub use store::{Body, Capabilities, Condition, DeleteOutcome, ObjectMeta, ObjectStore, Placement, Upload};

pub use crate::resource::{Availability, Protection, ThawSpeed};
