//! What AWS takes for a name: of a bucket, a region, a key, an identity, a tag. Pure: each function says what is wrong
//! with a text, in words that go behind it, and knows nothing of policies.
//!
//! The numbers are those of AWS's own documentation, each named where it stands. What AWS takes is only ever narrowed by
//! rules that it states; what nobody states is let through, and AWS has the last word.

mod arn;
mod bucket_name;
mod identity_name;
mod kms_key;
mod region;
mod tag;

pub use arn::{Arn, boundary_problem, principal_problem, role_problem, service_problem};
pub use bucket_name::{AccountRegional, bucket_name_problem, usable_bucket_name};
pub use identity_name::{LONGEST_ROLE_GRANTS, LONGEST_USER_GRANTS, identity_name_problem};
pub use kms_key::{kms_key_problem, kms_key_region};
pub use region::{REGIONS, is_region_form, region_in};
pub use tag::{MOST_TAGS, tag_problem};
