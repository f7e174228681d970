//! One stream into several uploads: a slow one slows all, a failing one is dropped while the others go on.

use crate::storage::{ObjectMeta, StorageError, Upload};
use bytes::Bytes;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Pieces that wait for each upload.
const QUEUE: usize = 4;
/// How long a write may go on in a run that was told to stop.
const ENDING: Duration = Duration::from_secs(8);
/// How long giving up an upload may take.
const PATIENCE: Duration = Duration::from_secs(8);

/// The near end: takes pieces from a thread.
pub(super) struct FanOut {
    senders: Vec<Option<mpsc::Sender<Bytes>>>,
}

/// The far end: an upload being written. Ends with the upload, whole, or with what it failed of.
pub(super) type Destination = JoinHandle<Result<Box<dyn Upload>, StorageError>>;

/// No destination takes bytes any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NobodyListens;

/// Starts writing into `uploads`. The queues end when the `FanOut` is dropped.
pub(super) fn start(uploads: Vec<Box<dyn Upload>>, stop: &CancellationToken) -> (FanOut, Vec<Destination>) {
    let mut senders = Vec::new();
    let mut destinations = Vec::new();
    for upload in uploads {
        let (sender, receiver) = mpsc::channel(QUEUE);
        senders.push(Some(sender));
        destinations.push(tokio::spawn(write(upload, receiver, stop.clone())));
    }
    (FanOut { senders }, destinations)
}

/// The near end whose far end is memory. To be read once everything was pushed, and `n_pieces` at most.
pub(super) fn collect(n_pieces: usize) -> (FanOut, mpsc::Receiver<Bytes>) {
    let (sender, receiver) = mpsc::channel(n_pieces);
    (FanOut { senders: vec![Some(sender)] }, receiver)
}

async fn write(
    mut upload: Box<dyn Upload>,
    mut pieces: mpsc::Receiver<Bytes>,
    stop: CancellationToken,
) -> Result<Box<dyn Upload>, StorageError> {
    loop {
        let piece = tokio::select! {
            piece = pieces.recv() => piece,
            // What is queued does not matter any more; the caller aborts the upload.
            () = stop.cancelled() => None,
        };
        let Some(piece) = piece else { return Ok(upload) };
        let Some(written) = written(&mut upload, piece, &stop).await else { return Ok(upload) };
        if let Err(error) = written {
            drop(pieces);
            // What cannot be removed now is found later as an unfinished upload.
            let _ = upload.abort().await;
            return Err(error);
        }
    }
}

/// How writing a piece ended. `None`: the run was told to stop, and it did not end soon after. Until then it is waited for:
/// of a write that is given up half way, a store may not find what it has to remove.
async fn written(
    upload: &mut Box<dyn Upload>,
    piece: Bytes,
    stop: &CancellationToken,
) -> Option<Result<(), StorageError>> {
    let mut writing = std::pin::pin!(upload.write(piece));
    tokio::select! {
        written = &mut writing => Some(written),
        () = stop.cancelled() => tokio::time::timeout(ENDING, writing).await.ok(),
    }
}

impl FanOut {
    /// Hands a piece to every destination that still takes some; waits while a queue is full. Blocks.
    pub(super) fn push(&mut self, piece: &Bytes) -> Result<(), NobodyListens> {
        for slot in &mut self.senders {
            if slot.as_ref().is_some_and(|sender| sender.blocking_send(piece.clone()).is_err()) {
                *slot = None;
            }
        }
        if self.senders.iter().any(Option::is_some) { Ok(()) } else { Err(NobodyListens) }
    }
}

/// Completes uploads that got all bytes, all at once; what failed before stays failed. In the order given.
pub async fn complete_all(
    uploads: Vec<Result<Box<dyn Upload>, StorageError>>,
) -> Vec<Result<ObjectMeta, StorageError>> {
    let complete = |upload: Result<Box<dyn Upload>, StorageError>| async move { upload?.complete().await };
    futures_util::future::join_all(uploads.into_iter().map(complete)).await
}

/// Gives up uploads. None of them is waited for longer than [`PATIENCE`].
pub(super) async fn abort_all(uploads: Vec<Result<Box<dyn Upload>, StorageError>>) {
    // What cannot be removed now is found later as an unfinished upload.
    let aborts = uploads.into_iter().flatten().map(|upload| tokio::time::timeout(PATIENCE, upload.abort()));
    futures_util::future::join_all(aborts).await;
}
