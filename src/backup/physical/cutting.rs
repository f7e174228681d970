//! Tests: packs are archives, and every file is where the map says.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use super::cutter::{Cutter, PackReader};
use super::source::Archive;
use crate::base::Blake3;
use crate::catalog::Extent;
use proptest::prelude::*;
use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::{Arc, Mutex};
use tar::Header;

/// Length of a header, and of what contents are filled up to.
const BLOCK: usize = 512;

pub(super) fn archive(tablespace: Option<u32>, files: &[(String, Vec<u8>)]) -> Archive {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(1_800_000_000);
        builder.append_data(&mut header, name, &content[..]).unwrap();
    }
    let bytes = Box::new(io::Cursor::new(builder.into_inner().unwrap()));
    Archive { tablespace, bytes }
}

/// All packs, and what was found.
fn cut(archives: Vec<Archive>, pack_bytes: u64) -> (Vec<Vec<u8>>, Arc<Mutex<Cutter>>) {
    packs(Arc::new(Mutex::new(Cutter::new(Box::new(VecDeque::from(archives)), pack_bytes))))
}

/// All packs of a cutter.
pub(super) fn packs(cutter: Arc<Mutex<Cutter>>) -> (Vec<Vec<u8>>, Arc<Mutex<Cutter>>) {
    let mut packs = Vec::new();
    while !cutter.lock().unwrap().is_done() {
        cutter.lock().unwrap().begin_pack(packs.len() as u32);
        let mut pack = Vec::new();
        PackReader(cutter.clone()).read_to_end(&mut pack).unwrap();
        packs.push(pack);
    }
    (packs, cutter)
}

proptest! {
    #[test]
    fn every_file_is_where_the_map_says_and_every_pack_is_an_archive(
        lengths in prop::collection::vec(0_usize..5_000, 0..12),
        of_tablespace in prop::collection::vec(0_usize..2_000, 0..4),
        pack_bytes in 1_u64..12_000,
    ) {
        let file = |folder: &str| {
            let folder = folder.to_owned();
            move |(n, length): (usize, &usize)| (format!("{folder}/{n}"), vec![n as u8 + 1; *length])
        };
        let main: Vec<_> = lengths.iter().enumerate().map(file("base/5")).collect();
        let other: Vec<_> = of_tablespace.iter().enumerate().map(file("PG_15/5")).collect();
        let (packs, cutter) = cut(vec![archive(None, &main), archive(Some(16_400), &other)], pack_bytes);
        let cutter = cutter.lock().unwrap();
        let other = other.into_iter().map(|(name, content)| (format!("pg_tblspc/16400/{name}"), content));
        let expected: Vec<_> = main.into_iter().chain(other).collect();
        prop_assert_eq!(cutter.found.files.len(), expected.len());
        for (file, (path, content)) in cutter.found.files.iter().zip(&expected) {
            prop_assert_eq!(&file.path, path);
            let bytes: Vec<u8> = file.at.iter().flat_map(|Extent(pack, at, n)| {
                packs[*pack as usize][*at as usize..(at + n) as usize].to_vec()
            }).collect();
            prop_assert_eq!(&bytes, content);
            prop_assert_eq!(file.blake3, Some(Blake3::of(content)));
        }
        let mut unpacked = Vec::new();
        for pack in &packs {
            let mut archive = tar::Archive::new(&pack[..]);
            for entry in archive.entries().unwrap() {
                let mut entry = entry.unwrap();
                let mut content = Vec::new();
                entry.read_to_end(&mut content).unwrap();
                unpacked.push((entry.path().unwrap().to_str().unwrap().to_owned(), content));
            }
        }
        prop_assert_eq!(unpacked, expected);
    }

    #[test]
    fn an_archive_that_was_cut_off_is_an_error(length in 1_usize..4_000, left in 0_usize..4_000) {
        let Archive { mut bytes, .. } = archive(None, &[("base/1".to_owned(), vec![7; length])]);
        let mut all = Vec::new();
        bytes.read_to_end(&mut all).unwrap();
        let member = BLOCK + length.next_multiple_of(BLOCK);
        let left = 1 + left % (member - 1);
        let archive = Archive { tablespace: None, bytes: Box::new(io::Cursor::new(all[..left].to_vec())) };
        let mut cutter = Cutter::new(Box::new(VecDeque::from(vec![archive])), 1 << 20);
        cutter.begin_pack(0);
        let cutter = Arc::new(Mutex::new(cutter));
        prop_assert!(PackReader(cutter).read_to_end(&mut Vec::new()).is_err());
    }
}
