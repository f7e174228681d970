//! Members of a tar archive, made while they are read: a header, the content of a file read just then, zeros up to the next
//! block.

use super::manifest::{FileDigest, ServerManifest};
use super::pages::Pages;
use super::tree::{Node, said_of};
use crate::base::{Crc32c, Lsn};
use crate::catalog::BadPage;
use crate::codec::PAGE_BYTES;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use tar::{EntryType, Header};

/// Length of a header, and of what contents are filled up to.
const BLOCK: u64 = 512;
/// How much of a file is read at once: it is looked at several times while it is in the processor's cache.
const PIECE: usize = 256 << 10;

/// What was seen of all files so far.
pub(super) struct Seen {
    pub(super) manifest: ServerManifest,
    pub(super) bad_pages: Vec<BadPage>,
    /// Where the backup begins, when pages carry checksums that are to be looked at.
    pub(super) checked_from: Option<Lsn>,
}

/// Bytes of members, handed out.
#[derive(Default)]
pub(super) struct Members {
    ready: Vec<u8>,
    at: usize,
    current: Option<Current>,
    /// Of the file that was read last.
    checksum: Option<Crc32c>,
}

/// When a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opening {
    AtOnce,
    /// Perhaps never: it may be passed over.
    WhenRead,
}

/// A file that is being read.
struct Current {
    path: PathBuf,
    /// `None` as long as it was not opened.
    file: Option<File>,
    /// As the archive has it, for the manifest.
    name: String,
    bytes: u64,
    position: u64,
    modified: i64,
    digest: FileDigest,
    pages: Option<Pages>,
    /// It ended before its length was reached: what is left is zeros, as the server has it.
    is_short: bool,
}

impl Members {
    /// Begins what is at a node. `prefix` is what the server calls the root, such as `pg_tblspc/16384/`; names in the archive
    /// do without. A file that is gone is no member.
    pub(super) fn begin(
        &mut self,
        root: &Path,
        prefix: &str,
        node: &Node,
        opening: Opening,
        seen: &mut Seen,
    ) -> io::Result<()> {
        let path = root.join(&node.path);
        let opened = match opening {
            Opening::AtOnce => File::open(&path).and_then(|file| file.metadata().map(|meta| (Some(file), meta))),
            Opening::WhenRead => fs::metadata(&path).map(|meta| (None, meta)),
        };
        let (file, meta) = match opened {
            Ok(opened) => opened,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(said_of(&path, &error)),
        };
        self.hand_out(header(&node.path, &meta, node.is_folder)?.as_bytes());
        self.checksum = None;
        if !node.is_folder {
            let name = format!("{prefix}{}", node.path);
            self.current = Some(Current {
                pages: seen.checked_from.and_then(|start| Pages::of(&name, start)),
                name,
                path,
                file,
                bytes: meta.len(),
                position: 0,
                modified: meta.mtime(),
                digest: FileDigest::new(),
                is_short: false,
            });
            self.finish_if_over(seen);
        }
        Ok(())
    }

    /// Adds a file with this content. It is noted in the manifest if it is no part of WAL and not the manifest itself.
    pub(super) fn add(&mut self, name: &str, content: &[u8], modified: i64, seen: Option<&mut Seen>) -> io::Result<()> {
        let mut header = Header::new_ustar();
        header.set_path(name)?;
        header.set_mode(0o600);
        header.set_size(content.len() as u64);
        header.set_mtime(u64::try_from(modified).unwrap_or_default());
        header.set_entry_type(EntryType::Regular);
        header.set_cksum();
        self.hand_out(header.as_bytes());
        self.ready.extend_from_slice(content);
        let filled = (content.len() as u64).next_multiple_of(BLOCK) - content.len() as u64;
        self.ready.extend(std::iter::repeat_n(0, usize::try_from(filled).unwrap_or_default()));
        self.checksum = seen.map(|seen| {
            let mut digest = FileDigest::new();
            digest.update(content);
            let checksum = digest.finish();
            seen.manifest.add(name, content.len() as u64, modified, checksum);
            checksum
        });
        Ok(())
    }

    /// Adds the two empty blocks that end an archive.
    pub(super) fn end(&mut self) {
        self.hand_out(&[0; 2 * BLOCK as usize]);
    }

