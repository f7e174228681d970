//! The folder as a store.

use super::folder;
use super::place::{Place, is_absent};
use super::temporary::{Temporary, etag, goal_of, is_in_the_making};
use super::upload::FileUpload;
use super::walk::{Wanted, walk};
use crate::resource::StorageClass;
use crate::storage::Placement;
use crate::storage::{Body, Capabilities, Condition, DeleteOutcome, ObjectMeta, ObjectStore, StorageError, Upload};
use async_trait::async_trait;
use bytes::Bytes;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::AsyncReadExt;

/// Files up to this length are read at once.
const SMALL: u64 = 256 << 10;

/// A folder that holds objects. It need not exist: it is made by the first write.
#[derive(Debug, Clone)]
pub struct FilesystemStore {
    place: Arc<Place>,
}

impl FilesystemStore {
    /// The store in `root`. Folders are made with `mode`, such as 0o700; files with the same mode less its x bits.
    pub fn new(root: impl Into<PathBuf>, mode: u32) -> FilesystemStore {
        FilesystemStore { place: Arc::new(Place { root: root.into(), mode, mounted_at: None }) }
    }

    /// The same store, which does nothing and fails unless a file system is mounted at `mount_point`.
    #[must_use]
    pub fn mounted_at(self, mount_point: impl Into<PathBuf>) -> FilesystemStore {
        let place = Place { mounted_at: Some(mount_point.into()), ..Place::clone(&self.place) };
        FilesystemStore { place: Arc::new(place) }
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.place.root
    }
}

/// Runs blocking work off the async threads.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StorageError> + Send + 'static,
) -> Result<T, StorageError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(error) => Err(StorageError::Failed {
            location: "this process".to_owned(),
            operation: "use",
            key: String::new(),
            problem: error.to_string(),
            transient: false,
        }),
    }
}

pub(super) fn meta_of(key: &str, meta: &std::fs::Metadata) -> ObjectMeta {
    ObjectMeta {
        key: key.to_owned(),
        size: meta.size(),
        etag: etag(meta),
        modified: meta.mtime(),
        class: StorageClass::Standard,
    }
}

fn put(place: &Place, key: &str, bytes: &[u8], condition: Condition) -> Result<ObjectMeta, StorageError> {
    let path = place.path("write", key)?;
    let problem = |error: io::Error| place.problem("write", key, &error);
    let changed = || StorageError::Changed { location: place.location(), key: key.to_owned() };
    // Looked at first so that no folder is made for a write that cannot take place.
    if matches!(condition, Condition::IfMatch(_)) && std::fs::symlink_metadata(&path).is_err_and(|e| is_absent(&e)) {
        return Err(changed());
    }
    let mut temporary = Temporary::create(&path, place.mode).map_err(problem)?;
    if let Err(error) = temporary.write_all(bytes) {
        let _ = temporary.discard();
        return Err(problem(error));
    }
    let meta = match condition {
        Condition::Always => temporary.rename(),
        Condition::IfAbsent => temporary.link(),
        Condition::IfMatch(expected) => {
            let holds = |there: Option<&std::fs::Metadata>| there.map(etag).as_ref() == Some(&expected);
            match temporary.rename_if(holds) {
                Ok(Some(meta)) => Ok(meta),
                Ok(None) => return Err(changed()),
                Err(error) => Err(error),
            }
        }
    };
    Ok(meta_of(key, &meta.map_err(problem)?))
}

fn open(place: &Place, key: &str, range: Option<&Range<u64>>) -> Result<std::fs::File, StorageError> {
    let path = place.path("read", key)?;
    let problem = |error: io::Error| match error.kind() {
        io::ErrorKind::NotADirectory => StorageError::NotFound { location: place.location(), key: key.to_owned() },
        _ => place.problem("read", key, &error),
    };
    let mut file = std::fs::File::open(path).map_err(problem)?;
    if !file.metadata().map_err(problem)?.is_file() {
        return Err(StorageError::NotFound { location: place.location(), key: key.to_owned() });
    }
    if let Some(range) = range {
        file.seek(SeekFrom::Start(range.start)).map_err(problem)?;
    }
    Ok(file)
}

/// A file to be read.
enum Opened {
    /// Read already: one trip to the blocking threads instead of four.
    Small(Vec<u8>),
    Large(std::fs::File),
}

