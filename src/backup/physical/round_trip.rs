//! Tests: whatever changes from backup to backup, each map says where every byte is, and little is stored twice.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use super::block_digests::BlockDigests;
use super::cutter::{Blocks, Cutter, PackReader, Stretch};
use super::cutting::{archive, packs};
use super::earlier::Earlier;
use super::source::{Archive, ArchiveBytes};
use crate::base::{BackupId, Blake3, Crc32c};
use crate::catalog::{ClusterFile, Extent, FileMap, Pack};
use crate::stream::Progress;
use proptest::prelude::*;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io::{self, Read};
use std::sync::{Arc, Mutex};

/// Files by name.
type Content = BTreeMap<String, Vec<u8>>;

/// A backup as it lies in a store.
struct Stored {
    id: BackupId,
    map: FileMap,
    digests: Vec<u8>,
    packs: Vec<Vec<u8>>,
    /// Files that were not read.
    unread: u64,
}

/// An archive whose source knows what did not change, and has nothing good where it did not.
struct Knowing {
    tar: Vec<u8>,
    at: usize,
    unchanged: Vec<String>,
}

impl Knowing {
    fn of(content: &Content, before: Option<&Content>) -> Knowing {
        let is_unchanged = |name: &String| before.is_some_and(|before| before.get(name) == content.get(name));
        let files: Vec<_> = content
            .iter()
            .map(|(name, bytes)| {
                let there = if is_unchanged(name) { vec![0xEE; bytes.len()] } else { bytes.clone() };
                (name.clone(), there)
            })
            .collect();
        let mut tar = Vec::new();
        archive(None, &files).bytes.read_to_end(&mut tar).unwrap();
        Knowing { tar, at: 0, unchanged: content.keys().filter(|name| is_unchanged(name)).cloned().collect() }
    }
}

impl Read for Knowing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = (&self.tar[self.at..]).read(buffer)?;
        self.at += n;
        Ok(n)
    }
}

impl ArchiveBytes for Knowing {
    fn pass_over(&mut self, checksum: Crc32c) -> bool {
        assert_eq!(checksum, Crc32c(7), "what the earlier one had");
        let header = tar::Header::from_byte_slice(&self.tar[self.at - 512..self.at]);
        let name = header.path().unwrap().to_str().unwrap().to_owned();
        if !self.unchanged.contains(&name) {
            return false;
        }
        self.at += header.size().unwrap().next_multiple_of(512) as usize;
        true
    }

    fn checksum(&self) -> Option<Crc32c> {
        Some(Crc32c(7))
    }
}

fn spooled(digests: &[u8]) -> std::fs::File {
    let mut file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut file, digests).unwrap();
    file
}

fn whole(content: &Content) -> Archive {
    let files: Vec<_> = content.iter().map(|(name, bytes)| (name.clone(), bytes.clone())).collect();
    archive(None, &files)
}

fn cutter(source: Archive, pack_bytes: u64, earlier: Option<Earlier>) -> Arc<Mutex<Cutter>> {
    let blocks = Blocks { digests: Some(BlockDigests::new().unwrap()), earlier };
    let archives = Box::new(VecDeque::from(vec![source]));
    Arc::new(Mutex::new(Cutter::new(archives, pack_bytes).with_blocks(blocks, &Progress::silent())))
}

/// Takes backups of contents, each on the one before.
fn take(contents: &[Content], pack_bytes: u64) -> Vec<Stored> {
    take_from(contents, pack_bytes, |content, _| whole(content))
}

/// The same by a source that is told of a content and the one before it.
fn take_from(
    contents: &[Content],
    pack_bytes: u64,
    source: impl Fn(&Content, Option<&Content>) -> Archive,
) -> Vec<Stored> {
    let mut taken: Vec<Stored> = Vec::new();
    for (number, content) in contents.iter().enumerate() {
        let earlier = taken.last().map(|last| {
            let mut earlier = Earlier::default();
            assert!(earlier.add(Some(&last.id), last.map.clone(), spooled(&last.digests)).unwrap());
            earlier
        });
        let before = number.checked_sub(1).map(|before| &contents[before]);
        let (packs, cutter) = packs(cutter(source(content, before), pack_bytes, earlier));
        let mut cutter = cutter.lock().unwrap();
        let mut digests = Vec::new();
        cutter.take_digests().unwrap().finish().unwrap().read_to_end(&mut digests).unwrap();
        let own = packs.iter().enumerate().map(|(n, pack)| Pack {
            name: format!("pack-{n}"),
            backup: None,
            plain_bytes: pack.len() as u64,
            frames: Vec::new(),
        });
        let found = std::mem::take(&mut cutter.found);
        let unread = found.unread.files;
        let mut map = FileMap { packs: found.earlier_packs.into_iter().chain(own).collect(), files: found.files };
        map.drop_unused();
        let id = BackupId::new(jiff::Timestamp::from_second(1_800_000_000 + number as i64).unwrap(), number as u32);
        // What is stored is what is read back.
        let map = FileMap::from_lines(&map.to_lines()).unwrap();
        taken.push(Stored { id, map, digests, packs, unread });
    }
    taken
}

