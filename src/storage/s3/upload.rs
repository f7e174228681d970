//! A large object in the making: parts are sent while the next ones are filled.
//!
//! One part is filled outside of the budget; a part under way has its share of it and needs nothing more to come to its
//! end, so uploads never wait for each other in a circle. What fits into one part is written in one call, and leaves
//! nothing when it is given up. Of content that is known, what arrived at an earlier attempt is not sent again, and what
//! arrived of this one is kept when it stops.

use super::arrived::{self, Arrived, Before};
use super::budget::Share;
use super::parts::{MOST_PARTS, PartSizes};
use super::stamp::{STAMP, stamp, stamp_of};
use super::store::{S3Store, etag};
use super::trouble::{Call, Trouble};
use super::write::{class, is_refused_for_placement, lock, look_first, ours, write};
use super::{delete, list, protection, retry};
use crate::base::Sha256;
use crate::resource::StorageClass;
use crate::storage::{Condition, ObjectMeta, ObjectStore, Placement, StorageError, Upload};
use async_trait::async_trait;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart};
use bytes::{Bytes, BytesMut};
use tokio::task::JoinSet;

/// Parts of one upload under way at once; more are no faster.
const UNDER_WAY: usize = 4;

/// A large object in the making.
pub(super) struct S3Upload {
    store: S3Store,
    key: String,
    placement: Placement,
    stamp: String,
    sizes: PartSizes,
    /// Id of the upload; `None` while everything fits into one part.
    id: Option<String>,
    filling: BytesMut,
    n_sent: u32,
    written: u64,
    under_way: JoinSet<Result<CompletedPart, StorageError>>,
    done: Vec<CompletedPart>,
    /// What an earlier attempt brought, when this one goes on from it.
    arrived: Option<Arrived>,
    /// True when a later attempt can go on from this one.
    is_known: bool,
}

impl S3Upload {
    pub(super) fn new(store: S3Store, key: &str, placement: &Placement) -> S3Upload {
        let sizes = PartSizes::of(placement.expected.unwrap_or(0));
        S3Upload {
            sizes: store.first_part().map_or(sizes, |first| sizes.beginning_with(first)),
            store,
            key: key.to_owned(),
            placement: *placement,
            stamp: stamp(),
            id: None,
            filling: BytesMut::new(),
            n_sent: 0,
            written: 0,
            under_way: JoinSet::new(),
            done: Vec::new(),
            arrived: None,
            is_known: false,
        }
    }

    /// An upload of content that is known, which goes on from an earlier one of the same key where there is one. What fits
    /// into one part is begun anew.
    pub(super) async fn of_known(
        store: S3Store,
        key: &str,
        placement: &Placement,
        digest: &Sha256,
    ) -> Result<S3Upload, StorageError> {
        let mut upload = S3Upload::new(store, key, placement);
        upload.stamp = stamp_of(digest);
        if placement.expected.is_none_or(|bytes| bytes <= upload.sizes.size(1)) {
            return Ok(upload);
        }
        match arrived::find(&upload.store, key, placement).await? {
            Before::Unseen => {}
            Before::Nothing => upload.is_known = true,
            Before::Open(arrived) => {
                upload.is_known = true;
                upload.id = Some(arrived.id.clone());
                upload.arrived = Some(arrived);
            }
        }
        Ok(upload)
    }

