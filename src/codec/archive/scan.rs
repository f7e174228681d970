//! The scanner: a machine that eats a dump piece by piece.

use super::block_rows::{BlockRows, Packing};
use super::intake::{Intake, Item, Pieces, Want};
use super::toc::{Field, TocEntry};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The most memory that a table of contents may take: a million tables fit.
const MAX_TOC_BYTES: usize = 512 << 20;

/// Why a stream is not a complete dump in custom format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// It ends too early.
    #[error("the dump is incomplete: {0}")]
    Incomplete(String),
    /// It is something else, or was changed.
    #[error("the dump is not understood: {0}")]
    Malformed(String),
}

/// What a complete dump holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Minor version of the format: 14 for 1.14.
    pub minor: u8,
    /// Name of the database it was made from.
    pub database: String,
    /// Version of the server.
    pub server_version: String,
    /// Version of `pg_dump`.
    pub dump_version: String,
    /// Its table of contents.
    pub entries: Vec<TocEntry>,
    /// Rows of every table whose data it holds, by schema and name.
    pub rows: BTreeMap<(String, String), u64>,
    /// False when its data is compressed in a way that is not looked into: then the numbers of rows mean nothing.
    pub counts_rows: bool,
    /// Number of large objects.
    pub large_objects: u64,
}

/// Follows a dump.
#[derive(Debug)]
pub struct Scan {
    intake: Intake,
    stage: Stage,
    broken: Option<Broken>,
    offset_bytes: usize,
    minor: u8,
    head: Vec<String>,
    left: i64,
    entry: TocEntry,
    weight: usize,
    entries: Vec<TocEntry>,
    /// Entries with data: their places in `entries`.
    with_data: HashMap<i64, usize>,
    seen: BTreeSet<i64>,
    packing: Packing,
    counter: BlockRows,
    counts_rows: bool,
    rows: BTreeMap<(String, String), u64>,
    large_objects: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Magic,
    Compression,
    Time(u8),
    HeadText,
    Count,
    Entry(Field),
    Block,
    BlockId { has_objects: bool },
    ObjectOid,
    Length { block: Block },
    Body { block: Block, left: u64 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    Table(usize),
    Objects,
}

impl Default for Scan {
    fn default() -> Scan {
        Scan {
            intake: Intake::default(),
            stage: Stage::Magic,
            broken: None,
            offset_bytes: 0,
            minor: 0,
            head: Vec::new(),
            left: 0,
            entry: TocEntry::default(),
            weight: 0,
            entries: Vec::new(),
            with_data: HashMap::new(),
            seen: BTreeSet::new(),
            packing: Packing::None,
            counter: BlockRows::default(),
            counts_rows: true,
            rows: BTreeMap::new(),
            large_objects: 0,
        }
    }
}

fn malformed<T>(problem: impl Into<String>) -> Result<T, Broken> {
    Err(Broken::Malformed(problem.into()))
}

impl Scan {
    /// Looks at the next bytes. After something broken the rest is passed over; `finish` tells.
    pub fn feed(&mut self, mut input: &[u8]) {
        while !input.is_empty() && self.broken.is_none() {
            if let Err(broken) = self.step(&mut input) {
                self.broken = Some(broken);
            }
        }
    }

    /// What was broken so far, if anything.
    pub fn broken(&self) -> Option<&Broken> {
        self.broken.as_ref()
    }

    /// What the dump holds, when it ended where it should and every entry's data was there.
    pub fn finish(self) -> Result<Summary, Broken> {
        if let Some(broken) = self.broken {
            return Err(broken);
        }
        if self.stage != Stage::Block || !self.intake.is_empty() {
            let place = match self.stage {
                Stage::Magic | Stage::Compression | Stage::Time(_) | Stage::HeadText => "it ends in its head",
                Stage::Count | Stage::Entry(_) => "it ends in its table of contents",
                _ => "it ends in the middle of data",
            };
            return Err(Broken::Incomplete(place.to_owned()));
        }
        let absent = self.with_data.iter().filter(|(id, _)| !self.seen.contains(id)).min_by_key(|(_, index)| **index);
        if let Some((_, index)) = absent {
            let entry = &self.entries[*index];
            let problem = format!("the data of `{}.{}` ({}) is missing", entry.namespace, entry.tag, entry.desc);
            return Err(Broken::Incomplete(problem));
        }
        let mut head = self.head.into_iter();
        let mut text = || head.next().unwrap_or_default();
        Ok(Summary {
            minor: self.minor,
            database: text(),
            server_version: text(),
            dump_version: text(),
            entries: self.entries,
            rows: self.rows,
            counts_rows: self.counts_rows,
            large_objects: self.large_objects,
        })
    }

    fn step(&mut self, input: &mut &[u8]) -> Result<(), Broken> {
        if let Stage::Body { block, left } = self.stage {
            let n = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
            let (part, rest) = input.split_at(n);
            if matches!(block, Block::Table(_)) {
                self.counter.feed(part);
            }
            *input = rest;
            let left = left - n as u64;
            self.stage = if left == 0 { Stage::Length { block } } else { Stage::Body { block, left } };
            return Ok(());
        }
        if let (Stage::Length { block: Block::Table(_) }, true) = (self.stage, self.intake.is_empty()) {
            let mut pieces = Pieces::new(self.intake.int_bytes, input);
            pieces.by_ref().for_each(|piece| self.counter.feed(piece));
            *input = pieces.rest();
            if input.is_empty() {
                return Ok(());
            }
        }
        let want = match self.stage {
            Stage::Magic => Want::Bytes(11),
            Stage::Compression if self.minor >= 15 => Want::Bytes(1),
            Stage::HeadText => Want::Text,
            Stage::Entry(field) => field.want(self.offset_bytes),
            Stage::Block => Want::Bytes(1),
            _ => Want::Int,
        };
        match self.intake.take(want, input) {
            Ok(Some(item)) => self.advance(item),
            Ok(None) => Ok(()),
            Err(problem) => malformed(problem),
        }
    }

