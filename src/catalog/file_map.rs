//! The file map of a base backup: where in packs, its own and those of earlier backups, the bytes of every file are.
//! Stored beside the packs, with the same layers, as lines of JSON: one for the packs, then one for every file.

use super::Reference;
use crate::base::{BackupId, Blake3, Crc32c};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Where the files of a cluster are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileMap {
    /// The packs, in the order in which files name them.
    pub packs: Vec<Pack>,
    /// Folders and files, each folder before what is in it.
    pub files: Vec<ClusterFile>,
}

/// One pack: a tar archive, whole in itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pack {
    /// Name of its file in the backup.
    pub name: String,
    /// The backup that it is a file of, where that is an earlier one of the same database and tier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<BackupId>,
    /// Its length before all layers.
    pub plain_bytes: u64,
    /// Length of every compression frame, before encryption. Each holds 4 MiB of content, the last one less.
    pub frames: Vec<u32>,
}

/// One folder or file of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterFile {
    /// Relative to the data directory; what is in a tablespace stands below `pg_tblspc/<oid>/`.
    pub path: String,
    /// What it is.
    #[serde(default, skip_serializing_if = "FileKind::is_file")]
    pub kind: FileKind,
    /// Its permissions.
    pub mode: u32,
    /// When it was changed last, in seconds since 1970.
    pub modified: i64,
    /// Its length.
    pub bytes: u64,
    /// Digest of its content; a folder has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blake3: Option<Blake3>,
    /// Its checksum in `backup_manifest`, where backstay itself read the file and wrote that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crc32c: Option<Crc32c>,
    /// Length of its blocks, where the backup has digests of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block: Option<u32>,
    /// Its content, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub at: Vec<Extent>,
}

impl ClusterFile {
    /// Its blocks of which the backup has digests.
    pub fn n_blocks(&self) -> u64 {
        self.block.filter(|block| *block > 0).map_or(0, |block| self.bytes.div_ceil(u64::from(block)))
    }

    /// Adds a stretch at its end; one that goes on where the last one ends becomes one with it.
    pub fn push(&mut self, extent: Extent) {
        match self.at.last_mut() {
            Some(Extent(pack, start, bytes)) if *pack == extent.0 && *start + *bytes == extent.1 => *bytes += extent.2,
            _ => self.at.push(extent),
        }
    }
}

/// What a line of the map is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// A file.
    #[default]
    File,
    /// A folder.
    Folder,
}

impl FileKind {
    fn is_file(&self) -> bool {
        *self == FileKind::File
    }
}

/// A stretch of a pack: its number in the map, counted from 0, where it begins, and its length, both before all layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extent(pub u32, pub u64, pub u64);

/// Why a map is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFileMap {
    /// A line is not what belongs there.
    #[error("line {line} of the file map is not understood: {problem}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// A line speaks of something that cannot be.
    #[error("the file map says of `{path}` what cannot be: {problem}")]
    File {
        /// The file.
        path: String,
        /// What is wrong.
        problem: &'static str,
    },
}

#[derive(Serialize, Deserialize)]
struct Head {
    format: u32,
    packs: Vec<Pack>,
}

impl FileMap {
    /// The map as it is stored.
    pub fn to_lines(&self) -> Vec<u8> {
        // Our own structs serialise always.
        let mut lines =
            serde_json::to_vec(&Head { format: super::FORMAT, packs: self.packs.clone() }).unwrap_or_default();
        for file in &self.files {
            lines.push(b'\n');
            lines.extend(serde_json::to_vec(file).unwrap_or_default());
        }
        lines.push(b'\n');
        lines
    }

