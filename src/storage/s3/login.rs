//! Where AWS is and how to log in, references resolved.

use crate::base::Secret;

/// How to reach AWS, or a server that speaks like it.
#[derive(Debug, Clone)]
pub struct AwsSettings {
    /// The region; the one of the AWS configuration unless set.
    pub region: Option<String>,
    /// URL of a server other than AWS, for S3 only; the other services follow `AWS_ENDPOINT_URL` and its like.
    pub endpoint: Option<String>,
    /// Whether the bucket stands in the path.
    pub path_style: bool,
    /// How to log in.
    pub login: Login,
}

/// How to log in to AWS.
#[derive(Debug, Clone)]
pub enum Login {
    /// As the tools of AWS do: environment, files, web identity, metadata of the machine.
    Chain,
    /// A profile of the AWS configuration files.
    Profile(String),
    /// An access key.
    Key {
        /// Its id.
        id: String,
        /// Its secret.
        secret: Secret,
    },
    /// A role to assume, by ARN, with what the chain finds.
    Role(String),
}
