//! A dump with fewer entries: another dump, which `pg_restore` reads like the first. Bytes flow through; nothing is
//! kept but the positions of the data.

use super::intake::Pieces;
use super::{Broken, Outline, TocEntry};
use bytes::Bytes;
use std::collections::HashSet;
use std::ops::Range;

/// Passes on the data of the entries that are kept.
#[derive(Debug)]
pub struct Cut {
    int_bytes: usize,
    kept: HashSet<i64>,
    positions: Vec<(i64, u64)>,
    written: u64,
    stage: Stage,
    pending: Vec<u8>,
    passes: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Block,
    Id { has_objects: bool },
    Oid,
    Length { has_objects: bool },
    Body { has_objects: bool, left: u64 },
}

impl Cut {
    /// The head of a dump that has only the entries that are to be kept, and what passes on their data.
    pub fn begin(outline: &Outline, keep: impl Fn(&TocEntry) -> bool) -> (Vec<u8>, Cut) {
        let kept: Vec<_> = outline.entries.iter().filter(|entry| keep(&entry.toc)).collect();
        let mut head = outline.bytes[..outline.count.start].to_vec();
        head.push(0);
        head.extend((kept.len() as u64).to_le_bytes().into_iter().chain(std::iter::repeat(0)).take(outline.int_bytes));
        for entry in &kept {
            head.extend_from_slice(&outline.bytes[entry.place.clone()]);
        }
        let cut = Cut {
            int_bytes: outline.int_bytes,
            kept: kept.iter().map(|entry| entry.toc.dump_id).collect(),
            positions: Vec::new(),
            written: head.len() as u64,
            stage: Stage::Block,
            pending: Vec::new(),
            passes: false,
        };
        (head, cut)
    }

    /// Takes the next bytes of the data and gives `out` those to pass on: slices of the input, nothing is copied but what
    /// was begun in an earlier input.
    pub fn feed(&mut self, input: &Bytes, out: &mut Vec<Bytes>) -> Result<(), Broken> {
        let mut passed = Passed { input, run: 0..0, out };
        // Bytes of an item that the input before began.
        let mut carried = self.pending.len();
        let mut at = 0;
        while at < input.len() {
            let rest = &input[at..];
            if let Stage::Body { has_objects, left } = self.stage {
                let n = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                self.pass(&mut passed, at..at + n);
                at += n;
                let left = left - n as u64;
                self.stage = if left == 0 { Stage::Length { has_objects } } else { Stage::Body { has_objects, left } };
                continue;
            }
            if let (Stage::Length { .. }, true) = (self.stage, self.pending.is_empty()) {
                let mut pieces = Pieces::new(self.int_bytes, rest);
                pieces.by_ref().for_each(drop);
                let n = rest.len() - pieces.rest().len();
                self.pass(&mut passed, at..at + n);
                at += n;
                if at == input.len() {
                    break;
                }
            }
            let wanted = match self.stage {
                Stage::Block => 1,
                // The type of a block waits for the number that decides.
                Stage::Id { .. } => 2 + self.int_bytes,
                _ => 1 + self.int_bytes,
            };
            let n = (wanted - self.pending.len()).min(input.len() - at);
            self.pending.extend_from_slice(&input[at..at + n]);
            at += n;
            if self.pending.len() == wanted && self.advance()? {
                if carried == 0 {
                    self.pass(&mut passed, at - wanted..at);
                } else if self.passes {
                    passed.copy(&self.pending);
                    self.written += wanted as u64;
                }
                self.pending.clear();
                carried = 0;
            }
        }
        passed.flush();
        Ok(())
    }

    fn pass(&mut self, passed: &mut Passed<'_>, range: Range<usize>) {
        if self.passes {
            self.written += range.len() as u64;
            passed.add(range);
        }
    }

    /// Goes on after a complete item; false while it is to be longer.
    fn advance(&mut self) -> Result<bool, Broken> {
        self.stage = match self.stage {
            Stage::Block => {
                let has_objects = match self.pending[..] {
                    [1] => false,
                    [3] => true,
                    _ => return Err(Broken::Malformed("a block of its data has an unknown type".to_owned())),
                };
                self.stage = Stage::Id { has_objects };
                return Ok(false);
            }
            Stage::Id { has_objects } => {
                let id = self.number(1);
                self.passes = self.kept.contains(&id);
                if self.passes {
                    self.positions.push((id, self.written));
                }
                if has_objects { Stage::Oid } else { Stage::Length { has_objects } }
            }
            Stage::Oid => {
                if self.number(0) == 0 {
                    Stage::Block
                } else {
                    Stage::Length { has_objects: true }
                }
            }
            Stage::Length { has_objects } => match u64::try_from(self.number(0)) {
                Ok(0) if has_objects => Stage::Oid,
                Ok(0) => Stage::Block,
                Ok(left) => Stage::Body { has_objects, left },
                Err(_) => return Err(Broken::Malformed("a piece of its data has a negative length".to_owned())),
            },
            body @ Stage::Body { .. } => body,
        };
        Ok(true)
    }

    fn number(&self, from: usize) -> i64 {
        let bytes = &self.pending[from..];
        let number = bytes[1..].iter().rev().fold(0_i64, |number, byte| number.wrapping_shl(8) | i64::from(*byte));
        if bytes[0] == 0 { number } else { number.wrapping_neg() }
    }

    /// The blocks that were passed on so far, by entry and position in the new dump, and the end of the bytes passed on.
    /// Each block ends where the next begins; the last may go on.
    pub fn blocks(&self) -> (&[(i64, u64)], u64) {
        (&self.positions, self.written)
    }

    /// An error when the dump ended in the middle of data.
    pub fn finish(self) -> Result<(), Broken> {
        if self.stage == Stage::Block && self.pending.is_empty() {
            return Ok(());
        }
        Err(Broken::Incomplete("it ends in the middle of data".to_owned()))
    }
}

/// What of an input is passed on: neighbours become one slice.
struct Passed<'a> {
    input: &'a Bytes,
    run: Range<usize>,
    out: &'a mut Vec<Bytes>,
}

impl Passed<'_> {
    fn add(&mut self, range: Range<usize>) {
        if range.start == self.run.end {
            self.run.end = range.end;
        } else {
            self.flush();
            self.run = range;
        }
    }

    fn copy(&mut self, bytes: &[u8]) {
        self.flush();
        self.out.push(Bytes::copy_from_slice(bytes));
    }

    fn flush(&mut self) {
        let run = std::mem::take(&mut self.run);
        if !run.is_empty() {
            self.out.push(self.input.slice(run));
        }
    }
}
