//! A physical backup: the files of a whole cluster as PostgreSQL's base backup gives them, in packs, with a map of where
//! every file is. Each pack is a tar archive, compressed and encrypted like a dump, and whole in itself: any of them can
//! be read alone, several at once, and from any compression frame on.
//!
//! An incremental one compares every file with what an earlier backup has of it, block by block: what is as it was is
//! referred to, wherever it lies, and only the rest goes into packs. The map names every stretch of every file, so that
//! whoever reads it follows no chain.
//!
//! One that was interrupted goes on: after each pack this machine notes what is in it, and the next backup of the tier
//! compares with that in the same way.

mod base_source;
mod block_digests;
mod compare;
mod cutter;
#[cfg(test)]
mod cutting;
mod earlier;
mod found;
mod known;
mod label;
mod load;
mod local;
mod member;
mod notes;
mod own_files;
mod packs;
mod remembered;
mod resume;
#[cfg(test)]
mod round_trip;
mod since;
mod source;
mod streamed;
mod write;

pub use notes::unfinished;
pub(super) use resume::{Unfinished, find_unfinished, forget_unfinished};
pub(super) use write::write;