    fn advance(&mut self, item: Item) -> Result<(), Broken> {
        self.stage = match (self.stage, item) {
            (Stage::Magic, Item::Bytes(bytes)) => self.magic(&bytes)?,
            (Stage::Compression, item) => {
                self.packing = match item {
                    Item::Bytes(algorithm) => match algorithm[..] {
                        [0] => Packing::None,
                        [1] => Packing::Gzip,
                        [3] => Packing::Zstd,
                        _ => Packing::Opaque,
                    },
                    // A level; minus one stands for the usual level of gzip.
                    Item::Int(0) => Packing::None,
                    _ => Packing::Gzip,
                };
                Stage::Time(7)
            }
            (Stage::Time(1), _) => Stage::HeadText,
            (Stage::Time(left), _) => Stage::Time(left - 1),
            (Stage::HeadText, Item::Text(text)) => {
                self.head.push(text.unwrap_or_default());
                if self.head.len() == 3 { Stage::Count } else { Stage::HeadText }
            }
            (Stage::Count, Item::Int(n)) if n < 0 => return malformed("its table of contents has no length"),
            (Stage::Count, Item::Int(n)) => {
                self.left = n;
                if n == 0 { Stage::Block } else { Stage::Entry(Field::DumpId) }
            }
            (Stage::Entry(field), item) => self.entry_field(field, item)?,
            (Stage::Block, Item::Bytes(bytes)) => match bytes[..] {
                [1] => Stage::BlockId { has_objects: false },
                [3] => Stage::BlockId { has_objects: true },
                _ => return malformed("a block of its data has an unknown type"),
            },
            (Stage::BlockId { has_objects }, Item::Int(id)) => self.block(id, has_objects)?,
            (Stage::ObjectOid, Item::Int(0)) => Stage::Block,
            (Stage::ObjectOid, _) => {
                self.large_objects += 1;
                Stage::Length { block: Block::Objects }
            }
            (Stage::Length { block }, Item::Int(0)) => self.block_end(block)?,
            (Stage::Length { block }, Item::Int(n)) => match u64::try_from(n) {
                Ok(left) => Stage::Body { block, left },
                Err(_) => return malformed("a piece of its data has a negative length"),
            },
            (stage, _) => stage,
        };
        Ok(())
    }

    fn magic(&mut self, bytes: &[u8]) -> Result<Stage, Broken> {
        let [b'P', b'G', b'D', b'M', b'P', major, minor, _, int_bytes, offset_bytes, format] = *bytes else {
            return malformed("it is not in pg_dump's custom format");
        };
        if major != 1 || !(12..=16).contains(&minor) {
            return malformed(format!("its format is {major}.{minor}; 1.12 to 1.16 are known"));
        }
        if format != 1 || !(1..=8).contains(&int_bytes) || !(1..=8).contains(&offset_bytes) {
            return malformed("it is not in pg_dump's custom format");
        }
        self.minor = minor;
        self.intake.int_bytes = usize::from(int_bytes);
        self.offset_bytes = usize::from(offset_bytes);
        Ok(Stage::Compression)
    }

    fn entry_field(&mut self, field: Field, item: Item) -> Result<Stage, Broken> {
        if self.entry.dependencies.len() * 8 > MAX_TOC_BYTES {
            return malformed("its table of contents is too large");
        }
        match self.entry.set(field, item) {
            Err(problem) => return malformed(problem),
            Ok(true) => return Ok(Stage::Entry(field)),
            Ok(false) => {}
        }
        if let Some(next) = field.next(self.minor) {
            return Ok(Stage::Entry(next));
        }
        let entry = std::mem::take(&mut self.entry);
        self.weight += entry.weight();
        if self.weight > MAX_TOC_BYTES {
            return malformed("its table of contents is too large");
        }
        if entry.has_data && self.with_data.insert(entry.dump_id, self.entries.len()).is_some() {
            return malformed("two entries of its table of contents have the same number");
        }
        self.entries.push(entry);
        self.left -= 1;
        Ok(if self.left == 0 { Stage::Block } else { Stage::Entry(Field::DumpId) })
    }

    fn block(&mut self, id: i64, has_objects: bool) -> Result<Stage, Broken> {
        let Some(index) = self.with_data.get(&id).copied() else {
            return malformed(format!("a block of data belongs to entry {id}, which has none"));
        };
        if !self.seen.insert(id) {
            return malformed(format!("the data of entry {id} comes twice"));
        }
        if has_objects {
            return Ok(Stage::ObjectOid);
        }
        self.counter = BlockRows::new(self.packing);
        Ok(Stage::Length { block: Block::Table(index) })
    }

    fn block_end(&mut self, block: Block) -> Result<Stage, Broken> {
        let Block::Table(index) = block else { return Ok(Stage::ObjectOid) };
        let entry = &self.entries[index];
        let counted = match self.counter.finish() {
            Ok(counted) => counted,
            Err(problem) => return malformed(format!("{problem}: the data of `{}.{}`", entry.namespace, entry.tag)),
        };
        if entry.desc == "TABLE DATA" {
            self.counts_rows &= counted.is_some();
            let table = (entry.namespace.clone(), entry.tag.clone());
            *self.rows.entry(table).or_default() += counted.unwrap_or_default();
        }
        Ok(Stage::Block)
    }
}
