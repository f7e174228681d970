//! From a reader into stores.

use super::blocks::Blocks;
use super::cipher::Encrypt;
use super::compress::{Numbered, Reorder, work};
use super::fan_out::{self, FanOut};
use super::stored::Stored;
use super::{Encoding, Progress, StreamError};
use crate::base::{Blake3, Blake3Hasher, Sha256, Sha256Hasher};
use crate::codec::FRAME_BYTES;
use crate::codec::archive::Scan;
use crate::policy::Compression;
use crate::storage::{StorageError, Upload};
use bytes::Bytes;
use std::io::{self, Read};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use tokio_util::sync::CancellationToken;

/// Compressors at most: `pg_dump` is slower than this many.
const MAX_WORKERS: usize = 4;
/// Blocks under way beyond one for each compressor: one being read, one being measured, some being stored.
const SPARE_BLOCKS: usize = 3;

/// One stream to be stored.
pub struct Encode {
    /// Where it comes from, such as the standard output of a program.
    pub source: Box<dyn Read + Send>,
    /// What is read, for messages, such as `the output of pg_dump`.
    pub what: String,
    /// What is done to it.
    pub encoding: Encoding,
    /// Where it goes; at least one.
    pub uploads: Vec<Box<dyn Upload>>,
    /// Follows the plain bytes, when they are a dump in custom format.
    pub scan: Option<Scan>,
    /// Who is told how far it is, in plain bytes.
    pub progress: Progress,
    /// Cancelled by the caller to stop, and by `encode` when it gives up, so that whoever writes the source can be
    /// ended: a reader that waits is not interrupted.
    pub stop: CancellationToken,
}

/// One stream, stored but not yet visible.
pub struct Encoded {
    /// Length before compression and encryption.
    pub plain_bytes: u64,
    /// Digest before compression and encryption.
    pub plain_blake3: Blake3,
    /// Length as stored.
    pub stored_bytes: u64,
    /// Digest as stored.
    pub stored_sha256: Sha256,
    /// Compression frames; 0 without compression.
    pub frames: u64,
    /// Length of what became of every block of 4 MiB, before encryption, in order.
    pub frame_bytes: Vec<u32>,
    /// The scan, fed to the end.
    pub scan: Option<Scan>,
    /// The uploads, in the order given, to be completed or aborted; or why one was dropped. At least one is good.
    pub uploads: Vec<Result<Box<dyn Upload>, StorageError>>,
}

struct Measured {
    plain: Plain,
    stored: (u64, Sha256, Vec<u32>),
    blocks: u64,
}

struct Plain {
    bytes: u64,
    blake3: Blake3,
    scan: Option<Scan>,
}

/// Reads `source` to its end and writes it into every upload. On failure all uploads are aborted. Holds some 60 MiB.
pub async fn encode(job: Encode) -> Result<Encoded, StreamError> {
    let Encode { source, what, encoding, uploads, scan, progress, stop } = job;
    let (fan_out, destinations) = fan_out::start(uploads, &stop);
    let compression = encoding.compression;
    let pump = Pump { what, encoding, progress: progress.clone(), stop: stop.clone() };
    let pumped = tokio::task::spawn_blocking(move || {
        let result = pump.run(source, scan, fan_out);
        if result.is_err() {
            pump.stop.cancel();
        }
        result
    })
    .await;
    let mut uploads = Vec::new();
    for destination in destinations {
        uploads.push(destination.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic())));
    }
    progress.stream_ended();
    let pumped = pumped.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
    let measured = match pumped {
        Ok(measured) if uploads.iter().any(Result::is_ok) && !stop.is_cancelled() => measured,
        result => {
            let failure = result.err().unwrap_or(StreamError::Cancelled);
            let all_failed = uploads.iter().all(Result::is_err);
            let first = uploads.iter_mut().find_map(|upload| upload.as_ref().err().cloned());
            fan_out::abort_all(uploads).await;
            stop.cancel();
            return Err(match first {
                Some(first) if all_failed => StreamError::AllDestinationsFailed(first),
                _ => failure,
            });
        }
    };
    let frames = if compression == Compression::None { 0 } else { measured.blocks };
    Ok(Encoded {
        plain_bytes: measured.plain.bytes,
        plain_blake3: measured.plain.blake3,
        stored_bytes: measured.stored.0,
        stored_sha256: measured.stored.1,
        frames,
        frame_bytes: measured.stored.2,
        scan: measured.plain.scan,
        uploads,
    })
}

struct Pump {
    what: String,
    encoding: Encoding,
    progress: Progress,
    stop: CancellationToken,
}

