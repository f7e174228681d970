//! Names of the write-ahead log: timelines, and the files that PostgreSQL keeps of them.

use super::Lsn;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;

/// A timeline: 1 for a new cluster, one more after every promotion and every recovery to a point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timeline(pub u32);

/// Written as in file names, eight digits: `00000002`.
impl fmt::Display for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08X}", self.0)
    }
}

/// Length of every WAL segment of a cluster in bytes: a power of two from 1 MiB to 1 GiB, chosen by `initdb`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct SegmentSize(u32);

impl SegmentSize {
    /// What `initdb` takes unless told otherwise.
    pub const DEFAULT: SegmentSize = SegmentSize(16 << 20);

    /// `None` for a length that no cluster has.
    pub fn new(bytes: u64) -> Option<SegmentSize> {
        let bytes = u32::try_from(bytes).ok()?;
        (bytes.is_power_of_two() && (1 << 20..=1 << 30).contains(&bytes)).then_some(SegmentSize(bytes))
    }

    /// In bytes.
    pub fn bytes(self) -> u64 {
        u64::from(self.0)
    }

    /// Segments that share the middle eight digits of their names: a log of 4 GiB.
    fn per_log(self) -> u64 {
        (1 << 32) / self.bytes()
    }
}

impl<'de> Deserialize<'de> for SegmentSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = u64::deserialize(deserializer)?;
        SegmentSize::new(bytes).ok_or_else(|| de::Error::custom(format!("{bytes} bytes are no WAL segment")))
    }
}

/// A WAL segment by the name of its file: 24 hexadecimal digits, as `00000001000000160000B374` reads. Segments of one
/// timeline sort by position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WalSegment {
    /// The timeline.
    pub timeline: Timeline,
    /// The middle eight digits.
    pub log: u32,
    /// The last eight digits; how many there are in a log depends on the size of segments.
    pub segment: u32,
}

impl WalSegment {
    /// The segment that holds the byte at `lsn`.
    pub fn at(timeline: Timeline, lsn: Lsn, size: SegmentSize) -> WalSegment {
        WalSegment::numbered(timeline, lsn.0 / size.bytes(), size)
    }

    /// The segment that holds the byte before `lsn`: the last one that a reader needs who reads up to `lsn`.
    pub fn ending_at(timeline: Timeline, lsn: Lsn, size: SegmentSize) -> WalSegment {
        WalSegment::at(timeline, Lsn(lsn.0.saturating_sub(1)), size)
    }

    /// The segment with this number on its timeline, counted from 0.
    pub fn numbered(timeline: Timeline, number: u64, size: SegmentSize) -> WalSegment {
        // A log's number is 32 bits of an LSN's 64, so that both fit.
        let (log, segment) = (number / size.per_log(), number % size.per_log());
        WalSegment { timeline, log: log as u32, segment: segment as u32 }
    }

    /// Its number on its timeline, counted from 0.
    pub fn number(self, size: SegmentSize) -> u64 {
        u64::from(self.log) * size.per_log() + u64::from(self.segment)
    }

    /// Where it begins.
    pub fn start(self, size: SegmentSize) -> Lsn {
        Lsn(self.number(size).saturating_mul(size.bytes()))
    }

    /// Where the next one begins.
    pub fn end(self, size: SegmentSize) -> Lsn {
        Lsn(self.start(size).0.saturating_add(size.bytes()))
    }

    /// The one after it on the same timeline.
    pub fn next(self, size: SegmentSize) -> WalSegment {
        WalSegment::numbered(self.timeline, self.number(size).saturating_add(1), size)
    }
}

impl fmt::Display for WalSegment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:08X}{:08X}", self.timeline, self.log, self.segment)
    }
}

/// A file of `pg_wal` that PostgreSQL archives and asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WalFile {
    /// A complete segment.
    Segment(WalSegment),
    /// The last segment of a timeline that ended, up to where it ended: `….partial`.
    Partial(WalSegment),
    /// Where a base backup began and ended: `….00000028.backup`; the number is the offset in the segment.
    BackupHistory(WalSegment, u32),
    /// Where a timeline came from: `00000002.history`.
    History(Timeline),
}

/// The text was not the name of a file that PostgreSQL archives.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a file that PostgreSQL archives, such as `000000010000000000000042` or `00000002.history`")]
pub struct InvalidWalFile(pub String);

