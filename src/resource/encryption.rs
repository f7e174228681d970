//! Default encryption of a bucket at rest.

use super::Resource;
use super::change::Merged;
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

impl Encryption {
    /// Carries along what the bucket refuses, and compares keys by what they name: an id is the end of an ARN.
    pub(super) fn merge(&self, found: Option<&Encryption>) -> Merged {
        let mut after = self.clone();
        if let Some(found) = found {
            after.blocked.clone_from(&found.blocked);
            if let (Some(wanted), Some(arn)) = (&self.key, &found.key)
                && arn.ends_with(&format!(":key/{}", wanted.trim_start_matches("key/")))
            {
                after.key = Some(arn.clone());
            }
            // It means nothing without KMS, and S3 answers either.
            if self.algorithm != Algorithm::Kms {
                after.bucket_key = found.bucket_key;
            }
        }
        let strength = |encryption: &Encryption| match encryption.algorithm {
            Algorithm::Aes256 => 0,
            Algorithm::Kms => 1,
            Algorithm::KmsDsse => 2,
        };
        let loosens = found.is_some_and(|found| strength(found) > strength(&after));
        let before = found.cloned().map(Resource::Encryption);
        Merged { loosens, ..Merged::whole(before, Resource::Encryption(after)) }
    }
}
