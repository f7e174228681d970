//! Buckets and identities of AWS: one file a kind of resource, each read into canonical form and written whole.
//!
//! [`read`] fills in what AWS leaves out, so that equal meaning is equal value; a permission that is missing is part of
//! what was found. [`write`] replaces a document and returns once AWS shows it. What is not ours in a document is in
//! what is written, and goes back as it came; what came into it since the plan was made stops the step. Answers that
//! say "not yet" are tried again for two minutes, others are not.

mod access_key;
mod access_log;
mod alarm;
mod answer;
mod at;
mod bucket;
mod bucket_policy;
mod encryption;
mod error;
mod grants;
mod iam_tags;
mod kms;
mod left_buckets;
mod lifecycle;
mod lifecycle_rule;
mod managed_policy;
mod object_lock;
mod oidc_provider;
mod orphans;
mod ownership;
mod patience;
mod public_access;
mod read;
mod replication;
mod role;
mod rule_text;
mod session;
mod simulate;
mod tags;
mod user;
mod versioning;
mod write;

pub use access_key::{NewKey, access_keys, create_key, deactivate_key, delete_key};
pub use alarm::{alarms, delete_alarm, put_ages};
pub use error::AwsError;
pub use left_buckets::{forget_bucket, left_buckets};
pub use managed_policy::{left_policies, remove_policy};
pub use orphans::{forget, orphans};
pub use read::{is_of_bucket, read};
pub use session::AwsSession;
pub use simulate::lacking;
pub use write::write;