impl FromStr for WalFile {
    type Err = InvalidWalFile;

    fn from_str(text: &str) -> Result<Self, InvalidWalFile> {
        let invalid = || InvalidWalFile(text.to_owned());
        let (name, ending) = text.split_once('.').map_or((text, None), |(name, ending)| (name, Some(ending)));
        if ending == Some("history") {
            return hex8(name).map(|timeline| WalFile::History(Timeline(timeline))).ok_or_else(invalid);
        }
        let segment = segment(name).ok_or_else(invalid)?;
        match ending {
            None => Ok(WalFile::Segment(segment)),
            Some("partial") => Ok(WalFile::Partial(segment)),
            Some(ending) => {
                let offset = ending.strip_suffix(".backup").and_then(hex8).ok_or_else(invalid)?;
                Ok(WalFile::BackupHistory(segment, offset))
            }
        }
    }
}

impl fmt::Display for WalFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WalFile::Segment(segment) => segment.fmt(f),
            WalFile::Partial(segment) => write!(f, "{segment}.partial"),
            WalFile::BackupHistory(segment, offset) => write!(f, "{segment}.{offset:08X}.backup"),
            WalFile::History(timeline) => write!(f, "{timeline}.history"),
        }
    }
}

impl FromStr for WalSegment {
    type Err = InvalidWalFile;

    fn from_str(text: &str) -> Result<Self, InvalidWalFile> {
        segment(text).ok_or_else(|| InvalidWalFile(text.to_owned()))
    }
}

impl Serialize for WalSegment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for WalSegment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// PostgreSQL writes capitals; others are the name of no file of its.
fn hex8(digits: &str) -> Option<u32> {
    let hex = digits.len() == 8 && digits.bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b));
    hex.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
}

fn segment(name: &str) -> Option<WalSegment> {
    let part = |range: std::ops::Range<usize>| hex8(name.get(range)?);
    let whole = name.len() == 24;
    let (timeline, log, segment) = (part(0..8)?, part(8..16)?, part(16..24)?);
    whole.then_some(WalSegment { timeline: Timeline(timeline), log, segment })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_those_of_postgresql() {
        let segment = WalSegment::at(Timeline(1), Lsn(0x16_B374_D848), SegmentSize::DEFAULT);
        assert_eq!(segment.to_string(), "0000000100000016000000B3");
        let big = SegmentSize::new(1 << 30).unwrap_or(SegmentSize::DEFAULT);
        assert_eq!(WalSegment::at(Timeline(1), Lsn(0x16_B374_D848), big).to_string(), "000000010000001600000002");
        let last = WalSegment::ending_at(Timeline(1), Lsn(0x16_0000_0000), SegmentSize::DEFAULT);
        assert_eq!(last.to_string(), "0000000100000015000000FF");
        assert_eq!(last.next(SegmentSize::DEFAULT).to_string(), "000000010000001600000000");
    }

    #[test]
    fn other_files_are_refused() {
        for name in
            ["", "00000001", "00000001.history.partial", "0000000100000016000000b3", "0000000100000016000000B3.x"]
        {
            assert!(name.parse::<WalFile>().is_err(), "{name}");
        }
        for size in [0, 1 << 19, (16 << 20) + 1, 1 << 31] {
            assert!(SegmentSize::new(size).is_none(), "{size}");
        }
    }

    proptest! {
        #[test]
        fn names_read_back(timeline in 1_u32.., log: u32, number in 0_u32..256, offset: u32) {
            let segment = WalSegment { timeline: Timeline(timeline), log, segment: number };
            let history = WalFile::BackupHistory(segment, offset);
            for file in [WalFile::Segment(segment), WalFile::Partial(segment), history, WalFile::History(Timeline(timeline))] {
                prop_assert_eq!(file.to_string().parse(), Ok(file));
            }
        }

        #[test]
        fn a_segment_holds_its_bytes(lsn in 0_u64..u64::MAX >> 1, power in 20_u32..31) {
            let size = SegmentSize::new(1 << power).unwrap_or(SegmentSize::DEFAULT);
            let segment = WalSegment::at(Timeline(1), Lsn(lsn), size);
            prop_assert!(segment.start(size).0 <= lsn && lsn < segment.end(size).0);
            prop_assert_eq!(segment.next(size).start(size), segment.end(size));
        }
    }
}
