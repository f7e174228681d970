//! Reading everything a repository holds.
//!
//! Fast for a thousand databases with a hundred backups each: five listings, one index file a database, and manifests
//! only where the index does not agree. Backups that finish or vanish while it reads are recognised: whatever looks
//! wrong is looked at once more.

use super::adopted::{Removal, separate};
use super::index::Index;
use super::layout::{DATA, INDEXES, JOURNALS, LOCKS, MANIFESTS, data_prefix, index_key, manifest_key};
use super::listing::{Entry, Files, Listed, Manifests, Unread, describe, manifests, match_index};
use super::repository::judge_manifest;
use super::{Repository, RepositoryError, lease, leftovers, parallel, process, references, small};
use crate::catalog::{
    Backup, BrokenFile, Contents, DrillRecord, JournalRecord, JournalState, LockRecord, VerifyRecord,
};
use crate::storage::{ObjectMeta, StorageError};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use jiff::Timestamp;
use std::collections::BTreeMap;
use tokio_util::task::AbortOnDropHandle;

/// Reads of small files under way at once.
const READS: usize = 32;
/// A run on another machine whose journal was not written for so many seconds is taken for dead.
const SILENCE: i64 = 3600;

/// What the manifests and indexes say.
#[derive(Default)]
struct Catalog {
    entries: Vec<Entry>,
    lone_records: Vec<(super::layout::Place, ObjectMeta)>,
    broken: Vec<BrokenFile>,
    stale: Vec<String>,
    removals: Vec<(ObjectMeta, Removal)>,
    drill_files: Vec<ObjectMeta>,
    drills: Vec<DrillRecord>,
}

impl Repository {
    /// Everything that is stored. Takes no lock and changes nothing. An empty or absent store has empty contents.
    pub async fn read(&self) -> Result<Contents, RepositoryError> {
        let store = self.store.as_ref();
        let (catalog, data, unfinished) =
            tokio::try_join!(self.read_catalog(), self.listing(DATA), async { Ok(store.unfinished("").await?) })?;
        // Locks after data: whoever wrote data that has no manifest yet shows here.
        let mut broken = catalog.broken;
        let locks = self.read_locks(&mut broken).await?;
        let journals = self.read_journals(&locks, &mut broken).await?;
        let own = catalog.entries.iter().flat_map(|entry| &entry.backup.objects);
        let adopted = self.adopted_files(own.filter_map(|object| object.key.as_deref())).await?;
        let (backups, files) = computing(move || {
            let files = Files::of(data, adopted);
            let fill = |entry: Entry| {
                let mut backup = entry.backup;
                backup.manifest_etag = entry.manifest_etag;
                files.describe(&mut backup);
                backup
            };
            (parallel::map(catalog.entries, fill), files)
        })
        .await;
        let mut backups = self.look_again(backups).await?;
        let mut leftovers = leftovers::of_data(&backups, &broken, &files);
        leftovers.extend(leftovers::of_records(catalog.lone_records));
        leftovers.extend(leftovers::of_uploads(unfinished));
        leftovers.extend(self.unfinished_removals(catalog.removals, &backups).await?);
        leftovers::mark_in_use(&mut leftovers, &locks);
        let leftovers = self.drop_finished(leftovers, &mut backups, &mut broken).await?;
        references::describe(&mut backups);
        backups.sort_by(|a, b| (&a.database, &a.tier, &a.id).cmp(&(&b.database, &b.tier, &b.id)));
        broken.sort();
        Ok(Contents { backups, leftovers, broken, locks, journals, drills: catalog.drills, index_stale: catalog.stale })
    }

    /// Every backup with the etags that an index needs.
    pub(super) async fn read_entries(&self) -> Result<Vec<Entry>, RepositoryError> {
        Ok(self.read_catalog().await?.entries)
    }

