//! What a report is about: how a policy stands, what it costs, and digests by which the records can be checked.

use crate::base::{BackupId, Sha256};
use crate::plan::Cost;
use crate::standing::Standing;
use std::collections::BTreeMap;

/// Everything that the report of one policy says.
#[derive(Debug, Clone)]
pub struct Dossier {
    /// How things stand.
    pub standing: Standing,
    /// What storage in buckets of AWS costs; `None` where the policy has none.
    pub cost: Option<Cost>,
    /// SHA-256 of each manifest as stored, where it was read.
    pub manifests: BTreeMap<ManifestPlace, Sha256>,
}

/// Where a manifest lies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ManifestPlace {
    /// The database entry.
    pub database: String,
    /// The tier.
    pub tier: String,
    /// The backup.
    pub id: BackupId,
    /// The storage.
    pub storage: String,
}

impl Dossier {
    /// Digests of the manifests of one backup, by storage.
    pub(super) fn digests<'a>(
        &'a self,
        database: &'a str,
        tier: &'a str,
        id: &'a BackupId,
    ) -> impl Iterator<Item = (&'a str, &'a Sha256)> {
        let is_of = move |place: &ManifestPlace| place.database == database && place.tier == tier && place.id == *id;
        let of_backup = self.manifests.iter().filter(move |(place, _)| is_of(place));
        of_backup.map(|(place, digest)| (place.storage.as_str(), digest))
    }
}
