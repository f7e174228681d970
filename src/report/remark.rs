//! What code scanning and annotations show: findings of a review and what a plan would do, in one form.

use super::review::{databases, headline};
use crate::base::Size;
use crate::diag::{Code, codes};
use crate::plan::{Action, Deed, Plan, Symbol};
use crate::review::{Finding, Place, PolicyReview, Review};
use std::collections::BTreeMap;

/// One thing to be shown beside a file.
pub(super) struct Remark<'a> {
    pub(super) code: &'static Code,
    /// What is so.
    pub(super) headline: String,
    /// What it was and what it is.
    pub(super) change: Option<(&'a str, &'a str)>,
    /// Databases it is about.
    pub(super) databases: &'a [String],
    /// Why, and what to do.
    pub(super) more: Vec<&'a str>,
    /// Where in a file, when that is known.
    pub(super) place: Option<&'a Place>,
    /// The file.
    pub(super) file: Option<&'a str>,
    /// What it is about within the policy or the plan; may be empty.
    pub(super) path: String,
    /// What makes it the same remark in the next run.
    pub(super) identity: String,
}

/// Remarks, and the command that has all of them.
pub(super) struct Remarks<'a> {
    pub(super) all: Vec<Remark<'a>>,
    pub(super) command: &'static str,
}

impl Remark<'_> {
    /// The databases it is about, so many of them named.
    pub(super) fn databases(&self, most: usize) -> Option<String> {
        (!self.databases.is_empty()).then(|| databases(self.databases, most))
    }
}

/// The findings of a review.
pub(super) fn of_review(review: &Review) -> Remarks<'_> {
    let all =
        review.policies.iter().flat_map(|policy| policy.findings.iter().map(|finding| of_finding(finding, policy)));
    Remarks { all: all.collect(), command: "backstay review --format json" }
}

fn of_finding<'a>(finding: &'a Finding, policy: &'a PolicyReview) -> Remark<'a> {
    let after = |place: &&Place| place.is_after;
    let path = finding.route.to_string();
    Remark {
        code: finding.code,
        headline: headline(finding),
        change: finding.before.as_deref().zip(finding.after.as_deref()),
        databases: &finding.databases,
        more: [&finding.why, &finding.hint].into_iter().flatten().map(String::as_str).collect(),
        // What is gone is shown at what is left above it.
        place: finding.place.as_ref().filter(after).or(finding.near.as_ref()),
        file: policy.head.as_deref().or(policy.base.as_deref()),
        identity: format!("{}\n{path}\n{}\n{}", finding.code.id, finding.detail, finding.databases.join(",")),
        path,
    }
}

/// What stands against plans, what they delete, and what they change outside. A plan knows its policy's file and no
/// line of it.
pub(super) fn of_plans<'a>(plans: &[&'a Plan]) -> Remarks<'a> {
    Remarks { all: plans.iter().flat_map(|plan| of_plan(plan)).collect(), command: "backstay plan --format json" }
}

fn of_plan(plan: &Plan) -> Vec<Remark<'_>> {
    let remark = |code: &'static Code, path: String, headline: String, more: Vec<&'static str>| Remark {
        code,
        identity: format!("{}\n{}\n{path}", code.id, plan.policy.name),
        headline,
        change: None,
        databases: &[],
        more,
        place: None,
        file: Some(plan.policy.file.as_str()),
        path,
    };
    let mut all = Vec::new();
    for guard in &plan.guards {
        let about = [guard.database.as_str(), guard.tier.as_str()].join("/");
        let path = guard.actions.first().cloned().unwrap_or(about);
        all.push(Remark {
            more: vec![&guard.hint],
            ..remark(guard.kind.code(), path, guard.message.clone(), Vec::new())
        });
    }
    for note in plan.notes.iter().filter(|note| note.is_problem) {
        let headline = format!("{}: {}", note.about, note.message);
        all.push(remark(&codes::PLAN_NOT_WHOLE, note.about.clone(), headline, Vec::new()));
    }
    for ((storage, database, tier), (n, bytes)) in deletions(plan) {
        let plural = if n == 1 { "backup" } else { "backups" };
        let headline =
            format!("{n} {plural} of `{database}` in tier `{tier}` would be deleted from `{storage}`, {}", Size(bytes));
        all.push(remark(&codes::PLAN_DELETES, format!("prune/{storage}/{database}/{tier}"), headline, Vec::new()));
    }
    for action in plan.actions.iter().filter(|action| is_outside(action)) {
        let code = if action.loosens { &codes::PLAN_LOOSENS } else { &codes::PLAN_CHANGES };
        let symbol = action.symbol.character();
        let fields: Vec<&str> = action.changes.iter().map(|change| change.field.as_str()).collect();
        let fields = if fields.is_empty() { String::new() } else { format!(" ({})", fields.join(", ")) };
        let headline = format!("{symbol} {}: {}{fields}", action.address, action.reason);
        all.push(remark(code, action.address.clone(), headline, Vec::new()));
    }
    all
}

/// Backups that would go, by storage, database and tier: how many and how large. A remark for each would hide the rest.
fn deletions(plan: &Plan) -> BTreeMap<(&str, &str, &str), (u64, u64)> {
    let mut all: BTreeMap<(&str, &str, &str), (u64, u64)> = BTreeMap::new();
    for action in &plan.actions {
        if let Deed::PruneBackup { storage, database, tier, .. } = &action.deed {
            let sum = all.entry((storage, database, tier)).or_default();
            sum.0 += 1;
            sum.1 = sum.1.saturating_add(action.bytes.unwrap_or(0));
        }
    }
    all
}

/// True for what becomes of places, settings, identities and units.
fn is_outside(action: &Action) -> bool {
    action.phase == crate::plan::Phase::Infra && action.symbol != Symbol::Copy
}
