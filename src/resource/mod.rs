//! Things that exist outside, wanted or found: buckets and their settings, users, roles, keys. How each is written in
//! one canonical form, and how two of them compare.
//!
//! A [`Resource`] is a whole document in canonical form: what AWS leaves out or fills in is made explicit by whoever
//! reads it, so equal meaning is equal value. [`change`] says what must be written so that a thing becomes as wanted;
//! what is not ours is kept by it.

mod access_log;
mod alarm;
mod bucket;
mod bucket_policy;
mod change;
mod class;
mod document;
mod encryption;
mod field;
mod found;
mod identity;
mod key;
mod kind;
mod left_bucket;
mod lifecycle;
mod lock;
mod managed_policy;
mod merge;
mod object_lock;
mod orphan;
mod ours;
mod ownership;
pub mod permissions;
mod public_access;
mod replication;
mod statements;
mod tags;
mod thaw;
pub mod validity;
mod versioning;

pub use access_log::AccessLog;
pub use alarm::{Alarm, BACKUP_AGE, age_dimensions, alarm_name, alarm_prefix};
pub use bucket::{Bucket, BucketPlace};
pub use bucket_policy::BucketPolicy;
pub use change::{Change, change};
pub use class::StorageClass;
pub use document::{canonical_document, parsed_document, same_document};
pub use encryption::{Algorithm, Encryption};
pub use field::{FieldChange, differences, fields};
pub use found::{Caller, Found};
pub use identity::{Grants, OidcProvider, Principal, Role, User};
pub use key::{AccessKey, AccessKeys, KmsKey};
pub use kind::Resource;
pub use left_bucket::LeftBucket;
pub use lifecycle::{Expiration, Filter, Lifecycle, LifecycleRule, Noncurrent, Transition, whole_days};
pub use lock::{LockMode, LockedUntil, Protection, Retain};
pub use managed_policy::{LeftPolicy, MOST_ATTACHED, ManagedPolicy, foreign_statements};
pub use merge::hindrance;
pub use object_lock::{LockPeriod, ObjectLock};
pub use orphan::Orphan;
pub use ours::{
    BACKSTAY, MANAGED_BY, POLICY_TAG, is_marked, is_rule_of, is_statement_of, marks, rule_id, statement_id,
};
pub use ownership::Ownership;
pub use public_access::PublicAccess;
pub use replication::{Replication, ReplicationRule};
pub use tags::Tags;
pub use thaw::{Availability, ThawSpeed, ThawTime};
pub use versioning::Versioning;
