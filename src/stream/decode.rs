//! From a store to a writer, with nothing trusted before its digest agrees.

use super::feed::{Feed, feed, source_error};
use super::gpg;
use super::unpack::{Pieces, copy, unpack};
use super::{Progress, StreamError};
use crate::base::{Blake3, Blake3Hasher, Sha256, Sha256Hasher};
use crate::catalog::{Layer, StoredObject};
use crate::codec::archive::Scan;
use crate::codec::{Keys, age_decrypt};
use crate::storage::Body;
use bytes::Bytes;
use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use tokio_util::sync::CancellationToken;

/// Pieces between two stages.
const QUEUE: usize = 4;

/// One stored file to be read.
pub struct Decode {
    /// The stored bytes.
    pub source: Body,
    /// What is read, for messages: the file's key.
    pub what: String,
    /// What was done to the bytes, in order; undone in reverse.
    pub layers: Vec<Layer>,
    /// What can decrypt.
    pub keys: Keys,
    /// What the manifest says of the file.
    pub expected: Option<Expected>,
    /// What is looked at beyond the stored bytes.
    pub content: Content,
    /// Follows the plain bytes, when they are a dump in custom format.
    pub scan: Option<Scan>,
    /// Who is told how far it is, in plain bytes.
    pub progress: Progress,
    /// Cancelled by the caller to stop.
    pub stop: CancellationToken,
}

/// How the content, which comes out of the stored bytes, is known to be right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// By a digest of its own.
    Digested,
    /// By the digest of the stored bytes, its length, and the checksums of encryption and compression: the same bytes
    /// give the same content. Spares the digest of the content, which costs as much as decompressing it.
    AsStored,
}

/// What a file must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// Length as stored.
    pub stored_bytes: u64,
    /// Digest as stored.
    pub stored_sha256: Sha256,
    /// Length before compression and encryption.
    pub plain_bytes: u64,
    /// Digest before compression and encryption.
    pub plain_blake3: Blake3,
    /// Compression frames; 0 when they are not counted.
    pub frames: u64,
}

impl From<&StoredObject> for Expected {
    fn from(object: &StoredObject) -> Expected {
        Expected {
            stored_bytes: object.stored_bytes,
            stored_sha256: object.stored_sha256,
            plain_bytes: object.plain_bytes,
            plain_blake3: object.plain_blake3,
            frames: object.frames,
        }
    }
}

/// A file that was read to its end.
#[derive(Debug)]
pub struct Decoded<W> {
    /// What took the bytes.
    pub sink: W,
    /// Length as stored.
    pub stored_bytes: u64,
    /// Digest as stored.
    pub stored_sha256: Sha256,
    /// Length before compression and encryption.
    pub plain_bytes: u64,
    /// Digest before compression and encryption, unless the content was taken as stored.
    pub plain_blake3: Option<Blake3>,
    /// The scan, fed to the end.
    pub scan: Option<Scan>,
}

/// Takes plain bytes on a thread of its own, where it may block.
pub trait Sink: Send + 'static {
    /// Takes the next bytes.
    fn take(&mut self, piece: Bytes) -> io::Result<()>;
}

impl Sink for Vec<u8> {
    fn take(&mut self, piece: Bytes) -> io::Result<()> {
        self.extend_from_slice(&piece);
        Ok(())
    }
}

impl Sink for io::Sink {
    fn take(&mut self, _: Bytes) -> io::Result<()> {
        Ok(())
    }
}

/// Reads a stored file and gives its plain bytes to `sink`. Succeeds only when every length and digest that is expected
/// and looked at agrees; what was taken before a failure is not to be used.
pub async fn decode<W: Sink>(job: Decode, sink: W) -> Result<Decoded<W>, StreamError> {
    let Decode { source, what, layers, keys, expected, content, scan, progress, stop } = job;
    let source = Measured::new(feed(source, stop.clone()));
    let pump = Pump { what, layers, keys, expected, content, progress: progress.clone(), stop };
    let decoded = tokio::task::spawn_blocking(move || pump.run(&source, scan, sink)).await;
    progress.stream_ended();
    decoded.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

/// A source that is measured while it is read, by whoever reads it.
#[derive(Clone)]
struct Measured(Arc<Mutex<Source>>);

struct Source {
    feed: Feed,
    hasher: Sha256Hasher,
    bytes: u64,
    failure: Option<io::Error>,
}

impl Measured {
    fn new(feed: Feed) -> Measured {
        Measured(Arc::new(Mutex::new(Source { feed, hasher: Sha256Hasher::default(), bytes: 0, failure: None })))
    }

    /// Reads what is left, and says how much it was in all, and its digest.
    fn finish(&self) -> Result<(u64, Sha256), io::Error> {
        let mut reader = self.clone();
        // What reading failed of is kept, see below.
        let _ = io::copy(&mut reader, &mut io::sink());
        let mut source = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match source.failure.take() {
            Some(failure) => Err(failure),
            None => Ok((source.bytes, source.hasher.clone().finish())),
        }
    }
}

impl Read for Measured {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut source = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match source.feed.read(buffer) {
            Ok(n) => {
                source.hasher.update(&buffer[..n]);
                source.bytes += n as u64;
                Ok(n)
            }
            Err(error) => {
                let copy = io::Error::new(error.kind(), error.to_string());
                source.failure.get_or_insert(error);
                Err(copy)
            }
        }
    }
}

