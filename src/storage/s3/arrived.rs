//! What S3 has of an upload that was cut, and whether it equals what is to be sent.
//!
//! Nothing is remembered on our side: the open uploads of a key and their parts are listed. A part counts when it has the
//! length of the bytes that would be sent under its number and the checksum that S3 verified when it came; a server that
//! lists no checksums gets every part anew, into the same upload.

use super::begun::{self, Presence};
use super::store::{S3Store, etag, size};
use super::trouble::{Call, Trouble};
use super::{delete, write};
use crate::storage::{Placement, StorageError};
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedPart, MultipartUpload, Part, StorageClass};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use crc_fast::{CrcAlgorithm, checksum};
use std::collections::BTreeMap;

/// An open upload, and what arrived of it.
#[derive(Debug)]
pub(super) struct Arrived {
    /// Its id.
    pub(super) id: String,
    algorithm: ChecksumAlgorithm,
    parts: BTreeMap<u32, Known>,
}

/// A part of which everything is known that is needed to compare it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Known {
    size: u64,
    etag: String,
    checksum: String,
}

/// What a look for open uploads found.
#[derive(Debug)]
pub(super) enum Before {
    /// They cannot be listed, so nobody would find one again.
    Unseen,
    /// None to go on with.
    Nothing,
    /// One to go on with.
    Open(Arrived),
}

/// Looks for the open upload of a key that has most of it and was begun as one would be begun now. The other ones of that
/// key are given up.
pub(super) async fn find(store: &S3Store, key: &str, placement: &Placement) -> Result<Before, StorageError> {
    let uploads = match open_uploads(store, key).await {
        Ok(uploads) => uploads,
        Err(trouble) if is_settled(&trouble) => return Ok(Before::Unseen),
        Err(trouble) => {
            let call = Call { operation: "list", permission: "s3:ListBucketMultipartUploads", key };
            return Err(store.error(call, trouble));
        }
    };
    let mut best: Option<Arrived> = None;
    let mut others = Vec::new();
    for upload in uploads {
        let id = upload.upload_id().unwrap_or_default().to_owned();
        let found = if is_alike(store, placement, &upload) { arrived(store, key, &id).await? } else { None };
        match found {
            Some(found) if best.as_ref().is_none_or(|best| best.bytes() < found.bytes()) => {
                others.extend(best.replace(found).map(|worse| worse.id));
            }
            _ => others.push(id),
        }
    }
    for id in others {
        // One that cannot be given up now is named as unfinished by the next plan.
        let _ = delete::abort(store, key, &id).await;
    }
    Ok(best.map_or(Before::Nothing, Before::Open))
}

/// True for refusals that would be the same at another try, answers that are not understood included.
fn is_settled(trouble: &Trouble) -> bool {
    trouble.is_not_implemented() || !trouble.is_ambiguous()
}

/// True when it was begun with the class and the checksum that it would be given now, as far as the server says.
fn is_alike(store: &S3Store, placement: &Placement, upload: &MultipartUpload) -> bool {
    let wanted = write::class(store, placement).unwrap_or(StorageClass::Standard);
    upload.storage_class().is_none_or(|class| *class == wanted)
        && upload.checksum_algorithm().is_none_or(|algorithm| *algorithm == store.checksum())
}

/// Open uploads of exactly this key.
async fn open_uploads(store: &S3Store, key: &str) -> Result<Vec<MultipartUpload>, Trouble> {
    let full = store.full(key);
    let all = begun::uploads(store, &full).await?;
    Ok(all.into_iter().filter(|(of, _)| *of == full).map(|(_, upload)| upload).collect())
}