    /// Reads a stored map. Whatever it says afterwards can be done: paths stay inside of the data directory, and
    /// extents inside of their packs.
    pub fn from_lines(bytes: &[u8]) -> Result<FileMap, InvalidFileMap> {
        let mut lines = bytes.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty());
        let bad = |line: usize, error: &dyn std::fmt::Display| InvalidFileMap::Line {
            line: line + 1,
            problem: error.to_string(),
        };
        let (_, first) = lines.next().ok_or_else(|| bad(0, &"it is missing"))?;
        let head: Head = serde_json::from_slice(first).map_err(|error| bad(0, &error))?;
        if head.format > super::FORMAT {
            return Err(bad(0, &format!("it has format {}, which is newer than this program", head.format)));
        }
        let mut map = FileMap { packs: head.packs, files: Vec::new() };
        for (number, line) in lines {
            let file: ClusterFile = serde_json::from_slice(line).map_err(|error| bad(number, &error))?;
            map.check(&file)?;
            map.files.push(file);
        }
        Ok(map)
    }

    /// Drops the packs of other backups that no file is in. Says which others there are, oldest first.
    pub fn drop_unused(&mut self) -> Vec<Reference> {
        let used: BTreeSet<u32> = self.files.iter().flat_map(|file| &file.at).map(|extent| extent.0).collect();
        let mut numbers = BTreeMap::new();
        let mut references: BTreeMap<BackupId, Vec<String>> = BTreeMap::new();
        let mut packs = Vec::new();
        for (number, pack) in (0..).zip(std::mem::take(&mut self.packs)) {
            match &pack.backup {
                Some(_) if !used.contains(&number) => continue,
                Some(backup) => references.entry(backup.clone()).or_default().push(pack.name.clone()),
                None => {}
            }
            numbers.insert(number, u32::try_from(packs.len()).unwrap_or(u32::MAX));
            packs.push(pack);
        }
        self.packs = packs;
        for extent in self.files.iter_mut().flat_map(|file| &mut file.at) {
            // Every pack that a file is in was kept.
            extent.0 = numbers.get(&extent.0).copied().unwrap_or(u32::MAX);
        }
        references.into_iter().map(|(backup, packs)| Reference { backup, packs }).collect()
    }

    /// Adds the files of another map, which name their packs as this one does.
    pub fn join(&mut self, other: FileMap) {
        let is_same = |a: &Pack, b: &Pack| (&a.backup, &a.name) == (&b.backup, &b.name);
        let mut numbers = Vec::with_capacity(other.packs.len());
        for pack in other.packs {
            let number = self.packs.iter().position(|known| is_same(known, &pack)).unwrap_or_else(|| {
                self.packs.push(pack);
                self.packs.len() - 1
            });
            numbers.push(u32::try_from(number).unwrap_or(u32::MAX));
        }
        self.files.extend(other.files.into_iter().map(|mut file| {
            for extent in &mut file.at {
                // Whoever made the map names no pack that it does not have.
                extent.0 = usize::try_from(extent.0).ok().and_then(|n| numbers.get(n).copied()).unwrap_or(u32::MAX);
            }
            file
        }));
    }

    fn check(&self, file: &ClusterFile) -> Result<(), InvalidFileMap> {
        let wrong = |problem| Err(InvalidFileMap::File { path: file.path.clone(), problem });
        if !is_inside(&file.path) {
            return wrong("it lies outside of the data directory");
        }
        let mut sum: u64 = 0;
        for Extent(pack, start, bytes) in &file.at {
            let Some(pack) = usize::try_from(*pack).ok().and_then(|pack| self.packs.get(pack)) else {
                return wrong("it is in a pack that the backup does not have");
            };
            if start.checked_add(*bytes).is_none_or(|end| end > pack.plain_bytes) {
                return wrong("it reaches beyond the end of its pack");
            }
            sum = sum.saturating_add(*bytes);
        }
        if sum != file.bytes {
            return wrong("its extents are not as long as the file");
        }
        if (file.kind == FileKind::Folder) != file.blake3.is_none() {
            return wrong("files have a digest, and folders have none");
        }
        if file.block.is_some_and(|block| !block.is_power_of_two() || block < 1024) {
            return wrong("its blocks have a length that blocks cannot have");
        }
        Ok(())
    }
}

