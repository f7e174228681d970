//! Buckets and identities of AWS: one file a kind of resource, each read into canonical form and written whole.

mod caller;
mod error;

pub use caller::caller;
pub use error::AwsError;
