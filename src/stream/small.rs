//! What fits into memory, such as a WAL segment: through the same layers as a stream, without threads of its own.

use super::cipher::Encrypt;
use super::compress::Compressor;
use super::fan_out;
use super::stored::{Stored, Undigested};
use super::{Encoding, StreamError};
use crate::codec::FRAME_BYTES;
use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc::Receiver;

/// Makes of a content what is to be stored, without a digest of that: such files are known by their content. Computes, and
/// blocks: to be called from a thread where it may.
pub struct SmallEncoder {
    compressor: Compressor,
    encrypt: Encrypt<Undigested>,
    pieces: Receiver<Bytes>,
}

impl SmallEncoder {
    /// For a content of so many bytes at most.
    pub fn begin(length: usize, encoding: &Encoding) -> Result<SmallEncoder, StreamError> {
        // Every frame becomes a piece at most, and so does every mebibyte of what cannot be compressed.
        let (fan_out, pieces) = fan_out::collect(length / FRAME_BYTES + (length >> 19) + 8);
        let compressor = Compressor::new(encoding.compression).map_err(StreamError::Process)?;
        let encrypt = Encrypt::begin(&encoding.cipher, Stored::new(fan_out, Undigested))?;
        Ok(SmallEncoder { compressor, encrypt, pieces })
    }

    /// Takes a block, which becomes a frame: one of [`Blocks`]. No bytes at all make one empty block, for an empty file is not one
    /// that every program takes.
    pub fn push(&mut self, block: Bytes) -> Result<(), StreamError> {
        self.encrypt.push(self.compressor.compress(block).map_err(StreamError::Process)?)
    }

    /// What is to be stored.
    pub fn finish(mut self) -> Result<Bytes, StreamError> {
        let (length, ()) = self.encrypt.finish()?;
        let mut stored = BytesMut::with_capacity(usize::try_from(length).unwrap_or(0));
        while let Ok(piece) = self.pieces.try_recv() {
            stored.extend_from_slice(&piece);
        }
        Ok(stored.freeze())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;
    use crate::base::{Blake3, Secret};
    use crate::codec::{Cipher, Keys};
    use crate::policy::Compression;
    use crate::stream::Blocks;
    use crate::stream::{Content, Decode, Progress, decode};
    use tokio_util::sync::CancellationToken;

    async fn read_back(stored: Bytes, encoding: &Encoding) -> (Vec<u8>, Option<Blake3>) {
        let job = Decode {
            source: Box::new(std::io::Cursor::new(stored)),
            what: "test".to_owned(),
            layers: encoding.layers(),
            keys: Keys { age_passphrases: vec![Secret::new("secret")], ..Keys::default() },
            expected: None,
            content: Content::Digested,
            scan: None,
            progress: Progress::silent(),
            stop: CancellationToken::new(),
        };
        let decoded = decode(job, Vec::new()).await.unwrap();
        (decoded.sink, decoded.plain_blake3)
    }

    #[tokio::test]
    async fn what_was_encoded_is_read_back_by_the_stream() {
        let noise = |length: usize| -> Bytes {
            let mut state = 88_172_645_463_325_252_u64;
            let mut next = || {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state as u8
            };
            (0..length).map(|_| next()).collect()
        };
        for cipher in [Cipher::None, Cipher::AgePassphrase(Secret::new("secret"))] {
            for content in [Bytes::new(), Bytes::from_static(b"x"), Bytes::from(vec![7; 9 << 20]), noise(17 << 20)] {
                let encoding = Encoding { compression: Compression::Zstd(3), cipher: cipher.clone() };
                let (plain, copy) = (content.clone(), encoding.clone());
                let encoded = tokio::task::spawn_blocking(move || {
                    let mut encoder = SmallEncoder::begin(plain.len(), &copy)?;
                    Blocks::default()
                        .each(&mut &plain[..], |block| encoder.push(block).map_err(std::io::Error::other))
                        .unwrap();
                    encoder.finish()
                });
                let stored = encoded.await.unwrap().unwrap();
                let (read, digest) = read_back(stored, &encoding).await;
                assert!(read == content, "{} bytes", content.len());
                assert_eq!(digest, Some(Blake3::of(&content)));
            }
        }
    }
}
