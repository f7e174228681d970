//! From a reader into every storage: one file of a backup.

use super::BackupError;
use super::copies::Copies;
use super::take::Tools;
use crate::catalog::{ObjectRole, StoredObject};
use crate::codec::archive::{Scan, Summary};
use crate::postgres::Dump;
use crate::resource::StorageClass;
use crate::stream::{Encode, Encoding, Gather, Progress, StreamError, encode};
use std::io::Read;

/// One file of a backup to be written.
pub(super) struct File<'a> {
    pub(super) role: ObjectRole,
    /// Its name before layers add their endings.
    pub(super) stem: &'a str,
    /// What is read, for messages.
    pub(super) what: &'a str,
    pub(super) progress: Progress,
}

/// A file that is written everywhere and visible nowhere.
pub(super) struct Pumped {
    pub(super) object: StoredObject,
    /// Fed to the end, when the file is a dump.
    pub(super) scan: Option<Scan>,
    /// Length of every compression frame, before encryption.
    pub(super) frames: Vec<u32>,
}

/// Pumps a dump into every copy and waits for the program's good end. The file is written everywhere and visible
/// nowhere. With a summary when the file is a dump in custom format. On failure nothing of it is left.
pub(super) async fn store(
    mut dump: Dump,
    file: File<'_>,
    encoding: &Encoding,
    copies: &mut Copies<'_>,
    tools: &Tools<'_>,
) -> Result<(StoredObject, Option<Summary>), BackupError> {
    let Some(source) = dump.output() else {
        return Err(BackupError::NotWhole(format!("{} cannot be read", file.what)));
    };
    let mut dump = Some(dump);
    // The reader waits for bytes until their writer is gone.
    let pumped = pump(Box::new(Gather::new(source)), file, encoding, copies, tools, || drop(dump.take())).await?;
    let Some(dump) = dump else { return Err(BackupError::Interrupted) };
    for warning in dump.finish().await? {
        tools.observer.on(&crate::event::Event::Warning(warning));
    }
    let summary = match pumped.scan.map(Scan::finish) {
        Some(Ok(summary)) => Some(summary),
        Some(Err(broken)) => return Err(BackupError::NotWhole(broken.to_string())),
        None => None,
    };
    Ok((pumped.object, summary))
}

/// Pumps a source to its end into every copy. `end_source` is called when the file is given up, so that whoever writes
/// the source ends: a reader that waits is not interrupted.
pub(super) async fn pump(
    source: Box<dyn Read + Send>,
    file: File<'_>,
    encoding: &Encoding,
    copies: &mut Copies<'_>,
    tools: &Tools<'_>,
    end_source: impl FnOnce(),
) -> Result<Pumped, BackupError> {
    let name = encoding.stored_name(file.stem);
    let uploads = copies.begin(&name).await;
    if uploads.is_empty() {
        return Err(BackupError::NoCopy(Vec::new()));
    }
    let stop = tools.cancel.child_token();
    let mut encoding_it = std::pin::pin!(encode(Encode {
        source,
        what: file.what.to_owned(),
        encoding: encoding.clone(),
        uploads,
        scan: (file.role == ObjectRole::Dump).then(Scan::default),
        progress: file.progress,
        stop: stop.clone(),
    }));
    let encoded = tokio::select! {
        encoded = &mut encoding_it => encoded,
        () = stop.cancelled() => {
            end_source();
            encoding_it.await
        }
    };
    let encoded = match encoded {
        Ok(encoded) => encoded,
        Err(_) if tools.cancel.is_cancelled() => return Err(BackupError::Interrupted),
        Err(StreamError::AllDestinationsFailed(error)) => {
            copies.fail_all(&error).await;
            return Err(BackupError::NoCopy(Vec::new()));
        }
        Err(error) => return Err(error.into()),
    };
    let object = StoredObject {
        name: name.clone(),
        role: file.role,
        stored_bytes: encoded.stored_bytes,
        stored_sha256: encoded.stored_sha256,
        plain_bytes: encoded.plain_bytes,
        plain_blake3: encoded.plain_blake3,
        frames: encoded.frames,
        // Each copy has its own; see `Copies::publish`.
        class: StorageClass::Standard,
        lock: None,
        key: None,
        beside: Vec::new(),
    };
    copies.keep(&name, encoded.stored_sha256, encoded.uploads).await;
    Ok(Pumped { object, scan: encoded.scan, frames: encoded.frame_bytes })
}
