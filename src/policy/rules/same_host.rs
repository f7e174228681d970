//! Every copy of a database's scheduled backups lies on the machine that runs the database.

use crate::diag::{Diagnostic, codes};
use crate::policy::facts::{Place, Reach, copy_places, listed, reach, scheduled_tiers};
use crate::policy::route::Route;
use crate::policy::rule::{Rule, Subject};
use indexmap::IndexMap;

/// The rule.
pub(super) const RULE: Rule = Rule { code: &codes::SAME_HOST, judge };

fn judge(subject: &Subject<'_>) -> Vec<Diagnostic> {
    let mut together: IndexMap<&str, Vec<&str>> = IndexMap::new();
    for (name, database) in &subject.desired.databases {
        if reach(database) != Reach::Here {
            continue;
        }
        let held: Vec<(&str, Place)> =
            scheduled_tiers(subject, database).flat_map(|(_, tier)| copy_places(subject, tier)).collect();
        if let Some((storage, _)) = held.first()
            && held.iter().all(|(_, place)| place.is_here())
        {
            together.entry(storage).or_default().push(name);
        }
    }
    together
        .into_iter()
        .map(|(storage, databases)| {
            let detail = format!("{} and every copy of it share this machine", listed(databases));
            subject
                .document
                .diagnostic(&codes::SAME_HOST, &Route::of(["storage", storage]), detail)
                .with_why("What takes the machine (a disk, a fire, ransomware) takes the database and its backups together.")
                .with_hint(
                    "Add a copy to a storage on other hardware; if this path is a mount of another machine, silence the rule here.",
                )
        })
        .collect()
}
