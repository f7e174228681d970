//! From packs to a data directory.

use super::files::{PackFiles, Stretch, make};
use super::folder::{Site, is_made_anew};
use super::needed::{Needed, is_worth};
use super::request::{ClusterRequest, RestoredCluster};
use super::same::same_files;
use super::settings::with_recovery;
use crate::base::BackupId;
use crate::catalog::{ClusterFile, FileKind, FileMap, Manifest, ObjectRole, Pack, StoredObject};
use crate::event::Event;
use crate::repository::Repository;
use crate::repository::layout::stored_key;
use crate::restore::{Hands, RestoreError};
use crate::stream::{Content, Decode, DecodeParts, Expected, Fetch, Frames, Progress, Sink, StreamError};
use crate::stream::{decode, decode_parts, keys};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The control file: without it no server starts.
const CONTROL: &str = "global/pg_control";
/// Its name until everything else is on disk.
const CONTROL_IN_THE_MAKING: &str = "global/pg_control.restoring";

/// Restores a cluster into a folder. After an error the folder may be filled in part; no server starts on it, and the
/// same call with `keeps` goes on from there.
pub async fn restore_cluster(request: &ClusterRequest<'_>, hands: &Hands<'_>) -> Result<RestoredCluster, RestoreError> {
    let base = &request.base;
    let site = Site::judge(request, base.cluster)?;
    let mut reader = PackReader::open(request, hands).await?;
    let map = Arc::new(reader.map().await?);
    reader.open_references(&map).await?;
    check_room(&site, base.cluster.bytes)?;

    let site = Arc::new(site);
    let removed_files = if request.keeps { clear(site.clone(), map.clone(), hands).await? } else { 0 };
    let kept = if request.keeps {
        same_files(site.clone(), map.clone(), |_| true, request.jobs, hands).await?
    } else {
        HashSet::new()
    };
    let kept = Arc::new(kept);
    {
        let (site, map, kept) = (site.clone(), map.clone(), kept.clone());
        let empty: HashSet<usize> = map
            .files
            .iter()
            .enumerate()
            .filter(|(_, file)| request.leaves_empty(file))
            .map(|(number, _)| number)
            .collect();
        blocking(move || make_files(&site, &map, &kept, &empty)).await?;
    }
    reader.fill(&site, &map, &kept).await?;
    {
        let (site, target, archives) = (site.clone(), request.target.clone(), request.archives);
        let timeline = request.way.map(|way| way.timeline).filter(|timeline| *timeline != base.cluster.timeline);
        let command = request.restore_command.clone();
        let of_standby = reader.manifest.source.in_recovery;
        let settings =
            move |before: &str| with_recovery(before, &target, of_standby, timeline, command.as_deref(), archives);
        blocking(move || complete(&site, settings)).await?;
    }
    Ok(RestoredCluster {
        id: base.point.id.clone(),
        storage: base.copy.storage.clone(),
        folder: site.data.clone(),
        server_version: base.copy.backup.server_version.clone(),
        files: base.cluster.files,
        bytes: base.cluster.bytes,
        kept_files: kept.len() as u64,
        removed_files,
        bad_pages: base.cluster.bad_pages.len(),
    })
}

/// Reads the packs of one backup, and those of earlier ones to which it refers.
struct PackReader<'a> {
    request: &'a ClusterRequest<'a>,
    hands: &'a Hands<'a>,
    repository: &'a Repository,
    manifest: Manifest,
    references: HashMap<BackupId, Manifest>,
}

