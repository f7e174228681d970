//! The head and the table of contents of a dump as a whole, with the SQL of every entry and its place in the bytes:
//! what a restore needs to know before the data flows.

use super::{Broken, TocEntry};
use std::ops::Range;

/// A head longer than this is not from `pg_dump`.
const MAX_HEAD: usize = 1 << 30;

/// Everything before the data of a dump.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    /// Name of the database it was made from.
    pub database: String,
    /// Version of the server, such as `15.18`.
    pub server_version: String,
    /// The table of contents, in its order.
    pub entries: Vec<OutlineEntry>,
    pub(super) bytes: Vec<u8>,
    pub(super) int_bytes: usize,
    /// Place of the number of entries.
    pub(super) count: Range<usize>,
}

/// One entry with its SQL and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutlineEntry {
    /// The entry.
    pub toc: TocEntry,
    /// The statements that make the object, in the encoding of the database, read as UTF-8 as far as that goes.
    pub definition: String,
    /// Its bytes.
    pub(super) place: Range<usize>,
}

/// What became of the first bytes of a dump.
#[derive(Debug)]
pub enum Opening {
    /// There must be more of them.
    TooShort,
    /// They were enough; the data begins after so many of them.
    Complete(Box<Outline>, usize),
}

impl Outline {
    /// Reads the beginning of a dump from its first bytes. To be called again with more when they are too few.
    pub fn read(head: &[u8]) -> Result<Opening, Broken> {
        let mut cursor = Cursor { bytes: head, at: 0, int_bytes: 0 };
        match cursor.outline() {
            Ok(outline) => Ok(Opening::Complete(Box::new(outline), cursor.at)),
            Err(Stop::TooShort) if head.len() < MAX_HEAD => Ok(Opening::TooShort),
            Err(Stop::TooShort) => malformed("its table of contents is too large"),
            Err(Stop::Malformed(problem)) => malformed(problem),
        }
    }

    /// The bytes before the data, unchanged.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The first entry of a kind.
    pub fn first(&self, desc: &str) -> Option<&OutlineEntry> {
        self.entries.iter().find(|entry| entry.toc.desc == desc)
    }
}

fn malformed<T>(problem: &str) -> Result<T, Broken> {
    Err(Broken::Malformed(problem.to_owned()))
}

enum Stop {
    TooShort,
    Malformed(&'static str),
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    int_bytes: usize,
}

impl Cursor<'_> {
    fn outline(&mut self) -> Result<Outline, Stop> {
        let [b'P', b'G', b'D', b'M', b'P', 1, minor @ 12..=16, _, int_bytes, offset_bytes, 1] = *self.take(11)? else {
            return Err(Stop::Malformed("it is not in a version of pg_dump's custom format that is known"));
        };
        if !(1..=8).contains(&int_bytes) || !(1..=8).contains(&offset_bytes) {
            return Err(Stop::Malformed("it is not in pg_dump's custom format"));
        }
        self.int_bytes = usize::from(int_bytes);
        let offset_bytes = usize::from(offset_bytes);
        if minor >= 15 {
            self.take(1)?;
        } else {
            self.int()?;
        }
        for _ in 0..7 {
            self.int()?;
        }
        let (database, server_version, _) = (self.text()?, self.text()?, self.text()?);
        let before = self.at;
        let n = self.int()?;
        let count = before..self.at;
        let mut entries = Vec::new();
        for _ in 0..n {
            entries.push(self.entry(minor, offset_bytes)?);
        }
        let bytes = self.bytes[..self.at].to_vec();
        let (database, server_version) = (database.unwrap_or_default(), server_version.unwrap_or_default());
        Ok(Outline { database, server_version, entries, bytes, int_bytes: self.int_bytes, count })
    }

    fn entry(&mut self, minor: u8, offset_bytes: usize) -> Result<OutlineEntry, Stop> {
        let start = self.at;
        let dump_id = self.int()?;
        let has_data = self.int()? != 0;
        self.skip()?; // oid of the catalog
        self.skip()?; // oid
        let tag = self.text()?.unwrap_or_default();
        let desc = self.text()?.unwrap_or_default();
        self.int()?; // section
        let definition = self.text()?.unwrap_or_default();
        self.skip()?; // how to drop it
        self.skip()?; // how its data is copied
        let namespace = self.text()?.unwrap_or_default();
        self.skip()?; // tablespace
        if minor >= 14 {
            self.skip()?; // table access method
        }
        if minor >= 16 {
            self.int()?; // kind of relation
        }
        let owner = self.text()?.unwrap_or_default();
        self.skip()?; // with oids
        let mut dependencies = Vec::new();
        while let Some(text) = self.text()? {
            let id = text.parse().map_err(|_| Stop::Malformed("a dependency in its contents is not a number"))?;
            dependencies.push(id);
        }
        self.take(1 + offset_bytes)?; // position of its data
        let toc = TocEntry { dump_id, has_data, tag, desc, namespace, owner, dependencies };
        Ok(OutlineEntry { toc, definition, place: start..self.at })
    }

    fn take(&mut self, n: usize) -> Result<&[u8], Stop> {
        let end = self.at.checked_add(n).ok_or(Stop::Malformed("a length in its contents is impossible"))?;
        let taken = self.bytes.get(self.at..end).ok_or(Stop::TooShort)?;
        self.at = end;
        Ok(taken)
    }

    fn int(&mut self) -> Result<i64, Stop> {
        let bytes = self.take(1 + self.int_bytes)?;
        let number = bytes[1..].iter().rev().fold(0_i64, |number, byte| number.wrapping_shl(8) | i64::from(*byte));
        Ok(if bytes[0] == 0 { number } else { number.wrapping_neg() })
    }

    /// Bytes of a text; `None` for NULL.
    fn raw(&mut self) -> Result<Option<&[u8]>, Stop> {
        let Ok(length) = usize::try_from(self.int()?) else { return Ok(None) };
        if length > MAX_HEAD {
            return Err(Stop::Malformed("a length in its contents is impossible"));
        }
        self.take(length).map(Some)
    }

    fn text(&mut self) -> Result<Option<String>, Stop> {
        Ok(self.raw()?.map(|bytes| String::from_utf8_lossy(bytes).into_owned()))
    }

    fn skip(&mut self) -> Result<(), Stop> {
        self.raw().map(drop)
    }
}
