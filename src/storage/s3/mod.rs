//! AWS S3 and servers that speak like it: how to log in, and the connection that everything of AWS shares.

mod connection;
mod login;

pub use connection::AwsConnection;
pub use login::{AwsSettings, Login};