/// Reads what is left of a file when the file is small.
fn read_small(mut file: std::fs::File) -> io::Result<Opened> {
    let size = file.metadata()?.size();
    if size > SMALL {
        return Ok(Opened::Large(file));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    file.read_to_end(&mut bytes)?;
    Ok(Opened::Small(bytes))
}

fn head(place: &Place, key: &str) -> Result<Option<ObjectMeta>, StorageError> {
    match std::fs::symlink_metadata(place.path("read", key)?) {
        Ok(meta) => Ok(meta.is_file().then(|| meta_of(key, &meta))),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(place.problem("read", key, &error)),
    }
}

fn delete(place: &Place, key: &str) -> Result<(), StorageError> {
    let path = place.path("delete", key)?;
    match std::fs::remove_file(&path) {
        Ok(()) => {}
        Err(error) if is_absent(&error) => return Ok(()),
        Err(error) => return Err(place.problem("delete", key, &error)),
    }
    if let Some(parent) = path.parent() {
        // The folder may be gone already: someone else removed its last file.
        let synced = folder::sync(parent);
        if let Err(error) = synced.or_else(|e| if is_absent(&e) { Ok(()) } else { Err(e) }) {
            return Err(place.problem("delete", key, &error));
        }
        folder::remove_empty(&place.root, parent);
    }
    Ok(())
}

fn abort_unfinished(place: &Place, upload: &ObjectMeta) -> Result<(), StorageError> {
    let path = place.root.join(&upload.etag);
    let is_temporary = path.file_name().and_then(|name| goal_of(name.to_str()?)).is_some();
    let inside = upload.etag.split('/').all(|part| !matches!(part, "" | "." | ".."));
    if !is_temporary || !inside {
        return Err(StorageError::invalid_key(place.location(), "delete", &upload.etag));
    }
    if is_in_the_making(&path) {
        return Err(StorageError::Changed { location: place.location(), key: upload.key.clone() });
    }
    match std::fs::remove_file(&path) {
        Ok(()) => {}
        Err(error) if is_absent(&error) => {}
        Err(error) => return Err(place.problem("delete", &upload.key, &error)),
    }
    if let Some(parent) = path.parent() {
        folder::remove_empty(&place.root, parent);
    }
    Ok(())
}

fn space(place: &Place) -> Result<Option<(u64, u64)>, StorageError> {
    let mut path: &Path = &place.root;
    loop {
        match rustix::fs::statvfs(if path.as_os_str().is_empty() { Path::new(".") } else { path }) {
            Ok(stat) => return Ok(Some((stat.f_bavail * stat.f_frsize, stat.f_blocks * stat.f_frsize))),
            // Not made yet: it will lie on the file system of the folder above.
            Err(rustix::io::Errno::NOENT) => match path.parent() {
                Some(above) => path = above,
                None => return Ok(None),
            },
            Err(errno) => return Err(place.problem("measure", "", &errno.into())),
        }
    }
}

#[async_trait]
impl ObjectStore for FilesystemStore {
    async fn put(&self, key: &str, bytes: Bytes, condition: Condition) -> Result<ObjectMeta, StorageError> {
        let (place, key) = (self.place.clone(), key.to_owned());
        blocking(move || put(&place, &key, &bytes, condition)).await
    }

    async fn upload(&self, key: &str, _: &Placement) -> Result<Box<dyn Upload>, StorageError> {
        let upload = FileUpload::begin(self.place.clone(), key.to_owned()).await?;
        Ok(Box::new(upload))
    }

    async fn get(&self, key: &str, range: Option<Range<u64>>) -> Result<Body, StorageError> {
        let (place, key, bounds) = (self.place.clone(), key.to_owned(), range.clone());
        let opened = blocking(move || {
            let file = open(&place, &key, bounds.as_ref())?;
            read_small(file).map_err(|error| place.problem("read", &key, &error))
        })
        .await?;
        let file = match opened {
            Opened::Large(file) => file,
            Opened::Small(mut bytes) => {
                let limit = range.map_or(u64::MAX, |range| range.end.saturating_sub(range.start));
                bytes.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
                return Ok(Box::new(io::Cursor::new(bytes)));
            }
        };
        let mut file = tokio::fs::File::from_std(file);
        // Few hops to the blocking threads for large files; the buffer grows only with what is there.
        file.set_max_buf_size(1 << 20);
        Ok(match range {
            None => Box::new(file),
            Some(range) => Box::new(file.take(range.end.saturating_sub(range.start))),
        })
    }

    async fn head(&self, key: &str) -> Result<Option<ObjectMeta>, StorageError> {
        let (place, key) = (self.place.clone(), key.to_owned());
        blocking(move || head(&place, &key)).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<ObjectMeta>, StorageError> {
        let (place, prefix) = (self.place.clone(), prefix.to_owned());
        blocking(move || walk(&place, &prefix, Wanted::Objects)).await
    }

    async fn delete(&self, keys: &[String]) -> Result<Vec<DeleteOutcome>, StorageError> {
        let (place, keys) = (self.place.clone(), keys.to_vec());
        blocking(move || {
            Ok(keys
                .into_iter()
                .map(|key| {
                    let outcome = delete(&place, &key);
                    (key, outcome)
                })
                .collect())
        })
        .await
    }

    async fn unfinished(&self, prefix: &str) -> Result<Vec<ObjectMeta>, StorageError> {
        let (place, prefix) = (self.place.clone(), prefix.to_owned());
        blocking(move || walk(&place, &prefix, Wanted::Unfinished)).await
    }

    async fn abort_unfinished(&self, upload: &ObjectMeta) -> Result<(), StorageError> {
        let (place, upload) = (self.place.clone(), upload.clone());
        blocking(move || abort_unfinished(&place, &upload)).await
    }

    async fn space(&self) -> Result<Option<(u64, u64)>, StorageError> {
        let place = self.place.clone();
        blocking(move || space(&place)).await
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { conditional_writes: true, classes: false, locks: false }
    }

    fn location(&self) -> String {
        self.place.location()
    }
}
