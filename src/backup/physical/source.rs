//! Where the files of a cluster come from: tar archives, one for the data directory and one for each tablespace.

use std::collections::VecDeque;
use std::io::{self, Read};

/// One archive.
pub(super) struct Archive {
    /// Object id of the tablespace whose files it holds; `None`: the data directory.
    pub(super) tablespace: Option<u32>,
    /// Its bytes.
    pub(super) bytes: Box<dyn Read + Send>,
}

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
