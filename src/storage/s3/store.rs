//! A bucket, or the keys of it that begin with a prefix, as a store.

use super::budget::Budget;
use super::powers::Powers;
use super::trouble::{Call, Trouble};
use super::upload::S3Upload;
use super::{AwsConnection, delete, download, list, protection, purge, thaw, write};
use crate::base::Sha256;
use crate::resource::{BucketPlace, StorageClass, ThawSpeed};
use crate::storage::key::{is_key, is_prefix};
use crate::storage::{
    Availability, Body, Capabilities, Condition, DeleteOutcome, ObjectMeta, ObjectStore, Placement, Protection,
    StorageError, Upload,
};
use async_trait::async_trait;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::ChecksumAlgorithm;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use bytes::Bytes;
use std::ops::Range;
use std::sync::Arc;

/// Where a store lies, and how.
#[derive(Debug, Clone)]
pub struct S3Place {
    /// Bucket and prefix, references resolved.
    pub place: BucketPlace,
    /// True when the bucket must belong to the account that we call as: every call then says so, and S3 refuses a bucket
    /// of someone else.
    pub is_ours: bool,
}

/// A bucket that holds objects. Clones share everything.
#[derive(Debug, Clone)]
pub struct S3Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    connection: AwsConnection,
    at: S3Place,
    powers: Powers,
    budget: Budget,
    first_part: Option<u64>,
}

impl S3Store {
    /// The store at a place. Nothing is asked before the first call.
    pub fn new(connection: AwsConnection, at: S3Place) -> S3Store {
        let powers = Powers::of(connection.settings().endpoint.is_none());
        S3Store(Arc::new(Inner { connection, at, powers, budget: Budget::of_process(), first_part: None }))
    }

    /// The same store with a budget of its own and first parts of this size, which no server may refuse: for tests.
    #[must_use]
    pub fn with_parts(self, budget: Budget, first_part: u64) -> S3Store {
        let (connection, at) = (self.0.connection.clone(), self.0.at.clone());
        let powers = Powers::of(connection.settings().endpoint.is_none());
        S3Store(Arc::new(Inner { connection, at, powers, budget, first_part: Some(first_part) }))
    }

    pub(super) async fn client(&self) -> &aws_sdk_s3::Client {
        self.0.connection.s3().await
    }

    /// The account that the bucket must belong to, where that is known.
    pub(super) async fn owner(&self) -> Option<String> {
        if !self.0.at.is_ours || !self.is_aws() {
            return None;
        }
        Some(self.0.connection.identity().await?.account.clone())
    }

    /// True unless the policy names another server.
    pub(super) fn is_aws(&self) -> bool {
        self.0.connection.settings().endpoint.is_none()
    }

    pub(super) fn bucket(&self) -> &str {
        &self.0.at.place.bucket
    }

    /// The whole key of an object.
    pub(super) fn full(&self, key: &str) -> String {
        format!("{}{key}", self.0.at.place.prefix)
    }

    /// The key within the store.
    pub(super) fn within<'a>(&self, full: &'a str) -> Option<&'a str> {
        full.strip_prefix(self.0.at.place.prefix.as_str()).filter(|key| !key.is_empty())
    }

    pub(super) fn powers(&self) -> &Powers {
        &self.0.powers
    }

    pub(super) fn budget(&self) -> &Budget {
        &self.0.budget
    }

    pub(super) fn first_part(&self) -> Option<u64> {
        self.0.first_part
    }

    /// The checksum that S3 verifies on what we send. The newer one covers a whole object whatever its parts; servers
    /// other than AWS know the older one.
    pub(super) fn checksum(&self) -> ChecksumAlgorithm {
        if self.is_aws() { ChecksumAlgorithm::Crc64Nvme } else { ChecksumAlgorithm::Crc32 }
    }

    /// True when TLS guards the bytes, so that signing them too would only cost time.
    pub(super) async fn is_encrypted_on_the_way(&self) -> bool {
        let config = self.0.connection.config().await;
        let endpoint = self.0.connection.settings().endpoint.as_deref().or(config.endpoint_url());
        !endpoint.is_some_and(|url| url.starts_with("http://"))
    }

    pub(super) fn problem<E>(&self, call: Call<'_>, error: &SdkError<E, HttpResponse>) -> StorageError
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
    {
        self.error(call, Trouble::of(error))
    }

    pub(super) fn error(&self, call: Call<'_>, trouble: Trouble) -> StorageError {
        trouble.into_error(call, self.location(), self.0.connection.settings().region.clone())
    }

    fn check(&self, operation: &'static str, key: &str, good: bool) -> Result<(), StorageError> {
        if good { Ok(()) } else { Err(StorageError::invalid_key(self.location(), operation, key)) }
    }

    /// Everything that HEAD says of an object; `None` when it is absent.
    pub(super) async fn look(&self, key: &str) -> Result<Option<HeadObjectOutput>, StorageError> {
        let call = Call { operation: "read", permission: "s3:GetObject", key };
        let client = self.client().await;
        let head = client.head_object().bucket(self.bucket()).key(self.full(key));
        let trouble = match head.set_expected_bucket_owner(self.owner().await).send().await {
            Ok(head) => return Ok(Some(head)),
            Err(error) => Trouble::of(&error),
        };
        if trouble.is_absent() {
            return Ok(None);
        }
        if trouble.is_silent() {
            // An answer to HEAD has no body to hold the reason; one to a listing has.
            let listing = client.list_objects_v2().bucket(self.bucket()).prefix(self.full(key)).max_keys(1);
            let listing = listing.set_expected_bucket_owner(self.owner().await).send().await;
            if let Err(error) = listing {
                let why = Trouble::of(&error);
                let permission = if why.code == "AccessDenied" { "s3:ListBucket" } else { call.permission };
                return Err(self.error(Call { permission, ..call }, why));
            }
        }
        Err(self.error(call, trouble))
    }
}

