//! Default encryption of a bucket at rest.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Default encryption; absent in AWS means SSE-S3.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Encryption {
    /// With what.
    pub algorithm: Algorithm,
    /// ARN of the KMS key; `None` with KMS: the account's own key for S3.
    pub key: Option<String>,
    /// Whether a bucket key saves calls of KMS.
    pub bucket_key: bool,
    /// Kinds of encryption by the client's key that are refused, such as `SSE-C`. Never ours; carried along.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked: Vec<String>,
}

/// What encrypts, by the names of AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Algorithm {
    /// Keys that S3 holds.
    #[serde(rename = "AES256")]
    Aes256,
    /// A key of KMS.
    #[serde(rename = "aws:kms")]
    Kms,
    /// A key of KMS, twice.
    #[serde(rename = "aws:kms:dsse")]
    KmsDsse,
}
