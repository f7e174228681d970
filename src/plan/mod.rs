//! The only decider: what differs between a policy and the world, what to do about it, in which order, and what that
//! does to recoverability.
//!
//! [`plan`] compares [`Desired`](crate::policy::Desired) with [`Live`] at an instant and never fails. The result is a
//! value: it is shown, saved, hashed, and carried out by `apply`, which decides nothing. [`compare`] says whether a
//! saved plan still holds. [`refused`] says which actions a guard keeps `apply` from.

mod action;
mod alarms;
mod backups;
mod basis;
mod build;
mod cluster_restoration;
mod copies;
mod days;
mod deferred;
mod document;
mod due;
mod effects;
mod foreign_rules;
mod guard;
mod infra;
mod irreversible;
mod keys;
mod left_buckets;
mod left_policies;
mod leftovers;
mod live;
mod notes;
mod orphans;
mod outlook;
mod proofs;
mod proven;
mod provision;
mod prune;
mod questions;
mod restorable;
mod restoration;
mod schema;
mod scope;
mod server_settings;
mod stale;
mod subject;
mod thaw;
mod timetable;
mod title;
mod wal;
mod wal_copies;
mod wal_guard;
mod wanted;

pub use crate::resource::FieldChange;
pub use action::{Action, Deed, Phase, Symbol};
pub use alarms::wanted_alarms;
pub use backups::{Slot, slots};
pub use basis::{Basis, StorageBasis};
pub use build::plan;
pub use cluster_restoration::{ClusterRecovered, ClusterRestoration, ClusterRestored};
pub use copies::wanted_ids;
pub use deferred::Deferral;
pub use document::{FORMAT_VERSION, Note, Plan, PolicyIdentity, SavedPlan};
pub use due::{Due, GRACE, judge};
pub use effects::Effect;
pub use guard::{Approval, Guard, GuardKind, lifted, n_deletions, refused};
pub use live::{Archiver, FolderState, Live, LiveStorage, ReadStorage, Timetable};
pub use outlook::{
    Asked, ClassCost, Cost, EarlyCost, Forecast, ForecastDay, ForecastMove, Identity, InvalidPrices, Needs, Outlook,
    Permission, Prices, Question, Recovery, StorageCost, ThawCost, Turn, ends, least_privilege, month_of, next_due,
    outlook, thaw_cost,
};
pub use proofs::{DueProofs, DueVerification, due_proofs};
pub use questions::{CopyPlace, Questions, questions};
pub use restorable::{MissingWal, Reach, Restorability, RestorableWindow, reach, reach_from};
pub use restoration::{
    OldOne, Restoration, RestoreDeed, RestoreFacts, RestoreOrigin, RestoreStep, RestoreTarget, Restored, Safety,
    TargetKind, restoration,
};
pub use schema::plan_schema;
pub use scope::{Scope, Work};
pub use server_settings::{LiveServer, SERVER_SETTINGS, ServerSetting, push_command};
pub use stale::{Difference, Standing, compare};
pub use subject::{Subject, subjects};
pub use thaw::{AskedThaw, Thaw, ThawEstimate, ThawFile, ThawPlan, ThawStage, TooFast, thaw};
pub use timetable::{FoundFile, each_database, each_receiver, wanted_files};
pub use title::standing;
pub use wal::expendable;
pub use wal_copies::lacking as wal_lacking;
pub use wal_guard::n_wal_deletions;
pub use wanted::{Wanted, grants_name, identity_path, principals, references, wanted};