    fn call(&self) -> Call<'_> {
        Call { operation: "write", permission: "s3:PutObject", key: &self.key }
    }

    /// Bytes of the part that is being filled.
    fn goal(&self) -> usize {
        usize::try_from(self.sizes.size(self.n_sent + 1)).unwrap_or(usize::MAX)
    }

    async fn begin(&self) -> Result<String, StorageError> {
        let mut attempt = 1;
        loop {
            let request = self.store.client().await.create_multipart_upload();
            let (mode, until) = lock(&self.store, &self.placement);
            let algorithm = self.store.checksum();
            let whole = (algorithm == ChecksumAlgorithm::Crc64Nvme).then_some(ChecksumType::FullObject);
            let request = request
                .bucket(self.store.bucket())
                .key(self.store.full(&self.key))
                .checksum_algorithm(algorithm)
                .set_checksum_type(whole)
                .metadata(STAMP, &self.stamp)
                .set_storage_class(class(&self.store, &self.placement))
                .set_object_lock_mode(mode)
                .set_object_lock_retain_until_date(until)
                .set_expected_bucket_owner(self.store.owner().await);
            let trouble = match request.send().await {
                Ok(begun) => return Ok(begun.upload_id().unwrap_or_default().to_owned()),
                Err(error) => Trouble::of(&error),
            };
            if is_refused_for_placement(&self.store, &self.placement, &trouble) {
                continue;
            }
            if trouble.is_conflict() && attempt < retry::ATTEMPTS {
                retry::pause(attempt).await;
                attempt += 1;
                continue;
            }
            return Err(self.store.error(self.call(), trouble));
        }
    }

    /// Sends the part that was filled.
    async fn send(&mut self, bytes: Bytes) -> Result<(), StorageError> {
        if self.n_sent == MOST_PARTS {
            return Err(self.failed("S3 takes no object as large as this one is by now".to_owned()));
        }
        let id = match &self.id {
            Some(id) => id.clone(),
            None => self.id.insert(self.begin().await?).clone(),
        };
        if let Some(part) = self.arrived.as_ref().and_then(|arrived| arrived.part(self.n_sent + 1, &bytes)) {
            self.n_sent += 1;
            self.done.push(part);
            return Ok(());
        }
        while self.under_way.len() >= UNDER_WAY {
            self.take_one().await?;
        }
        let share = self.store.budget().take(bytes.len() as u64).await;
        self.n_sent += 1;
        let part = Part { store: self.store.clone(), key: self.key.clone(), id, number: self.n_sent, bytes, share };
        self.under_way.spawn(part.send());
        // Failures are told as soon as they are known.
        while let Some(ended) = self.under_way.try_join_next() {
            self.done.push(settled(ended)?);
        }
        Ok(())
    }

    async fn take_one(&mut self) -> Result<(), StorageError> {
        if let Some(ended) = self.under_way.join_next().await {
            self.done.push(settled(ended)?);
        }
        Ok(())
    }

    fn failed(&self, problem: String) -> StorageError {
        let (location, key) = (self.store.location(), self.key.clone());
        StorageError::Failed { location, operation: "write", key, problem, transient: false }
    }

    /// The object, when it is there because an answer to us was lost.
    async fn known_again(&self) -> Option<ObjectMeta> {
        match self.arrived {
            None => ours(&self.store, &self.key, &self.stamp, self.written).await,
            // Its stamp may be that of the run that began it. Nobody else writes to the key meanwhile.
            Some(_) => list::find(&self.store, &self.key).await.ok()?.filter(|meta| meta.size == self.written),
        }
    }

    async fn give_up(&mut self) -> Result<(), StorageError> {
        self.under_way.shutdown().await;
        match self.id.take() {
            Some(id) => delete::abort(&self.store, &self.key, &id).await,
            None => Ok(()),
        }
    }

    /// Makes what was sent one object, and gives its etag where the server told it.
    async fn join(&mut self, id: &str) -> Result<String, StorageError> {
        if !self.filling.is_empty() {
            let rest = self.filling.split().freeze();
            self.send(rest).await?;
        }
        while !self.under_way.is_empty() {
            self.take_one().await?;
        }
        let absent = Condition::IfAbsent;
        let is_held = self.store.powers().conditions.may_be_there();
        if !is_held {
            look_first(&self.store, &self.key, &absent).await?;
        }
        self.done.sort_by_key(CompletedPart::part_number);
        let parts = CompletedMultipartUpload::builder().set_parts(Some(std::mem::take(&mut self.done))).build();
        let request = self.store.client().await.complete_multipart_upload();
        let request = request
            .bucket(self.store.bucket())
            .key(self.store.full(&self.key))
            .upload_id(id)
            .multipart_upload(parts)
            .set_if_none_match(is_held.then(|| "*".to_owned()))
            .set_expected_bucket_owner(self.store.owner().await);
        let trouble = match request.send().await {
            Ok(joined) => return Ok(etag(joined.e_tag())),
            Err(error) => Trouble::of(&error),
        };
        // The answer to an earlier attempt may have been lost: then the upload is gone and the object is there.
        if let Some(there) = self.known_again().await {
            return Ok(there.etag);
        }
        if trouble.is_precondition() {
            return Err(StorageError::AlreadyExists { location: self.store.location(), key: self.key.clone() });
        }
        Err(self.store.error(self.call(), trouble))
    }

    /// The object as it is now, which must be what was sent.
    async fn check(&self, etag: String) -> Result<ObjectMeta, StorageError> {
        let Some(mut meta) = list::find(&self.store, &self.key).await? else {
            return Err(self.failed("the server said it was written, and it is not there".to_owned()));
        };
        if meta.size != self.written {
            let problem = format!("it has {} bytes there instead of {}", meta.size, self.written);
            return Err(self.failed(problem));
        }
        if !self.store.is_aws() && (self.placement.lock.is_some() || self.placement.class != StorageClass::Standard) {
            self.judge(&meta).await;
        }
        if meta.etag.is_empty() {
            meta.etag = etag;
        }
        Ok(meta)
    }

    /// Whether a server that is not AWS did what was asked beside keeping the bytes.
    async fn judge(&self, meta: &ObjectMeta) {
        let Ok(Some(head)) = self.store.look(&self.key).await else { return };
        if self.placement.class != StorageClass::Standard {
            self.store.powers().classes.judge(meta.class == self.placement.class);
        }
        if self.placement.lock.is_some() {
            self.store.powers().locks.judge(head.object_lock_retain_until_date().is_some());
        }
    }
}

