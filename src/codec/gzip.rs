//! gzip as concatenated members (RFC 1952), each independent of the others.

use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::{self, Write};

/// Makes gzip members at one level.
#[derive(Debug, Clone, Copy)]
pub struct GzipMember(Compression);

impl GzipMember {
    /// Makes members at `level`, 1 to 9.
    pub fn new(level: i32) -> GzipMember {
        GzipMember(Compression::new(u32::try_from(level).unwrap_or(6).clamp(1, 9)))
    }

    /// The member of `content`.
    pub fn member(&self, content: &[u8]) -> io::Result<Vec<u8>> {
        let mut encoder = GzEncoder::new(Vec::with_capacity(content.len() / 3), self.0);
        encoder.write_all(content)?;
        encoder.finish()
    }
}
