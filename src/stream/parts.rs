//! Some frames of a stored file, without the rest of it: frames are independent, and so are the chunks of age.

use super::StreamError;
use super::feed::source_error;
use super::stretches::{Fetch, Stretches};
use crate::catalog::Layer;
use crate::codec::{FRAME_BYTES, Keys, age_decrypt_seeking};
use bytes::Bytes;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use tokio_util::sync::CancellationToken;

/// A chunk of age, before and after encryption (age-encryption.org/v1, payload).
const CHUNK: u64 = 64 << 10;
const SEALED_CHUNK: u64 = CHUNK + 16;

/// Where the frames of a stored file are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frames {
    /// Where each begins, before encryption, and where the last one ends.
    starts: Vec<u64>,
    /// Length of what encryption puts before them; `None` without encryption.
    head: Option<u64>,
    plain_bytes: u64,
    stored_bytes: u64,
}

impl Frames {
    /// `None` when the file cannot be read in parts: other layers, or lengths that do not agree.
    pub fn of(layers: &[Layer], lengths: &[u32], plain_bytes: u64, stored_bytes: u64) -> Option<Frames> {
        let n_frames = u64::try_from(lengths.len()).ok()?;
        if n_frames == 0 || n_frames != plain_bytes.div_ceil(FRAME_BYTES as u64) {
            return None;
        }
        let mut starts = vec![0];
        let mut end = 0;
        for length in lengths {
            end += u64::from(*length);
            starts.push(end);
        }
        let head = match layers {
            [Layer::Zstd { .. }] if end == stored_bytes => None,
            [Layer::Zstd { .. }, Layer::Age { .. }] => {
                let sealed = end + end.div_ceil(CHUNK) * (SEALED_CHUNK - CHUNK);
                Some(stored_bytes.checked_sub(sealed)?)
            }
            _ => return None,
        };
        Some(Frames { starts, head, plain_bytes, stored_bytes })
    }

    /// The frames in which a stretch of the content lies.
    pub fn around(&self, at: u64, bytes: u64) -> Range<usize> {
        let n_frames = self.starts.len() - 1;
        let frame = |number: u64| usize::try_from(number).map_or(n_frames, |number| number.min(n_frames));
        frame(at / FRAME_BYTES as u64)..frame((at + bytes).div_ceil(FRAME_BYTES as u64))
    }

    /// Length of frames as stored, but for encryption.
    pub fn stored(&self, frames: &Range<usize>) -> u64 {
        self.starts[frames.end] - self.starts[frames.start]
    }

    /// Length of their content.
    pub fn plain(&self, frames: &Range<usize>) -> u64 {
        let at = |frame: usize| (frame as u64 * FRAME_BYTES as u64).min(self.plain_bytes);
        at(frames.end) - at(frames.start)
    }

    /// What is read of the stored file for these frames, which are sorted.
    fn stretches(&self, wanted: &[Range<usize>]) -> Vec<Range<u64>> {
        let mut stretches: Vec<Range<u64>> = self.head.map(|head| 0..head).into_iter().collect();
        for frames in wanted {
            let (start, end) = (self.starts[frames.start], self.starts[frames.end]);
            let stretch = match self.head {
                None => start..end,
                Some(head) => {
                    let sealed = |chunk: u64| (head + chunk * SEALED_CHUNK).min(self.stored_bytes);
                    sealed(start / CHUNK)..sealed(end.div_ceil(CHUNK))
                }
            };
            match stretches.last_mut() {
                Some(last) if stretch.start <= last.end => last.end = last.end.max(stretch.end),
                _ => stretches.push(stretch),
            }
        }
        stretches
    }
}

/// Some frames of one stored file to be read.
pub struct DecodeParts {
    /// How a stretch of the stored bytes is fetched.
    pub fetch: Fetch,
    /// What is read, for messages: the file's key.
    pub what: String,
    /// Where its frames are.
    pub frames: Frames,
    /// Those that are read; sorted, not overlapping.
    pub wanted: Vec<Range<usize>>,
    /// What can decrypt.
    pub keys: Keys,
    /// Cancelled by the caller to stop.
    pub stop: CancellationToken,
}

