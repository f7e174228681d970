//! Buckets and identities of AWS: one file a kind of resource, each read into canonical form and written whole.

mod caller;
mod error;
mod simulate;

pub use caller::caller;
pub use error::AwsError;
pub use simulate::lacking;
