//! `storage.<name>.manage`: what `apply` owns on a place.

use super::written::{Mode, Name, Written};
use crate::base::{Period, Template};
use crate::resource::LockMode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What `apply` owns of a folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ManageFolder {
    /// Whether `apply` creates the folder; true unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create: Option<bool>,
    /// Mode of the folder and of those inside; files get it without the x bits. `"0700"` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Written<Mode>>,
    /// Owner of the folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Group of the folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
}

/// What `apply` owns on a bucket; what is left out is not touched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ManageBucket {
    /// Whether `apply` creates the bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create: Option<bool>,
    /// Whether every version of an object is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub versioning: Option<bool>,
    /// Default encryption at rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<BucketEncryption>,
    /// Whether the bucket can be made public.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_access: Option<PublicAccess>,
    /// Which transport the bucket policy allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transport: Option<Transport>,
    /// Whether files of backups may be overwritten.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overwrite: Option<Overwrite>,
    /// Default retention of every object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_lock: Option<ObjectLock>,
    /// Remove the parts of uploads that were never finished after this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abort_incomplete_uploads: Option<Written<Period>>,
    /// Remove overwritten and deleted versions after this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noncurrent_versions: Option<Written<Period>>,
    /// Another storage that the bucket replicates to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicate_to: Option<Written<Name>>,
    /// Where the bucket's access log goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_logs: Option<AccessLogs>,
    /// Tags of the bucket, by key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<BTreeMap<String, String>>,
}

/// Default encryption at rest: `sse-s3`, or a key of KMS.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum BucketEncryption {
    /// Keys that S3 holds.
    Plain(PlainBucketEncryption),
    /// Keys of S3 or KMS, with their settings.
    Detailed(DetailedBucketEncryption),
}

/// Encryption at rest that needs no settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PlainBucketEncryption {
    /// Keys that S3 holds.
    #[serde(rename = "sse-s3")]
    SseS3,
}

/// Encryption at rest with settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
pub enum DetailedBucketEncryption {
    /// Keys that S3 holds.
    #[serde(rename = "sse-s3")]
    SseS3(SseS3),
    /// A key of KMS.
    #[serde(rename = "sse-kms")]
    SseKms(SseKms),
}

/// Keys that S3 holds; nothing to set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SseS3 {}

/// A key of KMS.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SseKms {
    /// Alias, id or ARN of the key; the account's S3 key unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Written<Template>>,
    /// Whether a bucket key saves calls of KMS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket_key: Option<bool>,
    /// Whether `apply` makes the key where its alias names none. A key costs money every month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create: Option<bool>,
}

/// Whether a bucket can be made public.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PublicAccess {
    /// All four blocks of public access are on.
    Blocked,
}

/// Which transport a bucket policy allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// Plain HTTP is denied.
    TlsOnly,
}

/// Whether files of backups may be overwritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Overwrite {
    /// The bucket policy refuses to write a file of a backup where one is already.
    Denied,
}

/// Retention that object lock enforces.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ObjectLock {
    /// Who may shorten it.
    pub mode: LockMode,
    /// How long an object cannot be deleted.
    pub retain: Written<Period>,
}

/// Where a bucket's access log goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessLogs {
    /// The bucket that receives the log.
    pub bucket: Written<Template>,
    /// Start of the log's keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<Written<Template>>,
}
