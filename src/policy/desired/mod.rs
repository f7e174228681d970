//! What a policy means, every default filled in: the only thing that planning and all deeds know of a policy.

mod access;
mod alerts;
mod bucket;
mod host;
mod metrics;
mod policy;
mod run;
mod self_contained;

pub use access::{AccessKeySpec, AccessKind, AccessSpec, TrustSpec};
pub use alerts::{AlertRuleSpec, AlertsSpec, ChannelSpec, CloudwatchSpec, EmailSpec, ThresholdsSpec};
pub use bucket::{CredentialsSpec, EncryptionAtRest, ManageSpec, PruneBy, S3Spec};
pub use metrics::MetricsSpec;
pub use policy::{
    CheckSpec, Compression, ConnectionSpec, CopySpec, DatabaseSpec, Desired, DrillSpec, DumpSpec, EncryptionSpec,
    ExplainedValue, FilesystemSpec, HookSpec, MatchSpec, ObjectivesSpec, SafetySpec, StorageKind, StorageSpec,
    TierSpec, Unmanaged, VerifySpec, WalSpec, WalSpoolSpec,
};
pub use run::{AgentSpec, RunSpec};
pub use self_contained::SelfContained;
