//! What the user wrote: text to model, rules, defaults, and what it all means ([`Desired`]).

mod desired;

pub use desired::{
    Compression, ConnectionSpec, CopySpec, DatabaseSpec, Desired, DrillSpec, DumpSpec, EncryptionSpec, ExplainedValue,
    FilesystemSpec, HookSpec, Keep, MatchSpec, ObjectivesSpec, SafetySpec, StorageKind, StorageSpec, TierSpec,
    Unmanaged, VerifySpec,
};
