//! The newest backup of a database can only be read after a thaw that takes longer than its recovery time objective.

use crate::base::Period;
use crate::diag::{Diagnostic, codes};
use crate::policy::desired::DatabaseSpec;
use crate::policy::facts::{intervals, listed, needs_thaw, scheduled_tiers, written};
use crate::policy::rule::{Rule, Subject};
use std::collections::BTreeMap;

/// The rule.
pub(super) const RULE: Rule = Rule { code: &codes::RTO_MISSED, judge };

fn judge(subject: &Subject<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let intervals = intervals(subject);
    for (name, database) in &subject.desired.databases {
        let Some(rto) = database.objectives.rto else { continue };
        let Some(slowest) = frozen(subject, &intervals, database, rto) else { continue };
        let route = written(subject.document, name, ["objectives", "rto"]);
        let tiers = listed(scheduled_tiers(subject, database).map(|(tier, _)| tier));
        let detail =
            format!("`{name}` must be back in {rto}, and the newest backups of {tiers} thaw for up to {slowest}");
        found.push(
            subject
                .document
                .diagnostic(&codes::RTO_MISSED, &route, detail)
                .with_why("Nothing can be read from an archive class before the thaw is over; the restore starts after it.")
                .with_hint("Keep one copy of the newest backup in a class that answers at once, such as `STANDARD_IA` or `GLACIER_IR`."),
        );
    }
    found
}

/// The shortest thaw of any scheduled tier, when the newest backup of every one has to thaw for longer than `limit`.
pub(super) fn frozen(
    subject: &Subject<'_>,
    intervals: &BTreeMap<&str, Period>,
    database: &DatabaseSpec,
    limit: Period,
) -> Option<Period> {
    let mut shortest: Option<Period> = None;
    for (name, _) in scheduled_tiers(subject, database) {
        let every = intervals.get(name).copied().unwrap_or_default();
        for copy in subject.document.model.tiers.get(name).into_iter().flat_map(|tier| &tier.copies) {
            // The newest backup is up to one interval old before the next one takes its place.
            match needs_thaw(copy, limit).filter(|stay| stay.from < every) {
                Some(stay) => {
                    shortest = Some(shortest.map_or(stay.class.thaw_time(), |s| s.min(stay.class.thaw_time())))
                }
                None => return None,
            }
        }
    }
    shortest
}
