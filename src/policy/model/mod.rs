//! The typed model of the policy format: every key, its type and its description. The JSON schema is generated from
//! it, so what stands here is what editors complete and what `validate` accepts.

mod access;
mod alerts;
mod channel;
mod cloudwatch;
mod connection;
mod database;
mod defaults;
mod drill;
mod encryption;
mod manage;
mod metrics;
mod named;
mod root;
mod run;
mod storage;
mod tier;
mod wal;
mod written;

pub use crate::resource::{LockMode, StorageClass};
pub use access::{Access, AccessKey, GithubTrust, Grant, IamRole, IamUser, Trust};
pub use alerts::{AlertEvent, AlertRule, AlertSeverity, Alerts, Thresholds};
pub use channel::{Channel, Email, Healthcheck, MailTls, Pagerduty, Sentry, Slack, Sns, Webhook};
pub use cloudwatch::Cloudwatch;
pub use connection::{Connection, ConnectionParts, Port, SslMode};
pub use database::{Argv, Database, Dump, Exec, Hooks, Match, Objectives, Verify};
pub use defaults::{Defaults, Safety};
pub use drill::{Check, Comparison, Drill, Expectation};
pub use encryption::{Age, Encryption, Gpg};
pub use manage::{
    AccessLogs, BucketEncryption, DetailedBucketEncryption, ManageBucket, ManageFolder, ObjectLock, Overwrite,
    PlainBucketEncryption, PublicAccess, SseKms, SseS3, Transport,
};
pub use metrics::Metrics;
pub use named::Named;
pub use root::{Extends, Policy};
pub use run::{Agent, CronFile, GithubActions, Kubernetes, Nobody, Run, Systemd, Volume};
pub use storage::{Credentials, FilesystemPrune, FilesystemStorage, S3Prune, S3Storage, Storage};
pub use tier::{
    BaseFrom, CompressionChoice, CompressionDetail, CompressionKind, Copy, Incremental, KeepChoice, KeepDetail,
    PruneAfter, Tier, Transition,
};
pub use wal::{Wal, WalMode, WalSpool, WhenFull};
pub use written::{Format, Mode, Name, PolicyName, Written, ZoneName};
