//! What a WAL segment says of itself: the header of its first page.

use crate::base::{Lsn, SegmentSize, SystemId, Timeline, WalSegment};

/// Bytes at the beginning of a segment that hold its header.
pub const WAL_HEADER_BYTES: usize = 40;

/// Says that a page's header is followed by what holds for the whole segment.
const LONG_HEADER: u16 = 2;

/// The header of a segment's first page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WalHeader {
    /// The timeline that wrote the first page. A timeline begins by copying the segment that it branches off in, so that
    /// this may be an older one than the file's name says.
    pub timeline: Timeline,
    /// Where the segment begins.
    pub start: Lsn,
    /// Whose WAL it is.
    pub system: SystemId,
    /// Its length.
    pub size: SegmentSize,
}

/// Bytes or a file that are not the segment which they are taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotThisSegment {
    /// No header of WAL.
    #[error("it does not begin with a header of WAL")]
    NoHeader,
    /// Another length than its header says.
    #[error("it has {found} bytes, and its header says {said}")]
    Length {
        /// Its length.
        found: u64,
        /// What the header says.
        said: u64,
    },
    /// Another place than its name says.
    #[error("its header says that it begins at {said}, and its name says {named}")]
    Place {
        /// What the header says.
        said: Lsn,
        /// What the name says.
        named: Lsn,
    },
    /// A newer timeline than its name says.
    #[error("its header says timeline {}, and its name says {}", said.0, named.0)]
    Timeline {
        /// What the header says.
        said: Timeline,
        /// What the name says.
        named: Timeline,
    },
}

impl WalHeader {
    /// The header that a segment begins with, in the byte order of the machine that wrote it.
    pub fn read(bytes: &[u8]) -> Result<WalHeader, NotThisSegment> {
        let head: &[u8; WAL_HEADER_BYTES] = bytes.first_chunk().ok_or(NotThisSegment::NoHeader)?;
        // The magic number is D1xx since version 12 and grows with each version; its high byte tells the byte order.
        let is_magic = |byte: u8| matches!(byte, 0xD1 | 0xD2);
        let is_little = is_magic(head[1]);
        if !is_little && !is_magic(head[0]) {
            return Err(NotThisSegment::NoHeader);
        }
        let number = |from: usize, length: usize| {
            let bytes = &head[from..from + length];
            let add = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
            if is_little { bytes.iter().rev().fold(0, add) } else { bytes.iter().fold(0, add) }
        };
        let is_long = number(2, 2) & u64::from(LONG_HEADER) != 0;
        let size = SegmentSize::new(number(32, 4)).filter(|_| is_long).ok_or(NotThisSegment::NoHeader)?;
        // Four bytes of a number are one of 32 bits.
        let timeline = Timeline(number(4, 4) as u32);
        Ok(WalHeader { timeline, start: Lsn(number(8, 8)), system: SystemId(number(24, 8)), size })
    }

    /// Whether a file of `length` bytes that begins with this header is what its name says.
    pub fn check(&self, segment: WalSegment, length: u64) -> Result<(), NotThisSegment> {
        if length != self.size.bytes() {
            return Err(NotThisSegment::Length { found: length, said: self.size.bytes() });
        }
        let named = segment.start(self.size);
        if self.start != named {
            return Err(NotThisSegment::Place { said: self.start, named });
        }
        if self.timeline > segment.timeline {
            return Err(NotThisSegment::Timeline { said: self.timeline, named: segment.timeline });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;

    fn header(is_little: bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut put = |number: u64, length: usize| {
            let all = number.to_be_bytes();
            let mut part = all[8 - length..].to_vec();
            if is_little {
                part.reverse();
            }
            bytes.extend(part);
        };
        for (number, length) in
            [(0xD110, 2), (6, 2), (1, 4), (0x16_B300_0000, 8), (0, 8), (7_412, 8), (16 << 20, 4), (8192, 4)]
        {
            put(number, length);
        }
        bytes
    }

    #[test]
    fn both_byte_orders_are_read() {
        let expected = WalHeader {
            timeline: Timeline(1),
            start: Lsn(0x16_B300_0000),
            system: SystemId(7_412),
            size: SegmentSize::DEFAULT,
        };
        assert_eq!(WalHeader::read(&header(true)), Ok(expected));
        assert_eq!(WalHeader::read(&header(false)), Ok(expected));
    }

    #[test]
    fn what_is_no_header_is_refused() {
        let good = header(true);
        assert_eq!(WalHeader::read(&good[..39]), Err(NotThisSegment::NoHeader));
        assert_eq!(WalHeader::read(&[0; 64]), Err(NotThisSegment::NoHeader));
        for (at, byte) in [(1, 0), (2, 0), (35, 0x7F)] {
            let mut bad = good.clone();
            bad[at] = byte;
            assert_eq!(WalHeader::read(&bad), Err(NotThisSegment::NoHeader), "{at}");
        }
    }

    #[test]
    fn a_name_length_or_timeline_that_differs_is_told() {
        let header = WalHeader::read(&header(true)).unwrap();
        let name = |text: &str| text.parse::<WalSegment>().unwrap();
        let good = name("0000000100000016000000B3");
        assert_eq!(header.check(good, 16 << 20), Ok(()));
        assert_eq!(header.check(name("0000000200000016000000B3"), 16 << 20), Ok(()));
        assert!(matches!(header.check(good, 8192), Err(NotThisSegment::Length { .. })));
        let other = header.check(name("0000000100000016000000B4"), 16 << 20);
        assert!(matches!(other, Err(NotThisSegment::Place { .. })));
        let newer = WalHeader { timeline: Timeline(3), ..header };
        assert!(matches!(newer.check(good, 16 << 20), Err(NotThisSegment::Timeline { .. })));
    }
}
