//! WAL is archived for a database that has no physical backup to replay it on.

use crate::catalog::Method;
use crate::diag::{Diagnostic, codes};
use crate::policy::route::Route;
use crate::policy::rule::{Rule, Subject};

/// The rule.
pub(super) const RULE: Rule = Rule { code: &codes::WAL_WITHOUT_BASE, judge };

fn judge(subject: &Subject<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (name, database) in &subject.document.model.databases {
        if database.wal.is_none() {
            continue;
        }
        let tiers = subject.desired.databases.get(name).map(|spec| spec.tiers.as_slice()).unwrap_or_default();
        let mut methods = tiers.iter().filter_map(|tier| Some(subject.desired.tiers.get(tier)?.method));
        if methods.any(|method| method == Method::Physical) {
            continue;
        }
        found.push(
            subject
                .document
                .diagnostic(
                    &codes::WAL_WITHOUT_BASE,
                    &Route::of(["databases", name, "wal"]),
                    format!("no tier of `{name}` has `method: physical`"),
                )
                .with_why("WAL can be replayed only on a base backup; beside a dump it recovers nothing.")
                .with_hint("Add a tier with `method: physical` to the database, or remove `wal`."),
        );
    }
    found
}