    /// On a task of its own: pages of listings are long, and several are read at once.
    async fn listing(&self, prefix: &str) -> Result<Vec<ObjectMeta>, RepositoryError> {
        let (store, prefix) = (self.store.clone(), prefix.to_owned());
        let listing = AbortOnDropHandle::new(tokio::spawn(async move { store.list(&prefix).await }));
        Ok(listing.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))?)
    }

    async fn read_catalog(&self) -> Result<Catalog, RepositoryError> {
        let (listing, indexes) = tokio::try_join!(self.listing(MANIFESTS), self.read_all(INDEXES))?;
        let mut broken = Vec::new();
        let (indexes, removals) = separate(indexes, &mut broken);
        let (mut catalog, unread) = computing(move || match_all(listing, indexes)).await;
        catalog.removals = removals;
        catalog.broken.extend(broken);
        let read: Vec<_> =
            stream::iter(unread).map(|unread| self.read_one(unread)).buffer_unordered(READS).try_collect().await?;
        for (entry, broken) in read {
            catalog.entries.extend(entry);
            catalog.broken.extend(broken);
        }
        let files = std::mem::take(&mut catalog.drill_files);
        let read: Vec<_> =
            stream::iter(files).map(|file| self.read_drills(file)).buffer_unordered(READS).try_collect().await?;
        for (drills, broken) in read {
            catalog.drills.extend(drills);
            catalog.broken.extend(broken);
        }
        catalog.drills.sort_by(|a, b| (&a.database, &a.tier, a.at, &a.run).cmp(&(&b.database, &b.tier, b.at, &b.run)));
        Ok(catalog)
    }

    /// Reads what the index does not know of one backup.
    async fn read_one(&self, unread: Unread) -> Result<(Option<Entry>, Vec<BrokenFile>), RepositoryError> {
        let Unread { listed: Listed { place, manifest, verified }, backup } = unread;
        let mut broken = Vec::new();
        let backup = match backup {
            Some(backup) => Some(backup),
            None => match small::read(self.store.as_ref(), &manifest.key).await {
                Err(error @ StorageError::Archived { .. }) => {
                    broken.push(BrokenFile { key: manifest.key.clone(), problem: small::frozen(&error) });
                    None
                }
                Err(error) => return Err(error.into()),
                Ok(None) => None,
                Ok(Some(bytes)) => match judge_manifest(&bytes, &place.tier, &place.database, &place.id) {
                    Ok(manifest) => Some(Backup::of(&manifest)),
                    Err(problem) => {
                        broken.push(BrokenFile { key: manifest.key.clone(), problem: problem.to_string() });
                        None
                    }
                },
            },
        };
        let Some(mut backup) = backup else { return Ok((None, broken)) };
        backup.verified = None;
        let record = match &verified {
            Some(meta) => match small::read(self.store.as_ref(), &meta.key).await {
                Err(error @ StorageError::Archived { .. }) => {
                    broken.push(BrokenFile { key: meta.key.clone(), problem: small::frozen(&error) });
                    None
                }
                bytes => bytes?.map(|bytes| (meta, bytes)),
            },
            None => None,
        };
        if let Some((meta, bytes)) = record {
            match small::judge::<VerifyRecord>(&bytes, |record| record.format) {
                Ok(record) if record.id == place.id => backup.verified = Some(record),
                Ok(record) => broken.push(BrokenFile {
                    key: meta.key.clone(),
                    problem: small::Unreadable::Elsewhere(format!("backup {}", record.id)).to_string(),
                }),
                Err(problem) => broken.push(BrokenFile { key: meta.key.clone(), problem: problem.to_string() }),
            }
        }
        let verified_etag = verified.map(|meta| meta.identity());
        let entry = Entry { backup, manifest_etag: manifest.identity(), verified_etag };
        Ok((Some(entry), broken))
    }

    /// All small files of a folder, those that vanish meanwhile left out.
    async fn read_all(&self, prefix: &str) -> Result<Vec<(ObjectMeta, Vec<u8>)>, RepositoryError> {
        let listing = self.listing(prefix).await?;
        let read = |meta: ObjectMeta| async move {
            let bytes = match small::read(self.store.as_ref(), &meta.key).await {
                // As good as damaged: its seal is.
                Err(StorageError::Archived { .. }) => Some(Vec::new()),
                bytes => bytes?,
            };
            Ok::<_, StorageError>(bytes.map(|bytes| (meta, bytes)))
        };
        let mut read: Vec<_> = stream::iter(listing)
            .map(read)
            .buffer_unordered(READS)
            .try_filter_map(|file| std::future::ready(Ok(file)))
            .try_collect()
            .await?;
        read.sort();
        Ok(read)
    }

    async fn read_locks(&self, broken: &mut Vec<BrokenFile>) -> Result<Vec<LockRecord>, RepositoryError> {
        let mut locks = Vec::new();
        for (meta, bytes) in self.read_all(LOCKS).await? {
            match small::judge::<LockRecord>(&bytes, |lock| lock.format) {
                Ok(record) => locks.push(lease::judge(record, meta.modified, Timestamp::now())),
                Err(problem) => broken.push(BrokenFile { key: meta.key, problem: problem.to_string() }),
            }
        }
        Ok(locks)
    }

    /// Journals of runs that did not finish since the newest that did, and that one.
    async fn read_journals(
        &self,
        locks: &[LockRecord],
        broken: &mut Vec<BrokenFile>,
    ) -> Result<Vec<JournalRecord>, RepositoryError> {
        let mut journals = Vec::new();
        for (meta, bytes) in self.read_all(JOURNALS).await? {
            match small::judge::<JournalRecord>(&bytes, |journal| journal.format) {
                Ok(record) => journals.push(judge_journal(record, locks, Timestamp::now())),
                Err(problem) => broken.push(BrokenFile { key: meta.key, problem: problem.to_string() }),
            }
        }
        let last = journals.iter().filter_map(|journal| journal.finished_at).max();
        journals.retain(|journal| match journal.state {
            JournalState::Running => true,
            JournalState::Interrupted => last.is_none_or(|last| journal.started_at > last),
            JournalState::Finished => journal.finished_at == last,
        });
        journals.sort_by(|a, b| (a.started_at, &a.run).cmp(&(b.started_at, &b.run)));
        Ok(journals)
    }

    /// Looks once more at backups of which files seemed missing: they may have been removed meanwhile.
    async fn look_again(&self, mut backups: Vec<Backup>) -> Result<Vec<Backup>, RepositoryError> {
        let suspects: Vec<Backup> = backups.extract_if(.., |backup| !backup.missing.is_empty()).collect();
        let look = |mut backup: Backup| async move {
            let prefix = data_prefix(&backup.tier, &backup.database, backup.id.as_str());
            let adopted = self.adopted_files(backup.objects.iter().filter_map(|object| object.key.as_deref())).await?;
            describe(&mut backup, &prefix, &self.listing(&prefix).await?, &adopted);
            let key = manifest_key(&backup.tier, &backup.database, &backup.id);
            let is_gone = !backup.missing.is_empty() && self.store.head(&key).await?.is_none();
            Ok::<_, RepositoryError>((!is_gone).then_some(backup))
        };
        let looked: Vec<_> = stream::iter(suspects).map(look).buffer_unordered(READS).try_collect().await?;
        backups.extend(looked.into_iter().flatten());
        Ok(backups)
    }

    /// Looks once more at leftovers nobody works on: their backup may have been finished meanwhile.
    async fn drop_finished(
        &self,
        leftovers: Vec<crate::catalog::Leftover>,
        backups: &mut Vec<Backup>,
        broken: &mut Vec<BrokenFile>,
    ) -> Result<Vec<crate::catalog::Leftover>, RepositoryError> {
        let mut kept = Vec::new();
        for leftover in leftovers {
            let place = leftovers::place(&leftover).filter(|_| !leftover.in_use);
            let manifest = match &place {
                Some(place) => self.store.head(&manifest_key(&place.tier, &place.database, &place.id)).await?,
                None => None,
            };
            let (Some(place), Some(manifest)) = (place, manifest) else {
                kept.push(leftover);
                continue;
            };
            let (entry, problems) =
                self.read_one(Unread { listed: Listed { place, manifest, verified: None }, backup: None }).await?;
            let seen = |backup: &Backup| {
                backups.iter().any(|b| b.id == backup.id && b.tier == backup.tier && b.database == backup.database)
            };
            let found = entry.map(|entry| Backup { manifest_etag: entry.manifest_etag, ..entry.backup });
            if let Some(backup) = found.filter(|backup| !seen(backup)) {
                backups.extend(self.look_again(vec![backup]).await?);
            }
            broken.extend(problems);
        }
        Ok(kept)
    }
}

