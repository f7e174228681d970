//! Dumps that were adopted where they lie, outside of the folders of the repository: what the store says of them, and
//! the note that keeps them from being forgotten when their removal is killed half way.

use super::layout::{Key, parse, removal_key};
use super::{Repository, RepositoryError, small};
use crate::base::BackupId;
use crate::catalog::{Backup, BrokenFile, FORMAT, Leftover, LeftoverKind, Manifest, seal};
use crate::resource::Protection;
use crate::storage::{Condition, ObjectMeta};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Says that an adopted backup is being removed. Written before its manifest goes, removed after its files went: in
/// between nothing else would know whose files they were.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Removal {
    pub(super) format: u32,
    pub(super) id: BackupId,
    pub(super) database: String,
    pub(super) tier: String,
    /// Keys of its files outside of the repository's folders.
    pub(super) keys: Vec<String>,
}

/// Keys outside of the repository's folders that a backup's files have, small ones beside them included.
pub(super) fn own_keys(manifest: &Manifest) -> Vec<String> {
    let adopted = manifest.objects.iter().filter_map(|object| Some((object.key.clone()?, &object.beside)));
    adopted.flat_map(|(key, beside)| std::iter::once(key).chain(beside.iter().cloned())).collect()
}

impl Repository {
    /// What the store says of these keys. One listing a folder.
    pub(super) async fn adopted_files<'a>(
        &self,
        keys: impl Iterator<Item = &'a str>,
    ) -> Result<HashMap<String, ObjectMeta>, RepositoryError> {
        let keys: BTreeSet<&str> = keys.collect();
        let mut found = HashMap::new();
        for prefix in prefixes(&keys) {
            let listing = self.store.list(&prefix).await?;
            let known = listing.into_iter().filter(|meta| keys.contains(meta.key.as_str()));
            found.extend(known.map(|meta| (meta.key.clone(), meta)));
        }
        Ok(found)
    }

    /// Writes the note that a backup's adopted files are about to go.
    pub(super) async fn note_removal(&self, manifest: &Manifest) -> Result<ObjectMeta, RepositoryError> {
        let Manifest { id, database, tier, .. } = manifest;
        let keys = own_keys(manifest);
        let note = Removal { format: FORMAT, id: id.clone(), database: database.clone(), tier: tier.clone(), keys };
        let key = removal_key(tier, database, id);
        Ok(self.store.put(&key, seal(&note).into(), Condition::Always).await?)
    }

    /// What removals that were killed half way left: files whose backup is gone. What belongs to a backup again is left
    /// out.
    pub(super) async fn unfinished_removals(
        &self,
        notes: Vec<(ObjectMeta, Removal)>,
        backups: &[Backup],
    ) -> Result<Vec<Leftover>, RepositoryError> {
        let mut leftovers = Vec::new();
        for (meta, note) in notes {
            let is_backup = |b: &Backup| b.id == note.id && b.tier == note.tier && b.database == note.database;
            if backups.iter().any(is_backup) {
                continue;
            }
            let owned: BTreeSet<&str> =
                backups.iter().flat_map(|b| &b.objects).filter_map(|object| object.key.as_deref()).collect();
            let is_owned = |key: &str| owned.iter().any(|owned| key.starts_with(owned));
            let mut files = Vec::new();
            for key in note.keys.iter().filter(|key| !is_owned(key)) {
                files.extend(self.store.head(key).await?);
            }
            files.push(meta);
            let mut keys: Vec<String> = files.iter().map(|meta| meta.key.clone()).collect();
            keys.sort();
            leftovers.push(Leftover {
                database: note.database,
                tier: note.tier,
                id: note.id.to_string(),
                kind: LeftoverKind::Data,
                keys,
                bytes: files.iter().map(|meta| meta.size).sum(),
                modified: files.iter().map(|meta| meta.modified).max().unwrap_or(0),
                in_use: false,
                protection: Protection::Free,
            });
        }
        Ok(leftovers)
    }
}

/// Small files of the folder of indexes.
pub(super) type Files = Vec<(ObjectMeta, Vec<u8>)>;

/// Separates notes of removals from indexes.
pub(super) fn separate(files: Files, broken: &mut Vec<BrokenFile>) -> (Files, Vec<(ObjectMeta, Removal)>) {
    let is_note = |meta: &ObjectMeta| matches!(parse(&meta.key), Some(Key::Removal(_)));
    let (notes, indexes): (Files, Files) = files.into_iter().partition(|(meta, _)| is_note(meta));
    let mut read = Vec::new();
    for (meta, bytes) in notes {
        match small::judge::<Removal>(&bytes, |note| note.format) {
            Ok(note) => read.push((meta, note)),
            Err(problem) => broken.push(BrokenFile { key: meta.key, problem: problem.to_string() }),
        }
    }
    (indexes, read)
}

/// What the keys begin with, one a folder, as long as can be.
fn prefixes(keys: &BTreeSet<&str>) -> Vec<String> {
    let mut folders: BTreeMap<&str, &str> = BTreeMap::new();
    for key in keys {
        let folder = key.rfind('/').map_or("", |end| &key[..=end]);
        let common = folders.entry(folder).or_insert(key);
        let n = common.char_indices().zip(key.chars()).take_while(|((_, a), b)| a == b);
        let end = n.last().map_or(0, |((at, c), _)| at + c.len_utf8());
        *common = &key[..end];
    }
    // A name that begins with dots alone is no beginning of a key.
    let usable = |(folder, common): (&str, &str)| {
        let last = common.strip_prefix(folder).unwrap_or_default();
        if matches!(last, "." | "..") { folder.to_owned() } else { common.to_owned() }
    };
    folders.into_iter().map(usable).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_listed_as_narrowly_as_can_be() {
        let of = |keys: &[&str]| prefixes(&keys.iter().copied().collect());
        assert_eq!(of(&["prod/a_1.sql", "prod/a_2.sql", "b"]), ["b", "prod/a_"]);
        assert_eq!(of(&["x", "y"]), [""]);
        assert_eq!(of(&["d/.a", "d/.b"]), ["d/"]);
        assert_eq!(of(&["é1", "é2"]), ["é"]);
        assert!(of(&[]).is_empty());
    }
}
