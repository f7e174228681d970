//! `storage.<name>`: places that hold backups.

use super::manage::{ManageBucket, ManageFolder};
use super::written::Written;
use crate::base::{Share, Template};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A place that holds backups.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "a policy has a handful of storages")]
pub enum Storage {
    /// A folder on this machine.
    Filesystem(FilesystemStorage),
    /// A bucket of AWS S3 or of a compatible server.
    S3(S3Storage),
}

/// A folder on this machine that holds backups.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FilesystemStorage {
    /// The folder, an absolute path.
    pub path: Written<Template>,
    /// A mount point that the folder lies on: nothing is read or written there unless something is mounted at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mounted_at: Option<Written<Template>>,
    /// Refuse to start a backup, and alert, when less than this share of the file system would stay free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_free: Option<Written<Share>>,
    /// Who deletes expired backups; a folder knows only `backstay`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prune: Option<FilesystemPrune>,
    /// What `apply` owns of the folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manage: Option<ManageFolder>,
}

/// Who deletes expired backups from a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FilesystemPrune {
    /// This tool, behind its safety floors.
    Backstay,
}

/// A bucket of AWS S3 or of a compatible server that holds backups.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct S3Storage {
    /// The bucket's name.
    pub bucket: Written<Template>,
    /// The bucket's region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Written<Template>>,
    /// Start of every key, without a leading slash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<Written<Template>>,
    /// URL of a server other than AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Written<Template>>,
    /// Whether the bucket stands in the path instead of the host name, as most compatible servers need.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_style: Option<bool>,
    /// How to log in; the default chain of AWS unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Credentials>,
    /// Who deletes expired backups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prune: Option<S3Prune>,
    /// What `apply` owns on the bucket; what is left out is not touched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manage: Option<ManageBucket>,
}

/// Who deletes expired backups from a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum S3Prune {
    /// This tool, behind its safety floors; the default.
    Backstay,
    /// S3, by lifecycle rule: the writing credentials need no right to delete, and `keep` may only be a duration.
    Lifecycle,
}

/// How to log in to S3: `profile`, or `access_key_id` with `secret_access_key`, or `role`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// A profile of the AWS configuration files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Written<Template>>,
    /// An access key, as a reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<Written<Template>>,
    /// Its secret, as a reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_access_key: Option<Written<Template>>,
    /// ARN of a role to assume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Written<Template>>,
}
