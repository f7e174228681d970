//! Whether a bucket can be made public.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The four blocks of public access of a bucket; absent in AWS means all off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[expect(clippy::struct_excessive_bools, reason = "AWS has these four switches")]
pub struct PublicAccess {
    /// New public ACLs are refused.
    pub block_public_acls: bool,
    /// Public ACLs count for nothing.
    pub ignore_public_acls: bool,
    /// New public policies are refused.
    pub block_public_policy: bool,
    /// A public policy lets in only the account.
    pub restrict_public_buckets: bool,
}

impl PublicAccess {
    /// Every block on.
    pub const BLOCKED: PublicAccess = PublicAccess {
        block_public_acls: true,
        ignore_public_acls: true,
        block_public_policy: true,
        restrict_public_buckets: true,
    };
}
