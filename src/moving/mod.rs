//! Moving in from scripts: what their settings say, as a policy, and which of their files are dumps. Pure: callers hand
//! it texts and names.
//!
//! - [`read`] understands settings, schedules and commands of old files; [`written`] is the policy that does the same.
//! - [`Pattern`] reads the moment and the database out of the name of a dump; [`candidates`] sorts out a folder.
//! - [`Adoption`] is what became of the dumps that were to be taken over as backups.

mod adoption;
mod candidates;
mod pattern;
mod settings;

pub use adoption::{Adoption, Fate, OldDump, Taken};
pub use candidates::{Candidate, candidates};
pub use pattern::{InvalidPattern, Named, Pattern};
pub use settings::{Found, OldFile, read, written};
