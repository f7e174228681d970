//! What the archives of a base backup held, as far as the manifest says it.

use crate::catalog::{ClusterFile, Pack, Unread};

/// Most bytes kept of the end of a file that is looked into.
const TAIL: usize = 64 << 10;

/// What the archives held.
#[derive(Default)]
pub(super) struct Found {
    pub(super) files: Vec<ClusterFile>,
    /// `backup_label`, whole.
    pub(super) label: Vec<u8>,
    /// The end of `backup_manifest`.
    pub(super) manifest_tail: Vec<u8>,
    /// `global/pg_control`, whole.
    pub(super) control: Vec<u8>,
    /// Bytes of all files.
    pub(super) bytes: u64,
    /// Files that were not read, because an earlier backup has them as they are.
    pub(super) unread: Unread,
    /// Packs of earlier backups. Those of this one come after them.
    pub(super) earlier_packs: Vec<Pack>,
}

impl Found {
    /// Keeps bytes of the few files that are looked into; those of others are passed over.
    pub(super) fn keep(&mut self, path: &str, bytes: &[u8]) {
        match path {
            "backup_label" => self.label.extend_from_slice(bytes),
            "global/pg_control" => self.control.extend_from_slice(bytes),
            "backup_manifest" => {
                let tail = &mut self.manifest_tail;
                tail.extend_from_slice(bytes);
                tail.drain(..tail.len().saturating_sub(TAIL));
            }
            _ => {}
        }
    }
}