/// Judges indexes and manifests of all databases, on all cores.
fn match_all(listing: Vec<ObjectMeta>, indexes: Vec<(ObjectMeta, Vec<u8>)>) -> (Catalog, Vec<Unread>) {
    let Manifests { by_database, lone_records, drills } = manifests(listing);
    let mut indexes: BTreeMap<String, Vec<u8>> = indexes.into_iter().map(|(meta, bytes)| (meta.key, bytes)).collect();
    let mut items: Vec<_> = by_database
        .into_iter()
        .map(|(database, listed)| {
            let index = indexes.remove(&index_key(&database));
            (database, listed, index)
        })
        .collect();
    // An index without any manifest: its database has no backup any more.
    for (key, bytes) in indexes {
        if let Some(super::layout::Key::Index(database)) = super::layout::parse(&key) {
            items.push((database, Vec::new(), Some(bytes)));
        }
    }
    let mut catalog = Catalog { lone_records, drill_files: drills, ..Catalog::default() };
    let mut unread = Vec::new();
    let judged = parallel::map(items, |(database, listed, bytes)| {
        let index = bytes.map(|bytes| small::judge::<Index>(&bytes, |index| index.format));
        let broken = match &index {
            Some(Err(problem)) => Some(BrokenFile { key: index_key(&database), problem: problem.to_string() }),
            _ => None,
        };
        let index = index.and_then(Result::ok).filter(|index| index.database == database);
        let (entries, unread, is_stale) = match_index(listed, index);
        let is_stale = is_stale || broken.is_some();
        (entries, unread, is_stale.then_some(database), broken)
    });
    for (entries, to_read, stale, broken) in judged {
        catalog.entries.extend(entries);
        unread.extend(to_read);
        catalog.stale.extend(stale);
        catalog.broken.extend(broken);
    }
    catalog.stale.sort();
    (catalog, unread)
}

fn judge_journal(record: JournalRecord, locks: &[LockRecord], now: Timestamp) -> JournalRecord {
    let is_silent = now.as_second().saturating_sub(record.updated_at.as_second()) > SILENCE;
    let holds_lock = locks.iter().any(|lock| lock.is_live() && lock.owner.run == record.run);
    let here = process::this_process("", "");
    let is_comparable = record.owner.boot_id == here.boot_id && record.owner.pid_namespace == here.pid_namespace;
    let state = if record.finished_at.is_some() {
        JournalState::Finished
    } else if process::is_dead(&record.owner) || (!is_comparable && is_silent && !holds_lock) {
        JournalState::Interrupted
    } else {
        JournalState::Running
    };
    JournalRecord { state, ..record }
}

/// Runs computing off the async threads.
async fn computing<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
