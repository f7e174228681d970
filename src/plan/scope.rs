//! Which part of a plan is wanted: `--only` and `--target`.

use super::{Action, Phase};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What to plan. The default is everything.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Scope {
    /// Phases wanted; empty: all.
    pub only: Vec<Phase>,
    /// Addresses wanted, each with everything below it; empty: all.
    pub targets: Vec<String>,
    /// Users and roles to let go of, by address; always wanted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forget: Vec<String>,
    /// Only what is scheduled work of a tier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work: Option<Work>,
}

/// The scheduled work of a tier: its backups, copies and prunes, and what killed runs left behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Work {
    /// The tier.
    pub tier: String,
    /// Only of this database entry; `None`: of all.
    pub database: Option<String>,
}

impl Work {
    fn holds(&self, address: &str) -> bool {
        let parts: Vec<&str> = address.split('/').collect();
        let (database, tier) = match parts.as_slice() {
            ["backup", database, tier] | ["copy" | "prune", _, database, tier, ..] => (database, tier),
            ["leftover", ..] => return true,
            _ => return false,
        };
        let is_of = |entry: &String| {
            database.strip_prefix(entry.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        *tier == self.tier && self.database.as_ref().is_none_or(is_of)
    }
}

impl Scope {
    /// Only these phases.
    pub fn only(phases: &[Phase]) -> Scope {
        Scope { only: phases.to_vec(), ..Scope::default() }
    }

    /// True when nothing of the policy is left out.
    pub fn is_whole(&self) -> bool {
        self.only.is_empty() && self.targets.is_empty() && self.work.is_none()
    }

    /// True when a phase is wanted.
    pub fn has(&self, phase: Phase) -> bool {
        self.only.is_empty() || self.only.contains(&phase)
    }

    fn names(&self, address: &str) -> bool {
        let below = |target: &String| {
            address.strip_prefix(target.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let is_work = self.work.as_ref().is_none_or(|work| work.holds(address));
        is_work && (self.targets.is_empty() || self.targets.iter().any(below))
    }

    /// True when a step of this phase at this address is wanted.
    pub(super) fn wants(&self, phase: Phase, address: &str) -> bool {
        self.has(phase) && self.names(address)
    }

    /// Keeps the wanted actions and whatever infrastructure they depend on.
    pub(super) fn choose(&self, actions: Vec<Action>) -> Vec<Action> {
        let mut wanted: BTreeSet<String> = actions
            .iter()
            .filter(|action| self.wants(action.phase, &action.address) || self.forget.contains(&action.address))
            .map(|action| action.address.clone())
            .collect();
        let is_place = |address: &str| ["storage/", "access/", "run/"].iter().any(|start| address.starts_with(start));
        // Infrastructure is needed by whatever is written into it, whether asked for or not.
        for action in actions.iter().rev() {
            if wanted.contains(&action.address) {
                let needed = action.depends_on.iter().filter(|address| is_place(address));
                wanted.extend(needed.cloned());
            }
        }
        let mut chosen: Vec<Action> = actions.into_iter().filter(|action| wanted.contains(&action.address)).collect();
        for action in &mut chosen {
            action.depends_on.retain(|address| wanted.contains(address));
        }
        chosen
    }
}
