//! Cuts archives into packs: passes their bytes on, or those of them that an earlier backup has not, notes where every
//! file is, and ends a pack between two files once it is long enough.

use super::block_digests::{BlockDigests, Digest, block_of};
use super::compare::{Comparing, Run};
use super::earlier::{Earlier, Known};
use super::found::Found;
use super::member::member;
use super::source::{Archive, Archives};
use crate::catalog::{ClusterFile, Extent, FileKind};
use crate::stream::Progress;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};
use tar::Header;

/// Length of a header, and of what file contents are filled up to.
const BLOCK: usize = 512;
/// Two empty blocks end an archive.
const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];
/// Progress in a file is told whenever so many bytes of it were read.
const TELL: u64 = 8 << 20;

/// What was read so far. Shared by the packs' readers, of which one works at a time.
pub(super) struct Cutter {
    archives: Box<dyn Archives>,
    archive: Option<Archive>,
    pack_bytes: u64,
    state: State,
    /// A header that belongs to the next pack.
    waiting: Option<(Header, ClusterFile)>,
    /// Bytes of the current pack so far.
    position: u64,
    pack: u32,
    /// Bytes that come before anything else is read.
    ready: Ready,
    blocks: Blocks,
    /// Memory of runs.
    spare: Vec<u8>,
    /// Told of what was read, where that is not what goes into packs.
    progress: Option<Progress>,
    /// Files of which `since` told.
    n_told: usize,
    pub(super) found: Found,
}

/// What is done about blocks of files.
#[derive(Default)]
pub(super) struct Blocks {
    /// Where digests of them go; `None`: nobody wants them.
    pub(super) digests: Option<BlockDigests>,
    /// What is compared with; `None`: everything goes into packs.
    pub(super) earlier: Option<Earlier>,
}

/// A stretch of the backup.
pub(super) struct Stretch {
    pub(super) files: Vec<ClusterFile>,
    /// Digests of the blocks of these files.
    pub(super) digests: Box<dyn Read + Send>,
}

enum State {
    /// Between two members.
    Between,
    /// In the content of a file.
    Within { file: ClusterFile, left: u64, digest: Digest },
    /// In the content of a file that an earlier backup knows.
    Comparing(Box<Comparing>),
    /// The pack is ended.
    PackEnded,
    /// Everything was read.
    Done,
}

/// A few bytes to be handed out.
#[derive(Default)]
struct Ready {
    bytes: Vec<u8>,
    at: usize,
}

/// Reads one pack of a cutter.
pub(super) struct PackReader(pub(super) Arc<Mutex<Cutter>>);

impl Read for PackReader {
    /// As much as there is room for: a reader that is given less takes its source for a pipe that is empty, and rests.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut cutter = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut length = 0;
        while length < buffer.len() {
            match cutter.read(&mut buffer[length..]) {
                Ok(0) => break,
                Ok(n) => length += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(length)
    }
}

impl Cutter {
    /// Packs end once they are longer than `pack_bytes`; a file is never cut.
    pub(super) fn new(archives: Box<dyn Archives>, pack_bytes: u64) -> Cutter {
        Cutter {
            archives,
            archive: None,
            pack_bytes,
            state: State::PackEnded,
            waiting: None,
            position: 0,
            pack: 0,
            ready: Ready::default(),
            blocks: Blocks::default(),
            spare: Vec::new(),
            progress: None,
            n_told: 0,
            found: Found::default(),
        }
    }

    /// Looks after blocks. Where an earlier backup is compared with, `progress` is told of what was read.
    pub(super) fn with_blocks(mut self, mut blocks: Blocks, progress: &Progress) -> Cutter {
        if let Some(earlier) = &mut blocks.earlier {
            self.found.earlier_packs = earlier.packs();
            self.progress = Some(progress.clone());
        }
        self.blocks = blocks;
        self
    }

    /// Digests of blocks, where they were wanted. May be taken once.
    pub(super) fn take_digests(&mut self) -> Option<BlockDigests> {
        self.blocks.digests.take()
    }

