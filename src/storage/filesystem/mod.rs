//! A store that is a folder: one file an object, keys are paths.
//!
//! A write goes to a temporary file beside its goal (`.tmp-<random>~<name>`), is synced, takes its name by a link or
//! a rename, and then the folder is synced: a crash leaves a temporary file, never half an object. Writers hold a
//! lock (`flock`) on their temporary file, so those of killed processes can be told from those in the making.
//! Symbolic links inside the folder are refused. Files get the folder's mode without the x bits.

mod folder;
mod mount;
mod place;
mod store;
mod temporary;
mod upload;
mod walk;

pub use mount::is_mount_point;
pub use store::FilesystemStore;
