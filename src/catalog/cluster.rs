//! What a manifest says of a base backup: a whole cluster, file by file, with the stretch of WAL that makes it whole.

use crate::base::{BackupId, Lsn, SegmentSize, Timeline, WalSegment};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The cluster of a base backup. Where the read of it began is `source.start_lsn`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cluster {
    /// System identifier of the cluster, from its control file.
    pub system_identifier: String,
    /// The timeline that was current.
    #[schemars(with = "u32")]
    pub timeline: Timeline,
    /// WAL position at which replay has to begin.
    #[schemars(with = "String")]
    pub start_lsn: Lsn,
    /// WAL position up to which replay must come before the cluster is consistent.
    #[schemars(with = "String")]
    pub stop_lsn: Lsn,
    /// Length of its WAL segments in bytes.
    #[schemars(with = "u32")]
    pub wal_segment_bytes: SegmentSize,
    /// Where that stretch of WAL is.
    pub wal: WalOfBackup,
    /// Whether its pages carry checksums.
    pub checksums: bool,
    /// Pages whose checksum was wrong when they were read, as PostgreSQL tells them; it lists few of each file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bad_pages: Vec<BadPage>,
    /// Tablespaces other than the two that every cluster has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tablespaces: Vec<Tablespace>,
    /// The databases in it, templates included.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub databases: Vec<ClusterDatabase>,
    /// Number of files.
    pub files: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// What it has of earlier backups; left out for a full one, which has all of its files itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incremental: Option<Incremental>,
}

/// What an incremental backup has of earlier ones of the same database and tier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Incremental {
    /// The backup that it was compared with.
    #[schemars(with = "String")]
    pub on: BackupId,
    /// The backups whose packs hold what did not change, oldest first. It is whole only where they are.
    pub references: Vec<Reference>,
    /// Files that were not read, because the server's summaries of its WAL say that they are as in that backup: checksums of
    /// their pages were not looked at. Left out where every file was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread: Option<Unread>,
}

/// Files that were not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Unread {
    /// How many.
    pub files: u64,
    /// Bytes in them.
    pub bytes: u64,
}

/// Packs of an earlier backup.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Reference {
    /// The backup.
    #[schemars(with = "String")]
    pub backup: BackupId,
    /// Names of those of its files that are needed.
    pub packs: Vec<String>,
}

/// Where the WAL is that a base backup needs to become consistent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WalOfBackup {
    /// In the backup itself, in `pg_wal`.
    Included,
    /// In the archive of the same repository, from before the manifest was written.
    Archived,
}

/// A page whose checksum was wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BadPage {
    /// The file, relative to the data directory.
    pub file: String,
    /// Number of the page in it, counted from 0.
    pub page: u64,
}

/// A database of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClusterDatabase {
    /// Its object id, which is the name of its folder.
    pub oid: u32,
    /// Its name.
    pub name: String,
}

/// A tablespace of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tablespace {
    /// Its object id, which is the name of its link in `pg_tblspc`.
    pub oid: u32,
    /// The folder it was in.
    pub location: String,
}

impl Cluster {
    /// What it needs of other backups.
    pub fn references(&self) -> &[Reference] {
        self.incremental.as_ref().map(|incremental| incremental.references.as_slice()).unwrap_or_default()
    }

    /// First and last WAL segment that replay needs to become consistent.
    pub fn needed_wal(&self) -> (WalSegment, WalSegment) {
        let first = WalSegment::at(self.timeline, self.start_lsn, self.wal_segment_bytes);
        let last = WalSegment::ending_at(self.timeline, self.stop_lsn, self.wal_segment_bytes);
        (first, last.max(first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_that_ends_at_a_border_needs_no_segment_beyond_it() {
        let cluster = |start, stop| Cluster {
            system_identifier: "7".to_owned(),
            timeline: Timeline(1),
            start_lsn: Lsn(start),
            stop_lsn: Lsn(stop),
            wal_segment_bytes: SegmentSize::DEFAULT,
            wal: WalOfBackup::Archived,
            checksums: true,
            bad_pages: Vec::new(),
            tablespaces: Vec::new(),
            databases: Vec::new(),
            files: 0,
            bytes: 0,
            incremental: None,
        };
        let names = |start, stop| {
            let (first, last) = cluster(start, stop).needed_wal();
            (first.to_string(), last.to_string())
        };
        let second = "000000010000000000000002".to_owned();
        assert_eq!(names(0x200_0028, 0x300_0000), (second.clone(), second.clone()));
        assert_eq!(names(0x200_0028, 0x300_0001), (second.clone(), "000000010000000000000003".to_owned()));
        assert_eq!(names(0x200_0000, 0x200_0000), (second.clone(), second));
    }
}
