//! The one sum of everything that is provisioned.

use super::{
    AccessKeys, AccessLog, Alarm, Bucket, BucketPolicy, Encryption, Grants, KmsKey, Lifecycle, ManagedPolicy,
    ObjectLock, OidcProvider, Ownership, PublicAccess, Replication, Role, Tags, User, Versioning,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One thing outside, whole, in canonical form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Resource {
    /// A bucket.
    Bucket(Bucket),
    /// All four blocks of public access of a bucket.
    PublicAccess(PublicAccess),
    /// Who owns objects of a bucket.
    Ownership(Ownership),
    /// Whether a bucket keeps versions.
    Versioning(Versioning),
    /// Default encryption of a bucket.
    Encryption(Encryption),
    /// Object lock of a bucket and its default retention.
    ObjectLock(ObjectLock),
    /// Tags of a bucket.
    Tags(Tags),
    /// The policy of a bucket.
    BucketPolicy(BucketPolicy),
    /// Lifecycle rules of a bucket.
    Lifecycle(Lifecycle),
    /// Replication of a bucket.
    Replication(Replication),
    /// Where the access log of a bucket goes.
    AccessLog(AccessLog),
    /// A key of KMS with its alias.
    KmsKey(KmsKey),
    /// A provider of OpenID Connect tokens.
    OidcProvider(OidcProvider),
    /// An IAM user.
    User(User),
    /// An IAM role.
    Role(Role),
    /// What a user or role may do: one inline policy.
    Grants(Grants),
    /// A policy that is attached to a user or role, for what is too long to be inside of it.
    ManagedPolicy(ManagedPolicy),
    /// Access keys of a user.
    AccessKeys(AccessKeys),
    /// An alarm of CloudWatch.
    Alarm(Alarm),
}

impl Resource {
    /// The last part of its address, such as `lifecycle`.
    pub fn word(&self) -> &'static str {
        match self {
            Resource::Bucket(_) => "bucket",
            Resource::PublicAccess(_) => "public-access",
            Resource::Ownership(_) => "ownership",
            Resource::Versioning(_) => "versioning",
            Resource::Encryption(_) => "encryption",
            Resource::ObjectLock(_) => "object-lock",
            Resource::Tags(_) => "tags",
            Resource::BucketPolicy(_) => "policy",
            Resource::Lifecycle(_) => "lifecycle",
            Resource::Replication(_) => "replication",
            Resource::AccessLog(_) => "access-log",
            Resource::KmsKey(_) => "kms-key",
            Resource::OidcProvider(_) => "oidc-provider",
            Resource::User(_) => "user",
            Resource::Role(_) => "role",
            Resource::Grants(_) => "grants",
            Resource::ManagedPolicy(_) => "managed-policy",
            Resource::AccessKeys(_) => "access-key",
            Resource::Alarm(_) => "alarm",
        }
    }
}
