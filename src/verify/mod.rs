//! Proving that backups are what was written: every size and digest, and when asked every layer and row.
//!
//! [`verify`] looks at a repository, copy by copy; [`continuity`] at whether archived WAL is without a gap. Results are kept beside the manifest where that may be written.
//! Damage and what could not be looked at (no key, no access) are told apart: the first is a finding about the bytes,
//! the second about this machine.

mod continuity;
mod copy;
mod selection;
mod verify;

pub use continuity::{Continuity, continuity};
pub use selection::Selection;
pub use verify::{Means, verify};