    /// Between two packs: the files that were read since this was asked last, and the digests of their blocks. `None` where
    /// nobody wanted digests.
    pub(super) fn since(&mut self) -> io::Result<Option<Stretch>> {
        let Some(digests) = &mut self.blocks.digests else { return Ok(None) };
        let files = self.found.files.get(self.n_told..).unwrap_or_default().to_vec();
        self.n_told = self.found.files.len();
        Ok(Some(Stretch { files, digests: Box::new(digests.since()?) }))
    }

    /// True when there is no further pack.
    pub(super) fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Begins pack number `pack`, counted from 0; those of earlier backups have numbers before it.
    pub(super) fn begin_pack(&mut self, pack: u32) {
        self.pack = u32::try_from(self.found.earlier_packs.len()).unwrap_or(u32::MAX).saturating_add(pack);
        self.position = 0;
        self.state = State::Between;
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.ready.at < self.ready.bytes.len() {
                let n = buffer.len().min(self.ready.bytes.len() - self.ready.at);
                buffer[..n].copy_from_slice(&self.ready.bytes[self.ready.at..self.ready.at + n]);
                self.ready.at += n;
                self.position += n as u64;
                return Ok(n);
            }
            match &mut self.state {
                State::PackEnded | State::Done => return Ok(0),
                State::Within { left: 0, .. } => self.end_file()?,
                State::Within { left, digest, file } => {
                    let most = usize::try_from(*left).unwrap_or(usize::MAX).min(buffer.len());
                    let Some(archive) = &mut self.archive else { return Err(cut_off(&file.path)) };
                    let n = archive.bytes.read(&mut buffer[..most])?;
                    if n == 0 {
                        return Err(cut_off(&file.path));
                    }
                    digest.update(&buffer[..n], self.blocks.digests.as_mut())?;
                    *left -= n as u64;
                    self.position += n as u64;
                    self.found.keep(&file.path, &buffer[..n]);
                    return Ok(n);
                }
                State::Comparing(_) => self.compare()?,
                State::Between => self.next_member()?,
            }
        }
    }

    fn end_file(&mut self) -> io::Result<()> {
        let State::Within { mut file, digest, .. } = std::mem::replace(&mut self.state, State::Between) else {
            return Ok(());
        };
        file.blake3 = Some(digest.finish(self.blocks.digests.as_mut())?);
        self.hand_out(&[0; BLOCK][..filling(file.bytes)]);
        self.found(file)
    }

    /// A file was read to its end.
    fn found(&mut self, mut file: ClusterFile) -> io::Result<()> {
        if let Some(archive) = &mut self.archive {
            archive.bytes.read_exact(&mut [0; BLOCK][..filling(file.bytes)])?;
            file.crc32c = archive.bytes.checksum();
        }
        self.note(file);
        Ok(())
    }

    /// Everything is known of a file.
    fn note(&mut self, file: ClusterFile) {
        self.found.bytes += file.bytes;
        self.found.files.push(file);
        if let Some(progress) = &self.progress {
            progress.at(self.found.bytes);
        }
    }