/// What became of a part.
fn settled(
    ended: Result<Result<CompletedPart, StorageError>, tokio::task::JoinError>,
) -> Result<CompletedPart, StorageError> {
    match ended {
        Ok(part) => part,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(error) => Err(StorageError::Failed {
            location: "this process".to_owned(),
            operation: "write",
            key: String::new(),
            problem: error.to_string(),
            transient: false,
        }),
    }
}

/// A part under way.
struct Part {
    store: S3Store,
    key: String,
    id: String,
    number: u32,
    bytes: Bytes,
    share: Option<Share>,
}

impl Part {
    /// Sends it; may be repeated, and is by the SDK.
    async fn send(self) -> Result<CompletedPart, StorageError> {
        let number = i32::try_from(self.number).unwrap_or(i32::MAX);
        let request = self.store.client().await.upload_part().bucket(self.store.bucket());
        let request = request
            .key(self.store.full(&self.key))
            .upload_id(&self.id)
            .part_number(number)
            .checksum_algorithm(self.store.checksum())
            .body(ByteStream::from(self.bytes.clone()))
            .set_expected_bucket_owner(self.store.owner().await)
            .customize();
        let is_encrypted = self.store.is_encrypted_on_the_way().await;
        let request = if is_encrypted { request.disable_payload_signing() } else { request };
        let call = Call { operation: "write", permission: "s3:PutObject", key: &self.key };
        let sent = request.send().await.map_err(|error| self.store.problem(call, &error))?;
        drop(self.share);
        let tag = etag(sent.e_tag());
        Ok(CompletedPart::builder()
            .part_number(number)
            .e_tag(format!("\"{tag}\""))
            .set_checksum_crc32(sent.checksum_crc32().map(ToOwned::to_owned))
            .set_checksum_crc64_nvme(sent.checksum_crc64_nvme().map(ToOwned::to_owned))
            .build())
    }
}

#[async_trait]
impl Upload for S3Upload {
    async fn write(&mut self, mut bytes: Bytes) -> Result<(), StorageError> {
        self.written += bytes.len() as u64;
        while !bytes.is_empty() {
            let goal = self.goal();
            if self.filling.is_empty() && bytes.len() >= goal {
                let part = bytes.split_to(goal);
                self.send(part).await?;
                continue;
            }
            if self.filling.capacity() == 0 {
                self.filling.reserve(goal);
            }
            let taken = bytes.split_to(bytes.len().min(goal - self.filling.len()));
            self.filling.extend_from_slice(&taken);
            if self.filling.len() == goal {
                let part = self.filling.split().freeze();
                self.send(part).await?;
            }
        }
        Ok(())
    }

    async fn complete(mut self: Box<Self>) -> Result<ObjectMeta, StorageError> {
        let written = match self.id.clone() {
            Some(id) => self.join(&id).await,
            None => {
                let bytes = std::mem::take(&mut self.filling).freeze();
                write(&self.store, &self.key, bytes, &Condition::IfAbsent, &self.placement).await.map(|meta| meta.etag)
            }
        };
        match written {
            Ok(etag) => {
                // An upload keeps the lock that it was begun with.
                if let (Some(_), Some(lock)) = (&self.arrived, &self.placement.lock) {
                    protection::extend(&self.store, &self.key, lock).await?;
                }
                self.check(etag).await
            }
            Err(error) if self.is_known && !is_final(&error) => {
                self.under_way.shutdown().await;
                Err(error)
            }
            Err(error) => {
                // What cannot be given up now is named as unfinished by the next plan.
                let _ = self.give_up().await;
                Err(error)
            }
        }
    }

    async fn abort(mut self: Box<Self>) -> Result<(), StorageError> {
        self.give_up().await
    }

    async fn suspend(mut self: Box<Self>) -> Result<(), StorageError> {
        if !self.is_known {
            return self.give_up().await;
        }
        self.under_way.shutdown().await;
        Ok(())
    }
}

/// True for answers to the last call that a later attempt would get again.
fn is_final(error: &StorageError) -> bool {
    matches!(
        error,
        StorageError::AlreadyExists { .. }
            | StorageError::Changed { .. }
            | StorageError::NotFound { .. }
            | StorageError::Failed { transient: false, .. }
    )
}
