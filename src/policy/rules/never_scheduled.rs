//! A database that no schedule ever backs up.

use crate::diag::{Diagnostic, codes};
use crate::policy::facts::{scheduled_tiers, written};
use crate::policy::rule::{Rule, Subject};

/// The rule.
pub(super) const RULE: Rule = Rule { code: &codes::NEVER_SCHEDULED, judge };

fn judge(subject: &Subject<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (name, database) in &subject.desired.databases {
        if scheduled_tiers(subject, database).next().is_some() {
            continue;
        }
        let detail = if database.tiers.is_empty() {
            format!("`{name}` has no tier")
        } else {
            format!("every tier of `{name}` is `manual`")
        };
        found.push(
            subject
                .document
                .diagnostic(&codes::NEVER_SCHEDULED, &written(subject.document, name, ["tiers"]), detail)
                .with_why("Backups that someone has to remember stop when that someone is away.")
                .with_hint("Add a tier with a schedule to its `tiers`."),
        );
    }
    found
}
