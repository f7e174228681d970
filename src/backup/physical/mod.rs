//! A physical backup: the files of a whole cluster as PostgreSQL's base backup gives them, in packs, with a map of where
//! every file is. Each pack is a tar archive, compressed and encrypted like a dump, and whole in itself: any of them can
//! be read alone, several at once, and from any compression frame on.

mod base_source;
mod cutter;
mod label;
mod local;
mod source;
mod streamed;
mod write;

pub(super) use write::write;