/// True for a path of names, none of which leads up or elsewhere.
pub fn is_inside(path: &str) -> bool {
    !path.is_empty()
        && !path.contains('\0')
        && path.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;
    use proptest::prelude::*;

    fn map() -> FileMap {
        let pack = |name: &str| Pack { name: name.to_owned(), backup: None, plain_bytes: 10_000, frames: vec![77] };
        let file = |path: &str, at: Vec<Extent>| ClusterFile {
            path: path.to_owned(),
            kind: FileKind::File,
            mode: 0o600,
            modified: 1_800_000_000,
            bytes: at.iter().map(|extent| extent.2).sum(),
            blake3: Some(Blake3::of(path.as_bytes())),
            crc32c: path.len().is_multiple_of(2).then_some(Crc32c(77)),
            block: None,
            at,
        };
        let folder = ClusterFile { kind: FileKind::Folder, mode: 0o700, blake3: None, ..file("base", Vec::new()) };
        let relation = file("base/1", vec![Extent(0, 512, 8192), Extent(1, 0, 10_000)]);
        FileMap { packs: vec![pack("a"), pack("b")], files: vec![folder, relation, file("empty 😀", Vec::new())] }
    }

    #[test]
    fn a_map_reads_back() {
        assert_eq!(FileMap::from_lines(&map().to_lines()).unwrap(), map());
    }

    #[test]
    fn what_cannot_be_done_is_refused() {
        let said = |change: &dyn Fn(&mut FileMap)| {
            let mut changed = map();
            change(&mut changed);
            FileMap::from_lines(&changed.to_lines()).unwrap_err().to_string()
        };
        for path in ["/etc/passwd", "../x", "base/../../x", "", "base//1", "./x"] {
            assert!(said(&|map| map.files[1].path = path.to_owned()).contains("outside"), "{path}");
        }
        assert!(said(&|map| map.files[1].at[0].0 = 2).contains("does not have"));
        assert!(said(&|map| map.files[1].at[0].1 = 9_000).contains("beyond"));
        assert!(said(&|map| map.files[1].at[0].1 = u64::MAX).contains("beyond"));
        assert!(said(&|map| map.files[1].bytes = 1).contains("as long as"));
        assert!(said(&|map| map.files[1].blake3 = None).contains("digest"));
    }

    #[test]
    fn packs_of_others_that_nothing_is_in_are_dropped() {
        let id = |n| BackupId::new(jiff::Timestamp::UNIX_EPOCH, n);
        let mut map = map();
        let of = |name: &str, backup| Pack { name: name.to_owned(), backup, plain_bytes: 10_000, frames: Vec::new() };
        map.packs =
            vec![of("a", Some(id(1))), of("b", Some(id(2))), of("c", Some(id(2))), of("a", None), of("b", None)];
        map.files[1].at = vec![Extent(2, 0, 8192), Extent(3, 5, 100), Extent(1, 0, 9_900)];
        map.files[1].bytes = 8192 + 100 + 9_900;
        let references = map.drop_unused();
        assert_eq!(references, [Reference { backup: id(2), packs: vec!["b".to_owned(), "c".to_owned()] }]);
        assert_eq!(map.packs.len(), 4, "own packs stay, used or not");
        assert_eq!(map.files[1].at, [Extent(1, 0, 8192), Extent(2, 5, 100), Extent(0, 0, 9_900)]);
        assert_eq!(FileMap::from_lines(&map.to_lines()).unwrap(), map);
    }

    #[test]
    fn stretches_that_go_on_become_one() {
        let mut file = map().files[1].clone();
        file.at.clear();
        for extent in [Extent(0, 0, 10), Extent(0, 10, 5), Extent(0, 16, 4), Extent(1, 20, 4), Extent(1, 24, 1)] {
            file.push(extent);
        }
        assert_eq!(file.at, [Extent(0, 0, 15), Extent(0, 16, 4), Extent(1, 20, 5)]);
    }

    proptest! {
        #[test]
        fn damage_is_an_error_and_no_panic(at in 0_usize..1_000, byte: u8) {
            let mut lines = map().to_lines();
            let at = at % lines.len();
            lines[at] = byte;
            let _ = FileMap::from_lines(&lines);
            let _ = FileMap::from_lines(&lines[..at]);
        }
    }
}