/// A file put together from the packs of all backups, by one map.
fn read(file: &ClusterFile, of: &Stored, all: &[Stored]) -> Vec<u8> {
    let packs: HashMap<(&BackupId, String), &Vec<u8>> = all
        .iter()
        .flat_map(|stored| stored.packs.iter().enumerate().map(|(n, pack)| ((&stored.id, format!("pack-{n}")), pack)))
        .collect();
    let bytes = file.at.iter().flat_map(|Extent(number, at, length)| {
        let pack = &of.map.packs[*number as usize];
        let bytes = packs[&(pack.backup.as_ref().unwrap_or(&of.id), pack.name.clone())];
        bytes[*at as usize..(at + length) as usize].to_vec()
    });
    bytes.collect()
}

/// Some bytes that repeat nowhere near.
fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(&mut next).flatten().take(length).collect()
}

/// What happens to a file between two backups.
#[derive(Debug, Clone)]
enum Change {
    Byte(usize),
    Length(usize),
    Gone,
    Anew(usize),
}

fn any_change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => any::<usize>().prop_map(Change::Byte),
        2 => (0_usize..200_000).prop_map(Change::Length),
        1 => Just(Change::Gone),
        1 => (0_usize..150_000).prop_map(Change::Anew),
    ]
}

fn changed(content: &Content, changes: &[(usize, Change)], round: u64) -> Content {
    let mut content = content.clone();
    for (file, change) in changes {
        let name = format!("base/5/{file}");
        match (change, content.get_mut(&name)) {
            (Change::Byte(at), Some(bytes)) if !bytes.is_empty() => {
                let at = at % bytes.len();
                bytes[at] ^= 0x5a;
            }
            (Change::Length(length), Some(bytes)) => {
                let more = noise(length.saturating_sub(bytes.len()), round + 77);
                bytes.truncate(*length);
                bytes.extend(more);
            }
            (Change::Gone, Some(_)) => drop(content.remove(&name)),
            (Change::Anew(length), _) => drop(content.insert(name, noise(*length, round + 99))),
            _ => {}
        }
    }
    content
}

/// Files of these lengths.
fn files(lengths: &[usize]) -> Content {
    lengths.iter().enumerate().map(|(n, length)| (format!("base/5/{n}"), noise(*length, n as u64 + 1))).collect()
}

