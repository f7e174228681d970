//! What can go wrong with a store.

use crate::diag::{Code, Explain, codes};
use crate::resource::StorageClass;
use jiff::Timestamp;

/// A store refused or failed. `operation` and `key` say at what.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StorageError {
    /// No object has this key.
    #[error("`{key}` does not exist in {location}")]
    NotFound {
        /// The store.
        location: String,
        /// The key.
        key: String,
    },
    /// An object has this key already.
    #[error("`{key}` exists already in {location}")]
    AlreadyExists {
        /// The store.
        location: String,
        /// The key.
        key: String,
    },
    /// The object is not the one that was expected.
    #[error("`{key}` in {location} was changed by someone else")]
    Changed {
        /// The store.
        location: String,
        /// The key.
        key: String,
    },
    /// The store is full.
    #[error("{location} has no space left: {operation} `{key}`: {problem}")]
    Full {
        /// The store.
        location: String,
        /// What was tried, such as `write`.
        operation: &'static str,
        /// The key.
        key: String,
        /// What the store said.
        problem: String,
    },
    /// The store does not let us.
    #[error("{location} refuses access: {operation} `{key}`: {problem}")]
    Denied {
        /// The store.
        location: String,
        /// What was tried.
        operation: &'static str,
        /// The key.
        key: String,
        /// What the store said.
        problem: String,
    },
    /// The disk that holds the store is not there.
    #[error("nothing is mounted at `{mount_point}`, so {location} is not the store that the policy means")]
    NotMounted {
        /// The store.
        location: String,
        /// Where something must be mounted.
        mount_point: String,
    },
    /// Object lock keeps the object from being deleted or replaced.
    #[error("`{key}` in {location} is locked{}", until.map(|until| format!(" until {until}")).unwrap_or_default())]
    Locked {
        /// The store.
        location: String,
        /// The key.
        key: String,
        /// Until when, where the store says so.
        until: Option<Timestamp>,
    },
    /// The object lies in a cold class and must be thawed before it can be read.
    #[error("`{key}` in {location} lies in {class} and must be thawed before it can be read")]
    Archived {
        /// The store.
        location: String,
        /// The key.
        key: String,
        /// Its class.
        class: StorageClass,
    },
    /// There is no such bucket.
    #[error("the bucket of {location} does not exist")]
    BucketMissing {
        /// The store.
        location: String,
    },
    /// The bucket is in another region than the one that was asked.
    #[error("the bucket of {location} is in {}, not in {}: {problem}",
        right.as_deref().unwrap_or("another region"), asked.as_deref().unwrap_or("the one of the AWS configuration"))]
    WrongRegion {
        /// The store.
        location: String,
        /// The region that the policy says, if it says one.
        asked: Option<String>,
        /// The region that the server says, if it says one.
        right: Option<String>,
        /// What the server said.
        problem: String,
    },
    /// There are no credentials, or they are not accepted.
    #[error("{location} does not accept the credentials: {problem}")]
    NotLoggedIn {
        /// The store.
        location: String,
        /// What was said.
        problem: String,
    },
    /// This machine's clock and the server's are too far apart.
    #[error("{location} finds this machine's clock wrong: {problem}")]
    ClockSkewed {
        /// The store.
        location: String,
        /// What the server said.
        problem: String,
    },
    /// The caller lacks a permission, or the bucket belongs to someone else.
    #[error("{location} refuses {permission}: {operation} `{key}`: {problem}")]
    Forbidden {
        /// The store.
        location: String,
        /// What was tried.
        operation: &'static str,
        /// The key.
        key: String,
        /// The permission that it takes, such as `s3:PutObject`.
        permission: String,
        /// What the server said.
        problem: String,
    },
    /// Anything else. `transient`: trying again may help.
    #[error("{location}: {operation} `{key}`: {problem}")]
    Failed {
        /// The store.
        location: String,
        /// What was tried.
        operation: &'static str,
        /// The key.
        key: String,
        /// What the store said.
        problem: String,
        /// True when the same call may succeed later.
        transient: bool,
    },
}

impl StorageError {
    /// True when trying again later may help.
    pub fn is_transient(&self) -> bool {
        matches!(self, StorageError::Failed { transient: true, .. })
    }