    /// Goes on with a file that is compared, until there is something to be handed out or it ends.
    fn compare(&mut self) -> io::Result<()> {
        let State::Comparing(comparing) = &mut self.state else { return Ok(()) };
        if comparing.is_done() {
            let State::Comparing(comparing) = std::mem::replace(&mut self.state, State::Between) else { return Ok(()) };
            let (file, memory) = comparing.finish();
            self.spare = memory;
            return self.found(file);
        }
        if let Some(progress) = self.progress.as_ref().filter(|_| comparing.at() % TELL == 0) {
            progress.at(self.found.bytes + comparing.at());
        }
        let Some(archive) = &mut self.archive else { return Err(cut_off(&comparing.file.path)) };
        let (found, pack, begins) = (&mut self.found, self.pack, self.position + BLOCK as u64);
        let seen = |path: &str, bytes: &[u8]| found.keep(path, bytes);
        let place = |file: &mut ClusterFile, bytes| file.push(Extent(pack, begins, bytes));
        let run = comparing.step(archive.bytes.as_mut(), self.blocks.digests.as_mut(), seen, place);
        let run = run.map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => cut_off(&comparing.file.path),
            _ => error,
        })?;
        if let Some(Run { header, bytes }) = run {
            self.hand_out(header.as_bytes());
            self.ready.bytes.extend_from_slice(&bytes);
            self.ready.bytes.extend_from_slice(&[0; BLOCK][..filling(bytes.len() as u64)]);
            if let State::Comparing(comparing) = &mut self.state {
                comparing.use_again(bytes);
            }
        }
        Ok(())
    }

    fn next_member(&mut self) -> io::Result<()> {
        if let Some((header, file)) = self.waiting.take() {
            return self.take_member(header, file);
        }
        if self.archive.is_none() {
            self.archive = self.archives.next()?;
        }
        let Some(archive) = &mut self.archive else {
            self.hand_out(&END);
            self.state = State::Done;
            return Ok(());
        };
        let mut header = Header::new_old();
        let length = read_block(&mut archive.bytes, header.as_mut_bytes())?;
        if length == 0 || header.as_bytes().iter().all(|byte| *byte == 0) {
            // The second empty block, and whatever fills the last record.
            io::copy(&mut archive.bytes, &mut io::sink())?;
            self.archive = None;
            return Ok(());
        }
        if length < BLOCK {
            return Err(cut_off("a header"));
        }
        let tablespace = archive.tablespace;
        let Some((header, file)) = member(header, tablespace)? else { return Ok(()) };
        // What is compared is seldom all new.
        let adds = if self.blocks.earlier.is_some() { 0 } else { file.bytes };
        if self.position > 0 && self.position.saturating_add(adds) > self.pack_bytes {
            self.waiting = Some((header, file));
            self.hand_out(&END);
            self.state = State::PackEnded;
            return Ok(());
        }
        self.take_member(header, file)
    }

    fn take_member(&mut self, header: Header, mut file: ClusterFile) -> io::Result<()> {
        let known = match &mut self.blocks.earlier {
            Some(earlier) if file.kind == FileKind::File => earlier.take(&file)?,
            _ => None,
        };
        if let Some(known) = known {
            let Some(known) = self.pass_over(known, &mut file)? else {
                self.state = State::Between;
                self.note(file);
                return Ok(());
            };
            let spare = std::mem::take(&mut self.spare);
            self.state = State::Comparing(Box::new(Comparing::new(header, file, known, spare)));
            return Ok(());
        }
        self.hand_out(header.as_bytes());
        if file.kind == FileKind::Folder {
            self.found.files.push(file);
            self.state = State::Between;
            return Ok(());
        }
        let left = file.bytes;
        if left > 0 {
            file.at = vec![Extent(self.pack, self.position + BLOCK as u64, left)];
        }
        file.block = self.blocks.digests.as_ref().and_then(|_| block_of(left));
        self.state = State::Within { left, digest: Digest::new(file.block), file };
        Ok(())
    }

    /// Does without reading a file where that can be done: it is all said then. What is known is given back where not.
    fn pass_over(&mut self, known: Known, file: &mut ClusterFile) -> io::Result<Option<Known>> {
        let Some(archive) = &mut self.archive else { return Ok(Some(known)) };
        if !known.checksum_if_unread(file).is_some_and(|checksum| archive.bytes.pass_over(checksum)) {
            return Ok(Some(known));
        }
        let digests = known.tell_all(file);
        if let Some(of_all) = &mut self.blocks.digests {
            of_all.add_known(&digests)?;
        }
        self.found.unread.files += 1;
        self.found.unread.bytes += file.bytes;
        Ok(None)
    }

    fn hand_out(&mut self, bytes: &[u8]) {
        self.ready.bytes.clear();
        self.ready.bytes.extend_from_slice(bytes);
        self.ready.at = 0;
    }
}

/// Bytes that fill up the content of a file.
fn filling(bytes: u64) -> usize {
    // Less than a block.
    (bytes.next_multiple_of(BLOCK as u64) - bytes) as usize
}

fn cut_off(path: &str) -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, format!("the base backup ends in the middle of {path}"))
}

/// Reads a whole block; less only where the archive ends.
fn read_block(from: &mut dyn Read, block: &mut [u8; BLOCK]) -> io::Result<usize> {
    let mut length = 0;
    while length < BLOCK {
        match from.read(&mut block[length..]) {
            Ok(0) => break,
            Ok(n) => length += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}