impl Pump {
    /// Runs all stages, each on a thread of its own, to the end or the first failure.
    fn run(&self, source: Box<dyn Read + Send>, scan: Option<Scan>, fan_out: FanOut) -> Result<Measured, StreamError> {
        let n_workers = thread::available_parallelism().map_or(2, usize::from).clamp(1, MAX_WORKERS);
        let n_blocks = n_workers + SPARE_BLOCKS;
        let (ticket_sender, tickets) = sync_channel(n_blocks);
        for _ in 0..n_blocks {
            let _ = ticket_sender.send(());
        }
        let (measure_sender, to_measure) = sync_channel::<Bytes>(1);
        let (work_sender, to_compress) = sync_channel::<Numbered>(n_blocks);
        let (done_sender, compressed) = sync_channel::<io::Result<Numbered>>(n_blocks);
        let to_compress = Mutex::new(to_compress);
        let to_compress = &to_compress;
        thread::scope(|scope| {
            let measuring = scope.spawn(move || self.measure(&to_measure, scan));
            for _ in 0..n_workers {
                let done = done_sender.clone();
                scope.spawn(move || work(self.encoding.compression, to_compress, &done));
            }
            drop(done_sender);
            let storing = scope.spawn(move || {
                let stored = self.store(&compressed, &ticket_sender, fan_out);
                if stored.is_err() && self.stop.is_cancelled() {
                    return Err(StreamError::Cancelled);
                }
                if stored.is_err() {
                    // The source's writer has to learn of it while this pump still waits for its bytes.
                    self.stop.cancel();
                }
                stored
            });
            let read = self.read(source, &tickets, &measure_sender, &work_sender);
            drop((measure_sender, work_sender));
            let plain = measuring.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            let stored = storing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            match (read, stored) {
                // Storing that failed makes reading stop: it is the cause.
                (_, Err(error)) | (Err(error), Ok(_)) => Err(error),
                (Ok(blocks), Ok(stored)) => Ok(Measured { plain, stored, blocks }),
            }
        })
    }

    /// Reads blocks and hands each to the measuring stage and to the compressors. Returns how many.
    fn read(
        &self,
        source: Box<dyn Read + Send>,
        tickets: &Receiver<()>,
        to_measure: &SyncSender<Bytes>,
        to_compress: &SyncSender<Numbered>,
    ) -> Result<u64, StreamError> {
        let mut source = source;
        let blocks = Blocks::default();
        let mut number = 0;
        loop {
            if tickets.recv().is_err() {
                return Err(StreamError::Cancelled);
            }
            let block = blocks.read(&mut source);
            if self.stop.is_cancelled() {
                return Err(StreamError::Cancelled);
            }
            let block = block.map_err(|problem| StreamError::Source { what: self.what.clone(), problem })?;
            let is_last = block.len() < FRAME_BYTES;
            // No bytes at all make one empty frame: an empty file is not one that every program takes.
            if !block.is_empty() || number == 0 {
                if to_measure.send(block.clone()).is_err() || to_compress.send((number, block)).is_err() {
                    return Err(StreamError::Cancelled);
                }
                number += 1;
            }
            if is_last {
                return Ok(number);
            }
        }
    }

    /// Measures the plain bytes, in order.
    fn measure(&self, blocks: &Receiver<Bytes>, mut scan: Option<Scan>) -> Plain {
        let mut hasher = Blake3Hasher::default();
        let mut bytes = 0;
        while let Ok(block) = blocks.recv() {
            hasher.update(&block);
            if let Some(scan) = &mut scan {
                scan.feed(&block);
            }
            bytes += block.len() as u64;
            self.progress.at(bytes);
        }
        Plain { bytes, blake3: hasher.finish(), scan }
    }

    /// Encrypts and stores, in order. Gives a ticket back for every block.
    fn store(
        &self,
        compressed: &Receiver<io::Result<Numbered>>,
        tickets: &SyncSender<()>,
        fan_out: FanOut,
    ) -> Result<(u64, Sha256, Vec<u32>), StreamError> {
        let mut frames = Vec::new();
        let mut encrypt = Encrypt::begin(&self.encoding.cipher, Stored::new(fan_out, Sha256Hasher::default()))?;
        let mut reorder = Reorder::default();
        while let Ok(result) = compressed.recv() {
            reorder.put(result.map_err(StreamError::Process)?);
            while let Some(bytes) = reorder.pop() {
                // A block of 4 MiB never grows beyond 4 GiB.
                frames.push(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
                encrypt.push(bytes)?;
                // The reader may have ended.
                let _ = tickets.send(());
            }
        }
        if self.stop.is_cancelled() {
            return Err(StreamError::Cancelled);
        }
        let (bytes, digest) = encrypt.finish()?;
        Ok((bytes, digest, frames))
    }
}
