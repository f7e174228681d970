//! The plan itself: a value that can be shown, saved and read back. `schemas/plan.v1.json` describes it.

use super::{Action, Basis, Deferral, Effect, Guard, GuardKind, Outlook, Restorability, Scope};
use crate::base::Sha256;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Version of the plan's JSON. Additions keep it; anything else raises it, and other versions are refused.
pub const FORMAT_VERSION: u32 = 1;

/// What differs between a policy and the world, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// Identity: a digest of policy, places and actions. Equal ids do equal things.
    #[schemars(with = "String")]
    pub id: Sha256,
    /// The policy.
    pub policy: PolicyIdentity,
    /// When it was made.
    #[schemars(with = "String")]
    pub created_at: Timestamp,
    /// Which part was asked for.
    pub scope: Scope,
    /// What to do, in an order that works.
    pub actions: Vec<Action>,
    /// What keeps `apply` from some of the actions.
    pub guards: Vec<Guard>,
    /// What should be known but is not acted on.
    pub notes: Vec<Note>,
    /// What the actions do to recoverability, by database and tier; only where something changes.
    pub effects: Vec<Effect>,
    /// To which moments databases can be restored whose WAL is archived. No part of the plan's identity.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restorable: Vec<Restorability>,
    /// What would be deleted and is locked: planned once its date has come. No part of the plan's identity.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deferred: Vec<Deferral>,
    /// What it does over time, what it costs, which permissions it takes. Explanation only.
    #[serde(default, skip_serializing_if = "Outlook::is_empty")]
    pub outlook: Outlook,
    /// How many objects are as they should be: folders, markers and kept copies.
    pub n_unchanged: u64,
    /// The facts it was made from.
    pub basis: Basis,
}

/// The policy that a plan is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyIdentity {
    /// Its name.
    pub name: String,
    /// Its file, as typed.
    pub file: String,
    /// Digest of its meaning.
    #[schemars(with = "String")]
    pub hash: Sha256,
}

/// Something to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Note {
    /// What it is about: a route in the policy or an address.
    pub about: String,
    /// What is so, as a phrase.
    pub message: String,
    /// True when it keeps the plan from being complete, such as a storage that cannot be read.
    pub is_problem: bool,
}

/// The plans of one run, as `plan --out` writes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SavedPlan {
    /// [`FORMAT_VERSION`].
    pub format_version: u32,
    /// `backstay` and its version.
    pub tool: String,
    /// One plan a policy.
    pub plans: Vec<Plan>,
}

impl Plan {
    /// True when there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty()
    }

    /// True when something kept the plan from being complete.
    pub fn has_problems(&self) -> bool {
        self.notes.iter().any(|note| note.is_problem)
    }

    /// True when it holds an error: something in the world would take what the policy promises, so `apply` protects and
    /// does nothing else.
    pub fn is_refused(&self) -> bool {
        self.guards.iter().any(|guard| guard.kind == GuardKind::ForeignRule)
    }

    /// The identity of these parts: what is done to what; no reason, no age, no byte count. Backups that no action
    /// touches are no part of it, or a plan reviewed in the evening would be another one after the night's backup.
    pub(super) fn identity(hash: &Sha256, basis: &Basis, actions: &[Action], guards: &[Guard]) -> Sha256 {
        let places: Vec<_> = basis.storages.iter().map(|(name, s)| (name, &s.location, &s.folder, &s.marker)).collect();
        let actions: Vec<_> = actions.iter().map(|a| (&a.address, &a.deed, &a.changes, &a.depends_on)).collect();
        let guards: Vec<_> = guards.iter().map(|g| (g.kind, &g.actions)).collect();
        // Our own types have text keys only, so they always serialise.
        Sha256::of(&serde_json::to_vec(&(hash, places, actions, guards)).unwrap_or_default())
    }
}
