//! The encrypting stage: compressed bytes in, stored bytes out.

use super::StreamError;
use super::gpg::Encrypting;
use super::stored::{Measure, Stored};
use crate::codec::{AgeWriter, Cipher, age_encrypt};
use bytes::Bytes;
use std::io::Write;

/// Encrypts, or passes through.
pub(super) enum Encrypt<M: Measure> {
    Plain(Stored<M>),
    Age(Box<AgeWriter<Stored<M>>>),
    Gpg(Encrypting<M::Digest>),
}

impl<M: Measure> Encrypt<M> {
    pub(super) fn begin(cipher: &Cipher, stored: Stored<M>) -> Result<Encrypt<M>, StreamError> {
        match cipher {
            Cipher::None => Ok(Encrypt::Plain(stored)),
            Cipher::GpgPassphrase(passphrase) => Ok(Encrypt::Gpg(Encrypting::start(passphrase, stored)?)),
            Cipher::AgeRecipients(_) | Cipher::AgePassphrase(_) => match age_encrypt(cipher, stored)? {
                Some(writer) => Ok(Encrypt::Age(Box::new(writer))),
                None => Err(StreamError::BadKey("the cipher is not one of age".to_owned())),
            },
        }
    }

    pub(super) fn push(&mut self, bytes: Bytes) -> Result<(), StreamError> {
        match self {
            Encrypt::Plain(stored) => stored.push(bytes).map_err(StreamError::Process),
            Encrypt::Age(writer) => writer.write_all(&bytes).map_err(StreamError::Process),
            Encrypt::Gpg(gpg) => gpg.write(&bytes),
        }
    }

    /// Ends the stream: how much was stored, and its digest.
    pub(super) fn finish(self) -> Result<(u64, M::Digest), StreamError> {
        match self {
            Encrypt::Plain(stored) => stored.finish().map_err(StreamError::Process),
            Encrypt::Age(writer) => writer.finish().and_then(Stored::finish).map_err(StreamError::Process),
            Encrypt::Gpg(gpg) => gpg.finish(),
        }
    }
}