impl<'a> PackReader<'a> {
    async fn open(request: &'a ClusterRequest<'a>, hands: &'a Hands<'a>) -> Result<PackReader<'a>, RestoreError> {
        let storage = &request.base.copy.storage;
        let missing = || RestoreError::Unsupported(format!("storage `{storage}` is not open in this run"));
        let repository = hands.repositories.get(storage).ok_or_else(missing)?;
        let backup = &request.base.copy.backup;
        let manifest = repository.manifest(&backup.tier, &backup.database, &backup.id).await?;
        Ok(PackReader { request, hands, repository, manifest, references: HashMap::new() })
    }

    /// Looks for every pack of other backups before anything is written.
    async fn open_references(&mut self, map: &FileMap) -> Result<(), RestoreError> {
        let Manifest { tier, database, .. } = &self.manifest;
        for id in map.packs.iter().filter_map(|pack| pack.backup.as_ref()) {
            if !self.references.contains_key(id) {
                self.references.insert(id.clone(), self.repository.manifest(tier, database, id).await?);
            }
        }
        map.packs.iter().try_for_each(|pack| self.stored(pack).map(drop))
    }

    /// Where a pack is: the backup that it is a file of, and the file.
    fn stored(&self, pack: &Pack) -> Result<(&Manifest, &StoredObject), RestoreError> {
        let manifest = match &pack.backup {
            Some(id) => self.references.get(id),
            None => Some(&self.manifest),
        };
        let found = manifest.and_then(|manifest| {
            let object = manifest.objects.iter().find(|object| object.name == pack.name)?;
            Some((manifest, object))
        });
        let owner = pack.backup.as_ref().unwrap_or(&self.manifest.id);
        found.ok_or_else(|| RestoreError::Unsupported(format!("the manifest of {owner} names no pack `{}`", pack.name)))
    }

    async fn map(&self) -> Result<FileMap, RestoreError> {
        let object = self.manifest.objects.iter().find(|object| object.role == ObjectRole::FileMap);
        let none = || RestoreError::Unsupported(format!("backup {} has no file map", self.manifest.id));
        let object = object.ok_or_else(none)?;
        let lines = self.read(&self.manifest, object, Vec::new()).await?;
        FileMap::from_lines(&lines).map_err(|error| {
            let key = key(&self.manifest, object);
            RestoreError::Stream(StreamError::Damaged(format!("`{key}` is damaged: {error}")))
        })
    }

    /// Writes everything that is not there already, several packs at once. Files that got something of a pack that was not read
    /// whole are compared with their digests.
    async fn fill(&self, site: &Arc<Site>, map: &Arc<FileMap>, kept: &HashSet<usize>) -> Result<(), RestoreError> {
        let mut stretches: Vec<Vec<Stretch>> = vec![Vec::new(); map.packs.len()];
        for (number, file) in map.files.iter().enumerate() {
            if kept.contains(&number) || is_made_anew(file) || self.request.leaves_empty(file) {
                continue;
            }
            let path: Arc<Path> = goal(site, file).into();
            let mut offset = 0;
            for extent in &file.at {
                // A map that was read names no other packs.
                if let Some(all) = usize::try_from(extent.0).ok().and_then(|pack| stretches.get_mut(pack)) {
                    all.push(Stretch { at: extent.1, bytes: extent.2, path: path.clone(), offset });
                }
                offset += extent.2;
            }
        }
        let mut wanted = Vec::new();
        for (pack, mut stretches) in map.packs.iter().zip(stretches).filter(|(_, stretches)| !stretches.is_empty()) {
            stretches.sort_by_key(|stretch| stretch.at);
            let (manifest, object) = self.stored(pack)?;
            let needed = Needed::of(pack, object, &manifest.layers, &stretches);
            wanted.push((pack, manifest, object, needed, stretches));
        }
        let checked = self.to_be_checked(site, map, &mut wanted);
        let total = wanted.iter().map(|(pack, _, _, needed, _)| needed.plain(pack)).sum();
        let task = format!("restore {}", self.request.name);
        let progress = Together::new(self.hands, task, total);
        let reads = stream::iter(wanted.into_iter().map(|(_, manifest, object, needed, stretches)| {
            // What comes out of parts is compared with its digests afterwards.
            let files = match needed {
                Needed::Whole if !self.request.stays_cached => PackFiles::direct(stretches),
                _ => PackFiles::cached(stretches),
            };
            let sink = Counted { files, together: progress.clone() };
            async move {
                match needed {
                    Needed::Whole => self.read(manifest, object, sink).await.map(drop),
                    Needed::Parts(frames, parts) => self.read_parts(manifest, object, frames, parts, sink).await,
                }
            }
        }));
        let filled = reads.buffer_unordered(self.request.jobs.max(1)).try_collect::<()>().await;
        progress.end();
        filled?;
        let is_meant = {
            let checked = checked.clone();
            move |number| checked.contains(&number)
        };
        let same = same_files(site.clone(), map.clone(), is_meant, self.request.jobs, self.hands).await?;
        match checked.iter().find(|number| !same.contains(number)).and_then(|number| map.files.get(*number)) {
            None => Ok(()),
            Some(file) => Err(RestoreError::Stream(StreamError::Damaged(format!(
                "backup {} is damaged: what came out of its packs for `{}` has another digest",
                self.manifest.id, file.path
            )))),
        }
    }

    /// Numbers of the files that get something of packs which are not read whole; none when it is not worth it, and then every
    /// pack is read whole.
    fn to_be_checked(&self, site: &Site, map: &FileMap, wanted: &mut [Wanted<'_>]) -> HashSet<usize> {
        let parts = || wanted.iter().filter(|(_, _, _, needed, _)| *needed != Needed::Whole);
        let paths: HashSet<&Path> = parts().flat_map(|(.., all)| all.iter().map(|stretch| &*stretch.path)).collect();
        let checked: Vec<(usize, &ClusterFile)> =
            map.files.iter().enumerate().filter(|(_, file)| paths.contains(goal(site, file).as_path())).collect();
        let saved = parts().map(|(_, _, object, needed, _)| needed.saved(object)).sum();
        let have_digests = checked.iter().all(|(_, file)| file.blake3.is_some());
        if have_digests && is_worth(saved, checked.iter().map(|(_, file)| file.bytes).sum()) {
            return checked.into_iter().map(|(number, _)| number).collect();
        }
        wanted.iter_mut().for_each(|(_, _, _, needed, _)| *needed = Needed::Whole);
        HashSet::new()
    }

    /// Reads some frames of a pack.
    async fn read_parts(
        &self,
        manifest: &Manifest,
        object: &StoredObject,
        frames: Frames,
        wanted: Vec<Range<usize>>,
        mut sink: Counted,
    ) -> Result<(), RestoreError> {
        let (keys, unresolved) = keys(self.request.desired, self.hands.lookup);
        let what = key(manifest, object);
        let (repository, of) = (self.repository.clone(), what.clone());
        let fetch: Fetch = Box::new(move |stretch| {
            let (repository, key) = (repository.clone(), of.clone());
            Box::pin(async move { repository.open_stretch(&key, stretch).await.map_err(io::Error::other) })
        });
        let job = DecodeParts { fetch, what, frames, wanted, keys, stop: self.hands.cancel.clone() };
        let taken = decode_parts(job, move |at, piece| {
            sink.files.go_on_at(at);
            sink.take(piece)
        });
        taken.await.map_err(|error| crate::restore::origin::explain_key(error.into(), unresolved))
    }

    async fn read<W: Sink>(&self, manifest: &Manifest, object: &StoredObject, sink: W) -> Result<W, RestoreError> {
        let Manifest { tier, database, id, layers, .. } = manifest;
        let (keys, unresolved) = keys(self.request.desired, self.hands.lookup);
        let job = Decode {
            source: self.repository.open(tier, database, id, object).await?,
            what: key(manifest, object),
            layers: layers.clone(),
            keys,
            expected: Some(Expected::from(object)),
            content: Content::AsStored,
            scan: None,
            progress: Progress::silent(),
            stop: self.hands.cancel.clone(),
        };
        match decode(job, sink).await {
            Ok(decoded) => Ok(decoded.sink),
            Err(error) => Err(crate::restore::origin::explain_key(error.into(), unresolved)),
        }
    }
}