    /// Passes over a file of which nothing was read but its header, and which has this checksum. False for a file that was
    /// opened; then nothing happened.
    pub(super) fn pass_over(&mut self, checksum: Crc32c, seen: &mut Seen) -> bool {
        let is_at_its_beginning = self.at >= self.ready.len();
        let may_be = |current: &mut Current| is_at_its_beginning && current.file.is_none() && !current.is_short;
        let Some(current) = self.current.take_if(may_be) else { return false };
        seen.manifest.add(&current.name, current.bytes, current.modified, checksum);
        true
    }

    /// The checksum of the file that was read last, once all of it was read.
    pub(super) fn checksum(&self) -> Option<Crc32c> {
        self.checksum
    }

    /// Bytes of what was begun; 0 when the next member is to be begun.
    pub(super) fn read(&mut self, buffer: &mut [u8], seen: &mut Seen) -> io::Result<usize> {
        loop {
            if self.at < self.ready.len() {
                let n = buffer.len().min(self.ready.len() - self.at);
                buffer[..n].copy_from_slice(&self.ready[self.at..self.at + n]);
                self.at += n;
                return Ok(n);
            }
            let Some(current) = &mut self.current else { return Ok(0) };
            let left = current.bytes - current.position;
            current.open()?;
            let left = usize::try_from(left).unwrap_or(usize::MAX);
            if buffer.len() < left && buffer.len() < PAGE_BYTES {
                // Pages are looked at whole.
                let mut page = vec![0; PAGE_BYTES.min(left)];
                current.fill(&mut page, seen)?;
                self.ready = page;
                self.at = 0;
                self.finish_if_over(seen);
                continue;
            }
            let most = left.min(buffer.len()).min(PIECE);
            let n = if most < left { most - most % PAGE_BYTES } else { most };
            current.fill(&mut buffer[..n], seen)?;
            self.finish_if_over(seen);
            return Ok(n);
        }
    }

    /// Ends a file with its last byte, so that its checksum is known before anything else is asked for.
    fn finish_if_over(&mut self, seen: &mut Seen) {
        if let Some(current) = self.current.take_if(|current| current.position == current.bytes) {
            let filled = current.bytes.next_multiple_of(BLOCK) - current.bytes;
            let checksum = current.digest.finish();
            self.checksum = Some(checksum);
            seen.manifest.add(&current.name, current.bytes, current.modified, checksum);
            self.hand_out(&[0; BLOCK as usize][..usize::try_from(filled).unwrap_or_default()]);
        }
    }

    fn hand_out(&mut self, bytes: &[u8]) {
        if self.at >= self.ready.len() {
            self.ready.clear();
            self.at = 0;
        }
        self.ready.extend_from_slice(bytes);
    }
}

impl Current {
    /// Opens the file if that was not done before. One that went away meanwhile has ended.
    fn open(&mut self) -> io::Result<()> {
        if self.file.is_some() || self.is_short {
            return Ok(());
        }
        match File::open(&self.path) {
            Ok(file) => self.file = Some(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.is_short = true,
            Err(error) => return Err(said_of(&self.path, &error)),
        }
        Ok(())
    }

    /// Fills a piece with what comes next.
    fn fill(&mut self, piece: &mut [u8], seen: &mut Seen) -> io::Result<()> {
        let mut length = 0;
        while length < piece.len()
            && !self.is_short
            && let Some(file) = &mut self.file
        {
            match file.read(&mut piece[length..]) {
                Ok(0) => self.is_short = true,
                Ok(n) => length += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    return Err(io::Error::new(error.kind(), format!("cannot read `{}`: {error}", self.name)));
                }
            }
        }
        piece[length..].fill(0);
        if let (Some(pages), Some(file)) = (&mut self.pages, &self.file) {
            pages.look(file, self.position, &piece[..length], &mut seen.bad_pages);
        }
        self.digest.update(piece);
        self.position += piece.len() as u64;
        Ok(())
    }
}

fn header(name: &str, meta: &Metadata, is_folder: bool) -> io::Result<Header> {
    let mut header = Header::new_ustar();
    header.set_path(if is_folder { format!("{name}/") } else { name.to_owned() })?;
    header.set_mode(meta.mode() & 0o7777);
    header.set_size(if is_folder { 0 } else { meta.len() });
    header.set_mtime(u64::try_from(meta.mtime()).unwrap_or_default());
    header.set_entry_type(if is_folder { EntryType::Directory } else { EntryType::Regular });
    header.set_cksum();
    Ok(header)
}
