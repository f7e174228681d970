//! Which files are there already as the backup has them, by their digests.

use super::fill::{blocking, goal};
use super::folder::{Site, is_made_anew};
use crate::base::Blake3Hasher;
use crate::catalog::{ClusterFile, FileKind, FileMap};
use crate::restore::{Hands, RestoreError};
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// How much of a file is read at once: what is digested while it is in the processor's cache.
const PIECE: usize = 256 << 10;

/// Numbers in the map of files that are there as they are in the backup, out of those that `is_meant` takes; several are looked
/// at at once.
pub(super) async fn same_files(
    site: Arc<Site>,
    map: Arc<FileMap>,
    is_meant: impl Fn(usize) -> bool + Send + 'static,
    jobs: usize,
    hands: &Hands<'_>,
) -> Result<HashSet<usize>, RestoreError> {
    let cancel = hands.cancel.clone();
    blocking(move || {
        let mut wanted: Vec<(usize, &ClusterFile)> = map.files.iter().enumerate().collect();
        wanted.retain(|(number, file)| file.kind == FileKind::File && !is_made_anew(file) && is_meant(*number));
        // A large one that comes last would be waited for alone.
        wanted.sort_by_key(|(_, file)| std::cmp::Reverse(file.bytes));
        let next = AtomicUsize::new(0);
        let look = || {
            let (mut same, mut buffer) = (Vec::new(), vec![0; PIECE]);
            while let Some((number, file)) = wanted.get(next.fetch_add(1, Ordering::Relaxed)) {
                if cancel.is_cancelled() {
                    return Err(RestoreError::Interrupted);
                }
                if is_same(&goal(&site, file), file, &mut buffer)? {
                    same.push(*number);
                }
            }
            Ok(same)
        };
        thread::scope(|scope| {
            let lookers: Vec<_> = (0..jobs.max(1)).map(|_| scope.spawn(look)).collect();
            let mut same = HashSet::new();
            for looker in lookers {
                same.extend(looker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
            }
            Ok(same)
        })
    })
    .await
}

fn is_same(path: &Path, file: &ClusterFile, buffer: &mut [u8]) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(known) if known.is_file() && known.len() == file.bytes => {}
        Ok(_) => return Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    }
    let mut hasher = Blake3Hasher::default();
    let mut open = File::open(path)?;
    loop {
        match open.read(buffer)? {
            0 => return Ok(file.blake3 == Some(hasher.finish())),
            n => hasher.update(&buffer[..n]),
        }
    }
}
