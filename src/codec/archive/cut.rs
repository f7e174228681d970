//! A dump with fewer entries: another dump, which `pg_restore` reads like the first. Bytes flow through; nothing is
//! kept but the positions of the data.

use super::intake::Pieces;
use super::{Broken, Outline, TocEntry};
use std::collections::HashSet;

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

    /// Takes the next bytes of the data and gives `out` those to pass on.
    pub fn feed(&mut self, mut input: &[u8], out: &mut Vec<u8>) -> Result<(), Broken> {
        while !input.is_empty() {
            if let Stage::Body { has_objects, left } = self.stage {
                let n = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
                let (part, rest) = input.split_at(n);
                if self.passes {
                    out.extend_from_slice(part);
                    self.written += n as u64;
                }
                input = rest;
                let left = left - n as u64;
                self.stage = if left == 0 { Stage::Length { has_objects } } else { Stage::Body { has_objects, left } };
                continue;
            }
            if let (Stage::Length { .. }, true) = (self.stage, self.pending.is_empty()) {
                let mut pieces = Pieces::new(self.int_bytes, input);
                pieces.by_ref().for_each(drop);
                let rest = pieces.rest();
                let whole = &input[..input.len() - rest.len()];
                if self.passes {
                    out.extend_from_slice(whole);
                    self.written += whole.len() as u64;
                }
                input = rest;
                if input.is_empty() {
                    return Ok(());
                }
            }
            let wanted = match self.stage {
                Stage::Block => 1,
                // The type of a block waits for the number that decides.
                Stage::Id { .. } => 2 + self.int_bytes,
                _ => 1 + self.int_bytes,
            };
            let n = (wanted - self.pending.len()).min(input.len());
            let (part, rest) = input.split_at(n);
            self.pending.extend_from_slice(part);
            input = rest;
            if self.pending.len() == wanted {
                self.advance(out)?;
            }
        }
        Ok(())
    }

    fn advance(&mut self, out: &mut Vec<u8>) -> Result<(), Broken> {
        self.stage = match self.stage {
            Stage::Block => {
                let has_objects = match self.pending[..] {
                    [1] => false,
                    [3] => true,
                    _ => return Err(Broken::Malformed("a block of its data has an unknown type".to_owned())),
                };
                self.stage = Stage::Id { has_objects };
                return Ok(());
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
            Stage::Body { .. } => return Ok(()),
        };
        if self.passes {
            out.extend_from_slice(&self.pending);
            self.written += self.pending.len() as u64;
        }
        self.pending.clear();
        Ok(())
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
