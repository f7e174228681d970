//! Proving that backups are what was written: every size and digest, and when asked every layer and row.
//!
//! [`verify`] looks at a repository, [`verify_copy`] at one copy of one backup. Results are kept beside the manifest.
//! Damage and what could not be looked at (no key, no access) are told apart: the first is a finding about the bytes,
//! the second about this machine.

mod copy;
mod selection;
mod verify;

pub use copy::verify_copy;
pub use selection::Selection;
pub use verify::{Means, verify};
