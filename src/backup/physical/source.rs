//! Where the files of a cluster come from: tar archives, one for the data directory and one for each tablespace.

use crate::base::Crc32c;
use std::collections::VecDeque;
use std::io::{self, Cursor, Read};

/// One archive.
pub(super) struct Archive {
    /// Object id of the tablespace whose files it holds; `None`: the data directory.
    pub(super) tablespace: Option<u32>,
    /// Its bytes.
    pub(super) bytes: Box<dyn ArchiveBytes>,
}

/// The bytes of an archive, with what its source knows beside them.
pub(super) trait ArchiveBytes: Read + Send {
    /// Passes over the file whose header was read last, where the source knows without reading it that it is as an earlier
    /// backup has it, with this checksum: the next header comes next. False where its content must be read; then nothing
    /// happened.
    fn pass_over(&mut self, _checksum: Crc32c) -> bool {
        false
    }

    /// The checksum of the file whose content was read last, after all of it; `None`: the source has none.
    fn checksum(&self) -> Option<Crc32c> {
        None
    }
}

impl ArchiveBytes for Cursor<Vec<u8>> {}

/// Archives, one after another. Each is read to its end before the next is asked for. Blocks.
pub(super) trait Archives: Send {
    /// The next one; `None` when all were read.
    fn next(&mut self) -> io::Result<Option<Archive>>;
}

impl Archives for VecDeque<Archive> {
    fn next(&mut self) -> io::Result<Option<Archive>> {
        Ok(self.pop_front())
    }
}