/// What HEAD says, as every store says it.
pub(super) fn meta_of(key: &str, head: &HeadObjectOutput) -> ObjectMeta {
    ObjectMeta {
        key: key.to_owned(),
        size: size(head.content_length()),
        etag: etag(head.e_tag()),
        modified: head.last_modified().map_or(0, aws_sdk_s3::primitives::DateTime::secs),
        class: head.storage_class().map_or(StorageClass::Standard, |class| class_named(class.as_str())),
    }
}

pub(super) fn size(said: Option<i64>) -> u64 {
    u64::try_from(said.unwrap_or(0)).unwrap_or(0)
}

/// An etag without the quotes around it, which listings of some servers leave out.
pub(super) fn etag(said: Option<&str>) -> String {
    said.unwrap_or_default().trim_matches('"').to_owned()
}

/// Classes that we do not know are read at once, as far as anybody can say beforehand.
pub(super) fn class_named(name: &str) -> StorageClass {
    StorageClass::parse(name).unwrap_or_default()
}

#[async_trait]
impl ObjectStore for S3Store {
    async fn put(&self, key: &str, bytes: Bytes, condition: Condition) -> Result<ObjectMeta, StorageError> {
        self.check("write", key, is_key(key))?;
        write::put(self, key, bytes, condition).await
    }

    async fn upload(&self, key: &str, placement: &Placement) -> Result<Box<dyn Upload>, StorageError> {
        self.check("write", key, is_key(key))?;
        Ok(Box::new(S3Upload::new(self.clone(), key, placement)))
    }

    async fn upload_known(
        &self,
        key: &str,
        placement: &Placement,
        digest: &Sha256,
    ) -> Result<Box<dyn Upload>, StorageError> {
        self.check("write", key, is_key(key))?;
        Ok(Box::new(S3Upload::of_known(self.clone(), key, placement, digest).await?))
    }

    async fn get(&self, key: &str, range: Option<Range<u64>>) -> Result<Body, StorageError> {
        self.check("read", key, is_key(key))?;
        download::get(self, key, range).await
    }

    async fn head(&self, key: &str) -> Result<Option<ObjectMeta>, StorageError> {
        self.check("read", key, is_key(key))?;
        Ok(self.look(key).await?.map(|head| meta_of(key, &head)))
    }

    async fn list(&self, prefix: &str) -> Result<Vec<ObjectMeta>, StorageError> {
        self.check("list", prefix, is_prefix(prefix))?;
        list::objects(self, prefix).await
    }

    async fn delete(&self, keys: &[String]) -> Result<Vec<DeleteOutcome>, StorageError> {
        delete::delete(self, keys).await
    }

    async fn delete_if(&self, key: &str, etag: &str) -> Result<(), StorageError> {
        self.check("delete", key, is_key(key))?;
        purge::delete_if_same(self, key, etag).await.map(drop)
    }

    async fn purge(&self, objects: &[ObjectMeta]) -> Result<Vec<DeleteOutcome>, StorageError> {
        purge::purge(self, objects).await
    }

    async fn protection(&self, key: &str) -> Result<Protection, StorageError> {
        self.check("read", key, is_key(key))?;
        protection::protection(self, key).await
    }

    async fn unfinished(&self, prefix: &str) -> Result<Vec<ObjectMeta>, StorageError> {
        self.check("list", prefix, is_prefix(prefix))?;
        list::unfinished(self, prefix).await
    }

    async fn abort_unfinished(&self, upload: &ObjectMeta) -> Result<(), StorageError> {
        self.check("delete", &upload.key, is_key(&upload.key))?;
        delete::abort(self, &upload.key, &upload.etag).await
    }

    async fn availability(&self, key: &str) -> Result<Availability, StorageError> {
        self.check("read", key, is_key(key))?;
        thaw::availability(self, key).await
    }

    async fn thaw(&self, key: &str, days: u32, speed: ThawSpeed) -> Result<(), StorageError> {
        self.check("write", key, is_key(key))?;
        thaw::thaw(self, key, days, speed).await
    }

    async fn space(&self) -> Result<Option<(u64, u64)>, StorageError> {
        Ok(None)
    }

    fn capabilities(&self) -> Capabilities {
        self.powers().capabilities()
    }

    fn newly_lacking(&self) -> Vec<&'static str> {
        self.powers().newly_lacking()
    }

    fn location(&self) -> String {
        let BucketPlace { bucket, prefix, endpoint, .. } = &self.0.at.place;
        let at = endpoint.as_deref().map(|url| format!(" at {}", without_login(url))).unwrap_or_default();
        format!("s3://{bucket}/{prefix}{at}")
    }
}

/// A URL without the user and password that may stand in it.
fn without_login(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = rest.split_once('/').map_or((rest, None), |(authority, path)| (authority, Some(path)));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    match path.filter(|path| !path.is_empty()) {
        Some(path) => format!("{scheme}://{host}/{path}"),
        None => format!("{scheme}://{host}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_holds_no_password() {
        assert_eq!(without_login("https://me:secret@host:9000/"), "https://host:9000");
        assert_eq!(without_login("http://host/s3"), "http://host/s3");
        assert_eq!(without_login("host"), "host");
    }
}
