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
}

impl Scope {
    /// Only these phases.
    pub fn only(phases: &[Phase]) -> Scope {
        Scope { only: phases.to_vec(), ..Scope::default() }
    }

    /// True when nothing of the policy is left out.
    pub fn is_whole(&self) -> bool {
        self.only.is_empty() && self.targets.is_empty()
    }

    /// True when a phase is wanted.
    pub fn has(&self, phase: Phase) -> bool {
        self.only.is_empty() || self.only.contains(&phase)
    }

    fn names(&self, address: &str) -> bool {
        let below = |target: &String| {
            address.strip_prefix(target.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.targets.is_empty() || self.targets.iter().any(below)
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
        let is_place = |address: &str| address.starts_with("storage/") || address.starts_with("access/");
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
