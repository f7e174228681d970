//! A restore drill that asks nothing of the restored database.

use crate::diag::{Diagnostic, codes};
use crate::policy::model::Drill;
use crate::policy::route::Route;
use crate::policy::rule::{Rule, Subject};

/// The rule.
pub(super) const RULE: Rule = Rule { code: &codes::DRILL_WITHOUT_CHECKS, judge };

fn judge(subject: &Subject<'_>) -> Vec<Diagnostic> {
    let model = &subject.document.model;
    let own = model.databases.iter().map(|(name, d)| (Route::of(["databases", name, "drill"]), d.drill.as_ref()));
    let shared = model.defaults.iter().map(|defaults| (Route::of(["defaults", "drill"]), defaults.drill.as_ref()));
    let empty = |drill: &Drill| drill.checks.as_ref().is_none_or(Vec::is_empty);
    own.chain(shared)
        .filter(|(_, drill)| drill.is_some_and(empty))
        .map(|(route, _)| {
            subject
                .document
                .diagnostic(&codes::DRILL_WITHOUT_CHECKS, &route, "it passes whatever the restored database holds")
                .with_why("An empty database restores without an error too; only a question about rows proves that data is back.")
                .with_hint("Add `checks`, such as `{ sql: \"SELECT count(*) FROM orders\", expect: \"> 0\" }`.")
        })
        .collect()
}