/// A pack, whose it is, and what of it is read for which stretches.
type Wanted<'a> = (&'a Pack, &'a Manifest, &'a StoredObject, Needed, Vec<Stretch>);

fn key(manifest: &Manifest, object: &StoredObject) -> String {
    let Manifest { tier, database, id, .. } = manifest;
    stored_key(tier, database, id, &object.name, object.key.as_deref())
}

/// Progress of several packs at once.
#[derive(Clone)]
struct Together {
    observer: Arc<dyn crate::event::Observer>,
    task: String,
    total: u64,
    done: Arc<AtomicU64>,
}

impl Together {
    fn new(hands: &Hands<'_>, task: String, total: u64) -> Together {
        Together { observer: hands.observer.clone(), task, total, done: Arc::default() }
    }

    fn add(&self, bytes: u64) {
        let done = self.done.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.observer.on(&Event::Progress { task: self.task.clone(), done, total: Some(self.total) });
    }

    fn end(&self) {
        self.observer.on(&Event::ProgressEnded { task: self.task.clone() });
    }
}

struct Counted {
    files: PackFiles,
    together: Together,
}

impl Sink for Counted {
    fn take(&mut self, piece: bytes::Bytes) -> io::Result<()> {
        let bytes = piece.len() as u64;
        self.files.take(piece)?;
        self.together.add(bytes);
        Ok(())
    }
}

pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, RestoreError> + Send + 'static,
) -> Result<T, RestoreError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

/// Where a file is written: the control file under another name.
pub(super) fn goal(site: &Site, file: &ClusterFile) -> PathBuf {
    if file.path == CONTROL { site.data.join(CONTROL_IN_THE_MAKING) } else { site.place(&file.path) }
}

fn check_room(site: &Site, bytes: u64) -> Result<(), RestoreError> {
    let Some(there) = site.data.ancestors().find(|folder| folder.is_dir()) else { return Ok(()) };
    let Ok(found) = rustix::fs::statvfs(there) else { return Ok(()) };
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    let used = folder_bytes(&site.data);
    if free.saturating_add(used) >= bytes {
        return Ok(());
    }
    let (needed, free) = (crate::base::Size(bytes), crate::base::Size(free));
    Err(RestoreError::TargetTaken {
        problem: format!("`{}` has {free} free; the cluster needs {needed}", there.display()),
        hint: "Choose a folder on a larger disk, or make room.".to_owned(),
    })
}

/// Bytes of the files in a folder, which a restore may use again; 0 for what cannot be read.
fn folder_bytes(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let sizes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(known) if known.is_dir() => folder_bytes(&entry.path()),
        Ok(known) if known.is_file() => known.len(),
        _ => 0,
    });
    sizes.sum()
}

/// Takes out what would make a server start, and what the backup does not have. Returns how many files that were.
async fn clear(site: Arc<Site>, map: Arc<FileMap>, hands: &Hands<'_>) -> Result<u64, RestoreError> {
    let observer = hands.observer.clone();
    blocking(move || {
        match fs::rename(site.data.join(CONTROL), site.data.join(CONTROL_IN_THE_MAKING)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let strangers = site.strangers(&map)?;
        let strangers: Vec<_> =
            strangers.into_iter().filter(|path| !path.ends_with(Path::new(CONTROL_IN_THE_MAKING))).collect();
        for path in &strangers {
            fs::remove_file(path)?;
        }
        if !strangers.is_empty() {
            let n = strangers.len();
            observer.on(&Event::Note(format!("files that the backup does not have were removed: {n}")));
        }
        Ok(strangers.len() as u64)
    })
    .await
}

/// Makes folders, and every file that is to be filled, empty.
/// Those in `empty` have their length and no content.
fn make_files(site: &Site, map: &FileMap, kept: &HashSet<usize>, empty: &HashSet<usize>) -> Result<(), RestoreError> {
    site.make_folders(map)?;
    for (number, file) in map.files.iter().enumerate() {
        if file.kind == FileKind::File && !kept.contains(&number) && !is_made_anew(file) {
            make(&goal(site, file), file.mode, site.owner)?;
            if empty.contains(&number) {
                File::options().write(true).open(goal(site, file))?.set_len(file.bytes)?;
            }
        }
    }
    Ok(())
}

/// Settings, everything to disk, and last the control file.
fn complete(site: &Site, settings: impl FnOnce(&str) -> String) -> Result<(), RestoreError> {
    let auto = site.data.join("postgresql.auto.conf");
    let before = fs::read(&auto).unwrap_or_default();
    make(&auto, 0o600, site.owner)?;
    fs::write(&auto, settings(&String::from_utf8_lossy(&before)))?;
    make(&site.data.join("recovery.signal"), 0o600, site.owner)?;
    // A backup of a standby brings it along; beside it the server would wait for more WAL for ever.
    match fs::remove_file(site.data.join("standby.signal")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    for folder in site.tablespaces.values().chain([&site.data]) {
        rustix::fs::syncfs(File::open(folder)?).map_err(io::Error::from)?;
    }
    fs::rename(site.data.join(CONTROL_IN_THE_MAKING), site.data.join(CONTROL))?;
    File::open(site.data.join("global"))?.sync_all()?;
    Ok(())
}
