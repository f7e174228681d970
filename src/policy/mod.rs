//! What the user wrote: text to model, rules, defaults, and what it all means ([`Desired`]).

mod check;
mod desired;
mod document;
mod facts;
mod find;
mod ignore;
mod lint;
mod load;
mod matching;
pub mod model;
mod remainder;
mod resolve;
mod route;
mod rule;
mod rules;
mod schema;
mod secrets;
mod starter;
mod text;
mod tree;

pub use crate::catalog::Keep;
pub use desired::{
    AccessKeySpec, AccessKind, AccessSpec, AgentSpec, AlertRuleSpec, AlertsSpec, ChannelSpec, CheckSpec,
    CloudwatchSpec, Compression, ConnectionSpec, CopySpec, CredentialsSpec, DatabaseSpec, Desired, DrillSpec, DumpSpec,
    EmailSpec, EncryptionAtRest, EncryptionSpec, ExplainedValue, FilesystemSpec, HookSpec, ManageSpec, MatchSpec,
    MetricsSpec, ObjectivesSpec, PruneBy, RunSpec, S3Spec, SafetySpec, SelfContained, StorageKind, StorageSpec,
    ThresholdsSpec, TierSpec, TrustSpec, Unmanaged, VerifySpec, WalSpec, WalSpoolSpec,
};
pub use document::Document;
pub use facts::longest_gap;
pub use find::FoundDatabase;
pub use ignore::{Silenced, silenced};
pub use lint::{lint, lint_rest};
pub use load::{Loaded, load};
pub use model::{
    AlertEvent, AlertSeverity, BaseFrom, Comparison, Expectation, GithubTrust, Grant, MailTls, Policy, PruneAfter,
    WalMode, WhenFull,
};
pub use resolve::{resolve, wal_hash};
pub use route::{Route, Step};
pub use rule::{Rule, Subject};
pub use rules::RULES;
pub use schema::schema;
pub use starter::{Starter, StarterDatabase, starter};
pub use tree::{Content, Node};