/// What arrived of an upload; `None` when it is gone by now.
async fn arrived(store: &S3Store, key: &str, id: &str) -> Result<Option<Arrived>, StorageError> {
    let call = Call { operation: "list", permission: "s3:ListMultipartUploadParts", key };
    let algorithm = store.checksum();
    let mut arrived = Arrived { id: id.to_owned(), algorithm: algorithm.clone(), parts: BTreeMap::new() };
    let listed = begun::parts(store, key, id, |part| arrived.parts.extend(known(part, &algorithm))).await;
    match listed {
        Ok(Presence::There) => Ok(Some(arrived)),
        Ok(Presence::Gone) => Ok(None),
        // It can be written to by who may not look into it.
        Err(trouble) if is_settled(&trouble) => Ok(Some(arrived)),
        Err(trouble) => Err(store.error(call, trouble)),
    }
}

fn known(part: &Part, algorithm: &ChecksumAlgorithm) -> Option<(u32, Known)> {
    let checksum = match algorithm {
        ChecksumAlgorithm::Crc64Nvme => part.checksum_crc64_nvme(),
        _ => part.checksum_crc32(),
    };
    let known = Known { size: size(part.size()), etag: etag(part.e_tag()), checksum: checksum?.to_owned() };
    Some((u32::try_from(part.part_number()?).ok()?, known))
}

impl Arrived {
    fn bytes(&self) -> u64 {
        self.parts.values().map(|part| part.size).sum()
    }

    /// The part of this number, when it is known to hold these bytes.
    pub(super) fn part(&self, number: u32, bytes: &[u8]) -> Option<CompletedPart> {
        let part = self.parts.get(&number).filter(|part| part.size == bytes.len() as u64)?;
        if part.checksum != checksum_of(bytes, &self.algorithm) {
            return None;
        }
        let completed = CompletedPart::builder().part_number(i32::try_from(number).ok()?);
        let completed = completed.e_tag(format!("\"{}\"", part.etag));
        let checksum = part.checksum.clone();
        Some(
            match self.algorithm {
                ChecksumAlgorithm::Crc64Nvme => completed.checksum_crc64_nvme(checksum),
                _ => completed.checksum_crc32(checksum),
            }
            .build(),
        )
    }
}

/// The checksum of bytes, as S3 writes it.
fn checksum_of(bytes: &[u8], algorithm: &ChecksumAlgorithm) -> String {
    match algorithm {
        ChecksumAlgorithm::Crc64Nvme => BASE64_STANDARD.encode(checksum(CrcAlgorithm::Crc64Nvme, bytes).to_be_bytes()),
        _ => BASE64_STANDARD.encode(&checksum(CrcAlgorithm::Crc32IsoHdlc, bytes).to_be_bytes()[4..]),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;

    #[test]
    fn a_part_counts_only_with_its_number_length_and_checksum() {
        // Check values of the catalogue of such checksums, for "123456789".
        assert_eq!(checksum_of(b"123456789", &ChecksumAlgorithm::Crc32), "y/Q5Jg==");
        assert_eq!(checksum_of(b"123456789", &ChecksumAlgorithm::Crc64Nvme), "rosUhgp5mIg=");
        let listed = Part::builder().part_number(2).size(9).e_tag("\"abc\"");
        let (number, part) =
            known(&listed.clone().checksum_crc32("y/Q5Jg==").build(), &ChecksumAlgorithm::Crc32).unwrap();
        let arrived =
            Arrived { id: "u".to_owned(), algorithm: ChecksumAlgorithm::Crc32, parts: [(number, part)].into() };
        let kept = arrived.part(2, b"123456789").unwrap();
        assert_eq!((kept.e_tag(), kept.checksum_crc32()), (Some("\"abc\""), Some("y/Q5Jg==")));
        assert!(arrived.part(1, b"123456789").is_none() && arrived.part(2, b"12345678").is_none());
        assert!(arrived.part(2, b"123456780").is_none());
        // Without the checksum that is sent, or with another one, nothing is known.
        assert!(known(&listed.clone().build(), &ChecksumAlgorithm::Crc32).is_none());
        assert!(known(&listed.checksum_crc32("y/Q5Jg==").build(), &ChecksumAlgorithm::Crc64Nvme).is_none());
    }
}