struct Pump {
    what: String,
    layers: Vec<Layer>,
    keys: Keys,
    expected: Option<Expected>,
    content: Content,
    progress: Progress,
    stop: CancellationToken,
}

impl Pump {
    fn run<W: Sink>(&self, source: &Measured, scan: Option<Scan>, sink: W) -> Result<Decoded<W>, StreamError> {
        let (compression, encryption) = self.split_layers()?;
        let (sender, pieces) = sync_channel::<Bytes>(QUEUE);
        let (plain_sender, plain) = sync_channel::<Bytes>(QUEUE);
        let (opened, unpacked, written) = thread::scope(|scope| {
            let opening = scope.spawn(|| self.open(encryption, source.clone(), sender));
            let unpacking = scope.spawn(|| unpack(compression, Pieces::new(pieces), plain_sender));
            let written = self.write(plain, scan, sink);
            (joined(opening), joined(unpacking), written)
        });
        if self.stop.is_cancelled() {
            return Err(StreamError::Cancelled);
        }
        let written = written.map_err(StreamError::Sink)?;
        let (stored_bytes, stored_sha256) = source.finish().map_err(|problem| source_error(&self.what, problem))?;
        if let Some(expected) = &self.expected {
            // Said first: it tells damage from a key that does not fit.
            self.same("bytes are stored", expected.stored_bytes, stored_bytes)?;
            if stored_sha256 != expected.stored_sha256 {
                let (expected, found) = (expected.stored_sha256.short(), stored_sha256.short());
                return Err(self.damaged(&differs("SHA-256", "stored bytes", &expected, &found)));
            }
        }
        opened?;
        let frames = unpacked.map_err(|problem| self.damaged(&format!("it cannot be decompressed: {problem}")))?;
        if let Some(expected) = &self.expected {
            self.same("bytes come out", expected.plain_bytes, written.bytes)?;
            if let Some(found) = written.blake3.filter(|found| *found != expected.plain_blake3) {
                return Err(self.damaged(&differs(
                    "BLAKE3",
                    "content",
                    &expected.plain_blake3.short(),
                    &found.short(),
                )));
            }
            if let Some(frames) = frames.filter(|_| expected.frames > 0) {
                self.same("frames are there", expected.frames, frames)?;
            }
        }
        Ok(Decoded {
            sink: written.sink,
            stored_bytes,
            stored_sha256,
            plain_bytes: written.bytes,
            plain_blake3: written.blake3,
            scan: written.scan,
        })
    }

    fn split_layers(&self) -> Result<(Option<&Layer>, Option<&Layer>), StreamError> {
        match self.layers.as_slice() {
            [] => Ok((None, None)),
            [one] if one.is_encryption() => Ok((None, Some(one))),
            [one] => Ok((Some(one), None)),
            [first, second] if !first.is_encryption() && second.is_encryption() => Ok((Some(first), Some(second))),
            _ => Err(self.damaged("its manifest names layers that cannot be undone")),
        }
    }

    fn damaged(&self, problem: &str) -> StreamError {
        StreamError::Damaged(format!("`{}` is damaged: {problem}", self.what))
    }

    fn same(&self, claim: &str, expected: u64, found: u64) -> Result<(), StreamError> {
        if expected == found { Ok(()) } else { Err(self.damaged(&format!("{found} {claim} instead of {expected}"))) }
    }

    /// Undoes the encryption.
    fn open(&self, layer: Option<&Layer>, mut source: Measured, to: SyncSender<Bytes>) -> Result<(), StreamError> {
        match layer {
            Some(Layer::Age { .. }) => {
                let mut reader = age_decrypt(&self.keys, source)?;
                copy(
                    |buffer| reader.read(buffer).map_err(|e| self.damaged(&format!("it cannot be decrypted: {e}"))),
                    to,
                )
            }
            Some(Layer::Gpg) => {
                let mut program = gpg::open(&self.keys, Box::new(source))?;
                copy(|buffer| program.read(buffer), to)
            }
            // A failure of the source is kept by it.
            _ => copy(|buffer| Ok(source.read(buffer).unwrap_or(0)), to),
        }
    }

    /// Measures the plain bytes and hands them to the sink.
    fn write<W: Sink>(&self, plain: Receiver<Bytes>, mut scan: Option<Scan>, mut sink: W) -> io::Result<Written<W>> {
        let mut hasher = (self.content == Content::Digested).then(Blake3Hasher::default);
        let mut bytes = 0;
        while let Ok(piece) = plain.recv() {
            if let Some(hasher) = &mut hasher {
                hasher.update(&piece);
            }
            if let Some(scan) = &mut scan {
                scan.feed(&piece);
            }
            bytes += piece.len() as u64;
            sink.take(piece)?;
            self.progress.at(bytes);
        }
        Ok(Written { bytes, blake3: hasher.map(Blake3Hasher::finish), scan, sink })
    }
}

fn differs(digest: &str, of: &str, expected: &str, found: &str) -> String {
    format!("the {digest} of its {of} is {found}… instead of {expected}…")
}

/// What a thread returned; its panic becomes ours.
fn joined<T>(thread: thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

struct Written<W> {
    bytes: u64,
    blake3: Option<Blake3>,
    scan: Option<Scan>,
    sink: W,
}
