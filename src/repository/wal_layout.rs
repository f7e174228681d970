//! Where WAL lies in a repository: `wal/<database>/<cluster>/<folder>/<file>-<digest>…`. Pure.
//!
//! The name says everything that a listing is to tell: which cluster, which file, which content. A folder holds what shares
//! the first sixteen digits of a name, 256 segments of the usual length; histories have one of their own, so that they can
//! be found, and be read by whoever may read nothing else.

use super::layout::WAL;
use crate::base::{SegmentSize, SystemId, WalFile, WalSegment, decode_component, encode_component};
use crate::catalog::Layer;
use crate::catalog::wal::{WalDigest, WalObject};
use crate::storage::ObjectMeta;

/// Folder of the histories of a cluster's timelines.
const HISTORY: &str = "history";

/// Folder of the records of what was given up.
const GIVEN_UP: &str = "given-up";

/// Key of the record of a stretch that was given up. It is under its first segment.
pub fn given_up_key(database: &str, system: SystemId, first: WalSegment) -> String {
    format!("{}{GIVEN_UP}/{first}.json", wal_system_prefix(database, system))
}

/// Whose WAL was given up from which segment on, of such a key.
pub fn parse_given_up(key: &str) -> Option<(String, SystemId, WalSegment)> {
    let mut parts = key.strip_prefix(WAL)?.split('/');
    let (database, system) = (decode_component(parts.next()?)?, parts.next()?.parse().ok()?);
    let first = match (parts.next()?, parts.next()?.strip_suffix(".json")?.parse().ok()?) {
        (GIVEN_UP, WalFile::Segment(first)) => first,
        _ => return None,
    };
    (given_up_key(&database, system, first) == key).then_some((database, system, first))
}

/// The key of a file of WAL, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalKey {
    /// The database entry.
    pub database: String,
    /// Whose it is.
    pub system: SystemId,
    /// Which file.
    pub file: WalFile,
    /// Of its content.
    pub digest: WalDigest,
    /// Length of the cluster's segments.
    pub segment_size: SegmentSize,
    /// What was done to the content, in order.
    pub layers: Vec<Layer>,
}

/// What the keys of all WAL of a database begin with, slash at the end.
pub fn wal_prefix(database: &str) -> String {
    format!("{WAL}{}/", encode_component(database))
}

/// The same, of one cluster.
pub fn wal_system_prefix(database: &str, system: SystemId) -> String {
    format!("{}{system}/", wal_prefix(database))
}

/// The same, of what lies in one folder with a file.
pub fn wal_folder_prefix(database: &str, system: SystemId, file: WalFile) -> String {
    format!("{}{}/", wal_system_prefix(database, system), folder(file))
}

/// What the keys of all contents of a file begin with.
pub fn wal_file_prefix(database: &str, system: SystemId, file: WalFile) -> String {
    format!("{}{file}-", wal_folder_prefix(database, system, file))
}

fn folder(file: WalFile) -> String {
    let of = |segment: WalSegment| format!("{}{:08X}", segment.timeline, segment.log);
    match file {
        WalFile::Segment(segment) | WalFile::Partial(segment) | WalFile::BackupHistory(segment, _) => of(segment),
        WalFile::History(_) => HISTORY.to_owned(),
    }
}

impl WalKey {
    /// The key as text.
    pub fn key(&self) -> String {
        let mut key = wal_file_prefix(&self.database, self.system, self.file) + &self.digest.to_string();
        if self.segment_size != SegmentSize::DEFAULT {
            key += &format!("-{}M", self.segment_size.bytes() >> 20);
        }
        self.layers.iter().fold(key, |key, layer| key + layer.suffix())
    }

    /// The parts of a key; `None` for one that this layout does not make.
    pub fn parse(key: &str) -> Option<WalKey> {
        let mut parts = key.strip_prefix(WAL)?.split('/');
        let database = decode_component(parts.next()?)?;
        let system = parts.next()?.parse().ok()?;
        let (in_folder, name) = (parts.next()?, parts.next()?);
        let (file, rest) = name.split_once('-')?;
        let file: WalFile = file.parse().ok()?;
        if parts.next().is_some() || folder(file) != in_folder {
            return None;
        }
        let (rest, endings) = rest.split_at(rest.find('.').unwrap_or(rest.len()));
        let (digest, size) = rest.split_once('-').map_or((rest, None), |(digest, size)| (digest, Some(size)));
        let segment_size = match size {
            None => SegmentSize::DEFAULT,
            Some(size) => SegmentSize::new(size.strip_suffix('M')?.parse::<u64>().ok()?.checked_mul(1 << 20)?)?,
        };
        let layers = endings.split('.').skip(1).map(layer).collect::<Option<_>>()?;
        let parsed = WalKey { database, system, file, digest: digest.parse().ok()?, segment_size, layers };
        // What is not written as we write it is somebody else's.
        (parsed.key() == key).then_some(parsed)
    }