    /// A key that no store takes.
    pub fn invalid_key(location: String, operation: &'static str, key: &str) -> StorageError {
        let problem = "the key is not allowed: it could name something outside the store".to_owned();
        StorageError::Failed { location, operation, key: key.to_owned(), problem, transient: false }
    }
}

impl Explain for StorageError {
    fn code(&self) -> &'static Code {
        match self {
            StorageError::NotFound { .. } => &codes::OBJECT_MISSING,
            StorageError::AlreadyExists { .. } | StorageError::Changed { .. } => &codes::OBJECT_CHANGED,
            StorageError::Full { .. } => &codes::STORE_FULL,
            StorageError::Denied { .. } | StorageError::Forbidden { .. } => &codes::STORE_DENIED,
            StorageError::BucketMissing { .. } => &codes::BUCKET_MISSING,
            StorageError::WrongRegion { .. } => &codes::BUCKET_ELSEWHERE,
            StorageError::NotLoggedIn { .. } => &codes::AWS_LOGIN_REFUSED,
            StorageError::ClockSkewed { .. } => &codes::CLOCK_SKEWED,
            StorageError::NotMounted { .. } => &codes::STORE_NOT_MOUNTED,
            StorageError::Locked { .. } => &codes::OBJECT_LOCKED,
            StorageError::Archived { .. } => &codes::OBJECT_ARCHIVED,
            StorageError::Failed { .. } => &codes::STORE_FAILED,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            StorageError::NotFound { .. } => {
                Some("Run `backstay verify --deep` to see what else is missing.".to_owned())
            }
            StorageError::AlreadyExists { .. } | StorageError::Changed { .. } => {
                Some("Run the same command again; it starts from what is there now.".to_owned())
            }
            StorageError::Full { .. } => {
                Some("Free space there, or shorten `keep` and run `backstay plan --only prune`.".to_owned())
            }
            StorageError::Denied { .. } => {
                Some("Run backstay as the user who owns the store, or grant it access.".to_owned())
            }
            StorageError::Forbidden { permission, .. } => Some(format!(
                "Allow `{permission}` on the bucket to this caller (`backstay plan` shows whom AWS takes us for), and \
                 look whether the bucket's name is yours."
            )),
            StorageError::BucketMissing { .. } => Some(
                "Let `apply` make it (`manage: { create: true }`), or correct `bucket` in the policy, then run \
                 `backstay plan`."
                    .to_owned(),
            ),
            StorageError::WrongRegion { right: Some(region), .. } => {
                Some(format!("Set `region: {region}` for this storage in the policy."))
            }
            StorageError::WrongRegion { .. } => Some("Set the bucket's `region` in the policy.".to_owned()),
            StorageError::NotLoggedIn { .. } => Some(
                "Log in again or renew the credentials; `aws sts get-caller-identity` shows whether they work."
                    .to_owned(),
            ),
            StorageError::ClockSkewed { .. } => {
                Some("Set the clock: `timedatectl set-ntp true`, then run the same command again.".to_owned())
            }
            StorageError::NotMounted { mount_point, .. } => {
                Some(format!("Mount it with `mount {mount_point}`, then run the same command again."))
            }
            StorageError::Failed { problem, .. } if problem.contains("symbolic link") => {
                Some("Replace the link by what it points to, or move it out of the store.".to_owned())
            }
            StorageError::Locked { .. } => Some("Run `backstay plan` again once the lock has ended.".to_owned()),
            StorageError::Archived { .. } => Some(
                "Run `backstay restore` for that backup; it asks for the thaw and says how long that takes.".to_owned(),
            ),
            StorageError::Failed { problem, .. } if problem.contains("Object Lock Configuration") => Some(
                "Enable object lock on the bucket (`manage: { object_lock: … }`), or take `lock` out of the copy."
                    .to_owned(),
            ),
            StorageError::Failed { transient: true, .. } => Some(
                "See whether it is up and can be reached from here, then run `backstay plan`: it shows what is left to \
                 do."
                    .to_owned(),
            ),
            StorageError::Failed { .. } => None,
        }
    }
}