/// What a cluster is from backup to backup.
fn story(lengths: &[usize], rounds: &[Vec<(usize, Change)>]) -> Vec<Content> {
    let mut contents = vec![files(lengths)];
    for (round, changes) in rounds.iter().enumerate() {
        contents.push(changed(contents.last().unwrap(), changes, round as u64));
    }
    contents
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn every_backup_of_a_chain_is_found_by_its_own_map(
        lengths in prop::collection::vec(0_usize..150_000, 1..5),
        rounds in prop::collection::vec(prop::collection::vec((0_usize..6, any_change()), 0..6), 1..5),
        pack_bytes in 20_000_u64..400_000,
    ) {
        let contents = story(&lengths, &rounds);
        let all = take(&contents, pack_bytes);
        for (stored, content) in all.iter().zip(&contents) {
            prop_assert_eq!(stored.map.files.len(), content.len());
            for file in &stored.map.files {
                prop_assert_eq!(&read(file, stored, &all), &content[&file.path]);
                prop_assert_eq!(file.blake3, Some(Blake3::of(&content[&file.path])));
            }
            // Every pack is an archive that any program reads.
            for pack in &stored.packs {
                let mut archive = tar::Archive::new(&pack[..]);
                for entry in archive.entries().unwrap() {
                    let path = entry.unwrap().path().unwrap().to_str().unwrap().to_owned();
                    let name = path.split('@').next().unwrap().to_owned();
                    prop_assert!(content.contains_key(&name), "{}", path);
                }
            }
        }
    }

    #[test]
    fn one_that_goes_on_is_found_by_its_own_map(
        lengths in prop::collection::vec(0_usize..150_000, 1..6),
        interruptions in prop::collection::vec((1_usize..4, prop::collection::vec((0_usize..6, any_change()), 0..4)), 0..4),
        pack_bytes in 20_000_u64..200_000,
    ) {
        let mut content = files(&lengths);
        // What lies in the store and in the notes on it.
        let (mut stored, mut noted, mut digests) = (Vec::<Vec<u8>>::new(), FileMap::default(), Vec::new());
        let pack = |(n, pack): (usize, &Vec<u8>)| Pack {
            name: format!("pack-{n}"),
            backup: None,
            plain_bytes: pack.len() as u64,
            frames: Vec::new(),
        };
        for round in 0..=interruptions.len() {
            let mut earlier = Earlier::default();
            prop_assert!(earlier.add(None, noted.clone(), spooled(&digests)).unwrap());
            let cutter = cutter(whole(&content), pack_bytes, Some(earlier));
            let n_before = cutter.lock().unwrap().found.earlier_packs.len();
            prop_assert_eq!(n_before, stored.len());
            let until = interruptions.get(round).map_or(usize::MAX, |(n_packs, _)| *n_packs);
            while stored.len() - n_before < until && !cutter.lock().unwrap().is_done() {
                cutter.lock().unwrap().begin_pack((stored.len() - n_before) as u32);
                let mut bytes = Vec::new();
                PackReader(cutter.clone()).read_to_end(&mut bytes).unwrap();
                stored.push(bytes);
                let Stretch { files, digests: mut since } = cutter.lock().unwrap().since().unwrap().unwrap();
                let map = FileMap { packs: stored.iter().enumerate().map(pack).collect(), files };
                noted.join(FileMap::from_lines(&map.to_lines()).unwrap());
                since.read_to_end(&mut digests).unwrap();
            }
            let Some((_, changes)) = interruptions.get(round) else {
                let found = std::mem::take(&mut cutter.lock().unwrap().found);
                let packs = stored.iter().enumerate().map(pack).collect();
                let id = BackupId::new(jiff::Timestamp::UNIX_EPOCH, 1);
                let map = FileMap { packs, files: found.files };
                let all = [Stored { id, map, digests: Vec::new(), packs: stored.clone(), unread: 0 }];
                prop_assert_eq!(all[0].map.files.len(), content.len());
                for file in &all[0].map.files {
                    prop_assert_eq!(&read(file, &all[0], &all), &content[&file.path]);
                }
                break;
            };
            content = changed(&content, changes, round as u64);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn what_is_passed_over_is_told_as_if_it_had_been_read(
        lengths in prop::collection::vec(0_usize..150_000, 1..5),
        rounds in prop::collection::vec(prop::collection::vec((0_usize..6, any_change()), 0..4), 1..4),
        pack_bytes in 20_000_u64..400_000,
    ) {
        let contents = story(&lengths, &rounds);
        let of_all = |content: &Content, _: Option<&Content>| Knowing::of(content, None);
        let boxed = |bytes: Knowing| Archive { tablespace: None, bytes: Box::new(bytes) };
        let read_all = take_from(&contents, pack_bytes, |content, before| boxed(of_all(content, before)));
        let passed = take_from(&contents, pack_bytes, |content, before| boxed(Knowing::of(content, before)));
        for (one, other) in read_all.iter().zip(&passed) {
            prop_assert_eq!(&one.map, &other.map);
            prop_assert!(one.digests == other.digests && one.packs == other.packs);
        }
        for ((stored, content), before) in passed.iter().skip(1).zip(&contents[1..]).zip(&contents) {
            let unchanged = content.iter().filter(|(name, bytes)| !bytes.is_empty() && before.get(*name) == Some(*bytes));
            prop_assert_eq!(stored.unread, unchanged.count() as u64);
        }
    }
}

#[test]
fn a_file_of_another_time_is_read_whatever_its_source_knows() {
    let content: Content = [("base/5/1".to_owned(), noise(100_000, 3))].into();
    let later = |content: &Content, before: Option<&Content>| {
        let mut bytes = Knowing::of(content, None);
        if before.is_some() {
            bytes.unchanged = content.keys().cloned().collect();
            let mut header = tar::Header::from_byte_slice(&bytes.tar[..512]).clone();
            header.set_mtime(1_800_000_001);
            header.set_cksum();
            bytes.tar[..512].copy_from_slice(header.as_bytes());
        }
        Archive { tablespace: None, bytes: Box::new(bytes) }
    };
    let all = take_from(&[content.clone(), content.clone()], 1 << 20, later);
    assert_eq!((all[1].unread, all[1].packs.concat().len()), (0, 1024), "read, and the same");
}

#[test]
fn what_did_not_change_is_stored_once_and_what_did_is_a_run_with_its_place() {
    let relation = "base/5/1".to_owned();
    let mut second: Content = [(relation.clone(), noise(1_000_000, 3)), ("small".to_owned(), noise(500, 4))].into();
    let first = second.clone();
    let same = second.clone();
    let bytes = second.get_mut(&relation).unwrap();
    bytes[8_192 * 3] ^= 1;
    bytes[8_192 * 4] ^= 1;
    bytes[8_192 * 100 + 7] ^= 1;
    let all = take(&[first, same, second], 1 << 20);
    assert_eq!(all[1].packs.concat().len(), 1024, "nothing but the end of an archive");
    assert_eq!(all[1].map.drop_unused_of(), [all[0].id.clone()]);
    let members: Vec<(String, u64)> = tar::Archive::new(&all[2].packs[0][..])
        .entries()
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            (entry.path().unwrap().to_str().unwrap().to_owned(), entry.size())
        })
        .collect();
    assert_eq!(members, [("base/5/1@24576".to_owned(), 16_384), ("base/5/1@819200".to_owned(), 8_192)]);
    let file = all[2].map.files.iter().find(|file| file.path == relation).unwrap();
    assert_eq!(file.at.len(), 5, "stretches that go on are one: {:?}", file.at);
    assert!(all[2].map.packs.iter().all(|pack| pack.backup.as_ref().is_none_or(|id| *id == all[0].id)));
}

impl FileMap {
    /// The backups that it refers to.
    fn drop_unused_of(&self) -> Vec<BackupId> {
        self.clone().drop_unused().into_iter().map(|reference| reference.backup).collect()
    }
}
