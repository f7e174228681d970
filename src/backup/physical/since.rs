//! The moment of an earlier backup, from which on a server may say what changed.

use crate::base::{BackupId, Lsn, Timeline};
use crate::catalog::{Cluster, Manifest};
use std::collections::HashSet;

/// An earlier backup, as far as it matters to who would not read a file again.
#[derive(Debug, Clone)]
pub(super) struct Since {
    /// Its id.
    pub(super) id: BackupId,
    /// The cluster.
    pub(super) system_identifier: String,
    /// Whatever is in WAL from here on may not be in it.
    pub(super) lsn: Lsn,
    pub(super) timeline: Timeline,
    /// Whether pages carried checksums.
    pub(super) checksums: bool,
    /// Whether a standby was read.
    pub(super) of_standby: bool,
    /// Files that had a damaged page: they are looked at every time.
    pub(super) damaged: HashSet<String>,
}

impl Since {
    /// What its manifest says.
    pub(super) fn of(manifest: &Manifest, cluster: &Cluster) -> Since {
        Since {
            id: manifest.id.clone(),
            system_identifier: cluster.system_identifier.clone(),
            lsn: cluster.start_lsn,
            timeline: cluster.timeline,
            checksums: cluster.checksums,
            of_standby: manifest.source.in_recovery,
            damaged: cluster.bad_pages.iter().map(|page| page.file.clone()).collect(),
        }
    }
}
