//! A tier whose backups are deleted after a drill only, and no drill of them.

use crate::diag::{Diagnostic, codes};
use crate::policy::desired::{DatabaseSpec, DrillSpec};
use crate::policy::route::Route;
use crate::policy::rule::{Rule, Subject};
use crate::schedule::Schedule;

/// The rule.
pub(super) const RULE: Rule = Rule { code: &codes::PRUNE_WAITS_IN_VAIN, judge };

fn judge(subject: &Subject<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (name, _) in subject.desired.tiers.iter().filter(|(_, tier)| tier.prune_after.is_some()) {
        let has_tier = |spec: &&DatabaseSpec| spec.tiers.contains(name);
        let databases = subject.desired.databases.iter().filter(|(_, spec)| has_tier(spec));
        let undrilled: Vec<String> = databases
            .filter(|(_, spec)| !spec.drill.as_ref().is_some_and(|drill| is_drilled(drill, name)))
            .map(|(database, _)| format!("`{database}`"))
            .collect();
        if undrilled.is_empty() {
            continue;
        }
        let route = Route::of(["tiers", name, "prune_after"]);
        let detail = format!("no schedule drills the backups that {} has in `{name}`", undrilled.join(", "));
        found.push(
            subject
                .document
                .diagnostic(&codes::PRUNE_WAITS_IN_VAIN, &route, detail)
                .with_why("Expired backups of this tier stay until a newer one of it has passed a drill.")
                .with_hint("Give the database a `drill` with a schedule, and with `tier` set to this tier."),
        );
    }
    found
}

/// True for a drill that comes by itself and may restore the tier.
fn is_drilled(drill: &DrillSpec, tier: &str) -> bool {
    !matches!(drill.schedule, Schedule::Manual) && drill.tier.as_deref().is_none_or(|wanted| wanted == tier)
}