/// Reads some frames of a stored file and gives their content to `sink`, with where it begins. Encryption and compression
/// have checksums, which are compared; the digest of the whole file is not known this way: whoever takes the content compares
/// a digest of his own.
pub async fn decode_parts(
    job: DecodeParts,
    sink: impl FnMut(u64, Bytes) -> io::Result<()> + Send + 'static,
) -> Result<(), StreamError> {
    let DecodeParts { fetch, what, frames, wanted, keys, stop } = job;
    let source = Stretches::new(fetch, frames.stored_bytes, frames.stretches(&wanted), stop.clone());
    let reading = tokio::task::spawn_blocking(move || match frames.head {
        None => run(source, &what, &frames, &wanted, &stop, sink),
        Some(_) => run(age_decrypt_seeking(&keys, source)?, &what, &frames, &wanted, &stop, sink),
    });
    reading.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

fn run(
    mut reader: impl Read + Seek,
    what: &str,
    frames: &Frames,
    wanted: &[Range<usize>],
    stop: &CancellationToken,
    mut sink: impl FnMut(u64, Bytes) -> io::Result<()>,
) -> Result<(), StreamError> {
    let damaged = |problem: &dyn std::fmt::Display| StreamError::Damaged(format!("`{what}` is damaged: {problem}"));
    let read = |problem: io::Error| match problem.kind() {
        // So age calls what does not authenticate.
        io::ErrorKind::InvalidData => damaged(&format!("it cannot be decrypted: {problem}")),
        io::ErrorKind::UnexpectedEof => damaged(&problem),
        _ => source_error(what, problem),
    };
    let mut unpack = zstd::bulk::Decompressor::new().map_err(StreamError::Process)?;
    for range in wanted {
        reader.seek(SeekFrom::Start(frames.starts[range.start])).map_err(read)?;
        for frame in range.clone() {
            if stop.is_cancelled() {
                return Err(StreamError::Cancelled);
            }
            let only = frame..frame + 1;
            let mut packed = vec![0; usize::try_from(frames.stored(&only)).unwrap_or(0)];
            reader.read_exact(&mut packed).map_err(read)?;
            let expected = usize::try_from(frames.plain(&only)).unwrap_or(0);
            let content = unpack.decompress(&packed, expected);
            let content = content.map_err(|problem| damaged(&format!("it cannot be decompressed: {problem}")))?;
            if content.len() != expected {
                return Err(damaged(&format!("{} bytes come out of a frame instead of {expected}", content.len())));
            }
            sink(frame as u64 * FRAME_BYTES as u64, content.into()).map_err(StreamError::Sink)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::single_range_in_vec_init, reason = "a list of one range is meant")]
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;
    use crate::base::Secret;
    use crate::codec::{Cipher, FrameCompressor};
    use proptest::prelude::*;
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    /// A stored file, its content, where its frames are, and what opens it.
    struct Sample {
        plain: Vec<u8>,
        stored: Vec<u8>,
        frames: Frames,
        keys: Keys,
    }

    fn sample(length: usize, is_sealed: bool) -> Sample {
        let mut state = 88_172_645_463_325_252_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        };
        let plain: Vec<u8> = (0..length).map(|_| next()).collect();
        let mut compressor = FrameCompressor::new(1).unwrap();
        let packed: Vec<Vec<u8>> =
            plain.chunks(FRAME_BYTES).map(|content| compressor.frame(content).unwrap()).collect();
        let lengths: Vec<u32> = packed.iter().map(|frame| frame.len() as u32).collect();
        let mut layers = vec![Layer::Zstd { level: 1 }];
        let mut stored = packed.concat();
        let mut keys = Keys::default();
        if is_sealed {
            use secrecy::ExposeSecret;
            let identity = age::x25519::Identity::generate();
            let cipher = Cipher::AgeRecipients(vec![identity.to_public().to_string()]);
            let mut writer = crate::codec::age_encrypt(&cipher, Vec::new()).unwrap().unwrap();
            writer.write_all(&stored).unwrap();
            stored = writer.finish().unwrap();
            layers.push(Layer::Age { recipients: Vec::new() });
            keys.age_identities.push(Secret::new(identity.to_string().expose_secret()));
        }
        let frames = Frames::of(&layers, &lengths, plain.len() as u64, stored.len() as u64).unwrap();
        Sample { plain, stored, frames, keys }
    }

    /// Content, with where it begins.
    type Taken = Vec<(u64, Bytes)>;

    /// What comes out, and what was fetched.
    fn read(sample: &Sample, wanted: &[Range<usize>]) -> (Result<Taken, StreamError>, Vec<Range<u64>>) {
        let fetched = Arc::new(Mutex::new(Vec::new()));
        let (seen, stored) = (fetched.clone(), sample.stored.clone());
        let fetch: Fetch = Box::new(move |range| {
            seen.lock().unwrap().push(range.clone());
            let part = stored[range.start as usize..range.end as usize].to_vec();
            Box::pin(async move { Ok(Box::new(std::io::Cursor::new(part)) as crate::storage::Body) })
        });
        let taken = Arc::new(Mutex::new(Vec::new()));
        let sink = taken.clone();
        let job = DecodeParts {
            fetch,
            what: "pack".to_owned(),
            frames: sample.frames.clone(),
            wanted: wanted.to_vec(),
            keys: sample.keys.clone(),
            stop: CancellationToken::new(),
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let end = runtime.block_on(decode_parts(job, move |at, piece| {
            sink.lock().unwrap().push((at, piece));
            Ok(())
        }));
        let taken = std::mem::take(&mut *taken.lock().unwrap());
        let fetched = std::mem::take(&mut *fetched.lock().unwrap());
        (end.map(|()| taken), fetched)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]
        #[test]
        fn exactly_the_wanted_frames_come_out_and_little_else_is_fetched(
            is_sealed in any::<bool>(),
            tail in 1..FRAME_BYTES,
            chosen in prop::collection::vec(any::<bool>(), 4),
        ) {
            let sample = sample(3 * FRAME_BYTES + tail, is_sealed);
            let wanted: Vec<Range<usize>> =
                chosen.iter().enumerate().filter(|(_, is)| **is).map(|(n, _)| n..n + 1).collect();
            let (taken, fetched) = read(&sample, &wanted);
            let taken = taken.unwrap();
            prop_assert_eq!(taken.len(), wanted.len());
            for ((at, piece), frame) in taken.iter().zip(&wanted) {
                let start = frame.start * FRAME_BYTES;
                prop_assert_eq!(*at, start as u64);
                prop_assert!(piece == &sample.plain[start..(start + FRAME_BYTES).min(sample.plain.len())]);
            }
            let read: u64 = fetched.iter().map(|range| range.end - range.start).sum();
            let needed: u64 = wanted.iter().map(|frames| sample.frames.stored(frames)).sum();
            prop_assert!(read <= needed + (needed >> 10) + 4 * SEALED_CHUNK * (wanted.len() as u64 + 1), "{} of {}", read, needed);
        }
    }

    #[test]
    fn damage_where_it_is_read_is_found_and_elsewhere_is_not_looked_at() {
        for is_sealed in [false, true] {
            let mut sample = sample(3 * FRAME_BYTES, is_sealed);
            let middle = sample.stored.len() / 2;
            sample.stored[middle] ^= 1;
            let (taken, _) = read(&sample, &[0..1, 2..3]);
            assert_eq!(taken.unwrap().len(), 2);
            let (taken, _) = read(&sample, &[1..2]);
            assert!(matches!(taken, Err(StreamError::Damaged(_))), "{taken:?}");
            let (taken, _) = read(&Sample { keys: Keys::default(), ..sample }, &[0..1]);
            assert_eq!(matches!(taken, Err(StreamError::NoKey(_))), is_sealed);
        }
    }

    #[test]
    fn what_cannot_be_read_in_parts_is_said() {
        let zstd = Layer::Zstd { level: 1 };
        assert_eq!(Frames::of(&[], &[5], 5, 5), None);
        assert_eq!(Frames::of(std::slice::from_ref(&zstd), &[5], 5, 6), None);
        assert_eq!(Frames::of(std::slice::from_ref(&zstd), &[5, 5], 5, 10), None);
        assert_eq!(Frames::of(&[zstd.clone(), Layer::Gpg], &[5], 5, 500), None);
        let frames = Frames::of(&[zstd], &[5, 6], FRAME_BYTES as u64 + 1, 11).unwrap();
        assert_eq!((frames.around(0, 1), frames.around(FRAME_BYTES as u64, 1)), (0..1, 1..2));
        assert_eq!((frames.around(5, FRAME_BYTES as u64 - 5), frames.around(5, FRAME_BYTES as u64 - 4)), (0..1, 0..2));
    }
}