    /// The stored file that a store says this of.
    pub fn object(self, meta: &ObjectMeta) -> WalObject {
        WalObject {
            system: self.system,
            file: self.file,
            digest: self.digest,
            segment_size: self.segment_size,
            layers: self.layers,
            stored_bytes: meta.size,
            modified: meta.modified,
            etag: meta.etag.clone(),
            class: meta.class,
        }
    }

    /// The key of a stored file.
    pub fn of(database: &str, object: &WalObject) -> WalKey {
        WalKey {
            database: database.to_owned(),
            system: object.system,
            file: object.file,
            digest: object.digest.clone(),
            segment_size: object.segment_size,
            layers: object.layers.clone(),
        }
    }
}

/// The layer of an ending. How strong it compresses and whom it is encrypted to, reading does not need.
fn layer(ending: &str) -> Option<Layer> {
    match ending {
        "zst" => Some(Layer::Zstd { level: WAL_LEVEL }),
        "age" => Some(Layer::Age { recipients: Vec::new() }),
        "gpg" => Some(Layer::Gpg),
        _ => None,
    }
}

/// How strong WAL is compressed.
pub const WAL_LEVEL: i32 = 3;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;

    fn key(file: &str, size: u64, layers: Vec<Layer>) -> WalKey {
        WalKey {
            database: "main db".to_owned(),
            system: SystemId(7412),
            file: file.parse().unwrap(),
            digest: WalDigest::of(b""),
            segment_size: SegmentSize::new(size).unwrap(),
            layers,
        }
    }

    #[test]
    fn keys_read_back_whatever_the_file() {
        let age = || vec![layer("zst").unwrap(), layer("age").unwrap()];
        for file in [
            "0000000100000016000000B3",
            "0000000100000016000000B3.partial",
            "0000000100000016000000B3.00000028.backup",
            "00000002.history",
        ] {
            for key in [key(file, 16 << 20, age()), key(file, 64 << 20, Vec::new())] {
                assert_eq!(WalKey::parse(&key.key()), Some(key.clone()), "{}", key.key());
            }
        }
        let digest = "af1349b9f5f9a1a6a0404dea36dcc949";
        assert_eq!(
            key("0000000100000016000000B3", 16 << 20, age()).key(),
            format!("wal/main%20db/7412/0000000100000016/0000000100000016000000B3-{digest}.zst.age")
        );
        assert_eq!(
            key("00000002.history", 64 << 20, Vec::new()).key(),
            format!("wal/main%20db/7412/history/00000002.history-{digest}-64M")
        );
    }

    #[test]
    fn records_of_what_was_given_up_are_no_wal() {
        let WalFile::Segment(first) = "0000000100000016000000B3".parse().unwrap() else { panic!() };
        let key = given_up_key("main db", SystemId(7), first);
        assert_eq!(key, "wal/main%20db/7/given-up/0000000100000016000000B3.json");
        assert_eq!(parse_given_up(&key), Some(("main db".to_owned(), SystemId(7), first)));
        assert_eq!(WalKey::parse(&key), None);
        for other in [key.replace("given-up", "history"), key.replace(".json", ""), format!("{key}/x")] {
            assert_eq!(parse_given_up(&other), None, "{other}");
        }
    }

    #[test]
    fn keys_of_others_are_not_understood() {
        let digest = "af1349b9f5f9a1a6a0404dea36dcc949";
        for key in [
            "wal/a/7/history/00000002.history".to_owned(),
            format!("wal/a/7/0000000100000000/00000002.history-{digest}"),
            format!("wal/a/7/0000000100000000/000000010000000100000000-{digest}"),
            format!("wal/a/x/history/00000002.history-{digest}"),
            format!("wal/a/7/history/00000002.history-{digest}-16M"),
            format!("wal/a/7/history/00000002.history-{digest}.bz2"),
            format!("wal/a/7/history/more/00000002.history-{digest}"),
            format!("wal/a/7/history/00000002.history-{}", &digest[1..]),
        ] {
            assert_eq!(WalKey::parse(&key), None, "{key}");
        }
    }
}
