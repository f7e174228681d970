//! What a bucket is to be: where, how to log in, which of its settings are ours.

use crate::base::{Period, Template};
use crate::resource::Retain;
use std::collections::BTreeMap;

/// A bucket that holds backups. Templates may hold references.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Spec {
    /// The bucket's name.
    pub bucket: Template,
    /// Its region; the one of the AWS configuration unless set.
    pub region: Option<Template>,
    /// Start of every key.
    pub prefix: Option<Template>,
    /// URL of a server other than AWS.
    pub endpoint: Option<Template>,
    /// Whether the bucket stands in the path; with an endpoint it does unless said otherwise.
    pub path_style: bool,
    /// How to log in.
    pub credentials: CredentialsSpec,
    /// Who deletes what is not to be kept.
    pub prune: PruneBy,
    /// What `apply` owns on the bucket; `None`: nothing.
    pub manage: Option<ManageSpec>,
}

/// How to log in to AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialsSpec {
    /// As the tools of AWS do: environment, files, web identity, metadata of the machine.
    Chain,
    /// A profile of the AWS configuration files.
    Profile(Template),
    /// An access key.
    Key {
        /// Its id.
        id: Template,
        /// Its secret.
        secret: Template,
    },
    /// A role to assume, by ARN.
    Role(Template),
}

/// Who deletes what is not to be kept from a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PruneBy {
    /// This tool, behind its safety floors.
    Backstay,
    /// S3, by lifecycle rule.
    Lifecycle,
}

/// What `apply` owns on a bucket; what is `None` or false here is not touched.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ManageSpec {
    /// Create the bucket when it does not exist.
    pub create: bool,
    /// Keep every version, or no longer.
    pub versioning: Option<bool>,
    /// Default encryption at rest.
    pub encryption: Option<EncryptionAtRest>,
    /// Block public access.
    pub public_access_blocked: bool,
    /// Deny plain HTTP.
    pub tls_only: bool,
    /// Deny to overwrite files of backups.
    pub overwrite_denied: bool,
    /// Default retention of every object.
    pub object_lock: Option<Retain>,
    /// Remove parts of unfinished uploads after this time.
    pub abort_incomplete_uploads: Option<Period>,
    /// Remove old versions after this time.
    pub noncurrent_versions: Option<Period>,
    /// Storage that the bucket replicates to.
    pub replicate_to: Option<String>,
    /// Bucket and prefix that receive the access log.
    pub access_logs: Option<(Template, Option<Template>)>,
    /// Tags; empty: none are managed.
    pub tags: BTreeMap<String, String>,
}

/// Default encryption at rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EncryptionAtRest {
    /// Keys that S3 holds.
    SseS3,
    /// A key of KMS: alias, id or ARN; the account's own for S3 unless set.
    SseKms {
        /// The key.
        key: Option<Template>,
        /// Save calls of KMS.
        bucket_key: bool,
        /// Make the key where its alias names none.
        create: bool,
    },
}
