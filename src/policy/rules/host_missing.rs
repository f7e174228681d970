//! Some databases name the host that does their work and others do not.

use crate::diag::{Diagnostic, codes};
use crate::policy::route::Route;
use crate::policy::rule::{Rule, Subject};

/// The rule.
pub(super) const RULE: Rule = Rule { code: &codes::HOST_MISSING, judge };

fn judge(subject: &Subject<'_>) -> Vec<Diagnostic> {
    let databases = &subject.desired.databases;
    let Some(host) = databases.values().find_map(|database| database.host.as_deref()) else { return Vec::new() };
    let nobodys = databases.iter().filter(|(_, database)| database.host.is_none());
    nobodys
        .map(|(name, _)| {
            subject
                .document
                .diagnostic(&codes::HOST_MISSING, &Route::of(["databases", name]), format!("`{name}` names no host"))
                .with_why("Others do, so each host works with `--only-host`, and none of them includes this database.")
                .with_hint(format!("Add `host: {host}`, or whichever host does its work."))
        })
        .collect()
}
