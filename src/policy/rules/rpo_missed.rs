//! The schedules of a database leave longer gaps than its recovery point objective allows.

use crate::base::Period;
use crate::catalog::Method;
use crate::diag::{Diagnostic, codes};
use crate::policy::facts::{listed, longest_gap, scheduled_tiers, written};
use crate::policy::model::{Wal, WalMode};
use crate::policy::route::Route;
use crate::policy::rule::{Rule, Subject};
use crate::schedule::Schedule;
use std::collections::BTreeMap;

/// The rule.
pub(super) const RULE: Rule = Rule { code: &codes::RPO_MISSED, judge };

fn judge(subject: &Subject<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    // Many databases share their tiers; each set of schedules is walked once.
    let mut gaps: BTreeMap<Vec<&str>, Option<Period>> = BTreeMap::new();
    for (name, database) in &subject.desired.databases {
        let Some(rpo) = database.objectives.rpo else { continue };
        let route = written(subject.document, name, ["objectives", "rpo"]);
        let tiers: Vec<_> = scheduled_tiers(subject, database).collect();
        let has_base = tiers.iter().any(|(_, tier)| tier.method == Method::Physical);
        let wal = subject.document.model.databases.get(name).and_then(|database| database.wal.as_ref());
        if let (true, Some(wal)) = (has_base, wal) {
            found.extend(slow_archive(subject, name, &route, rpo, wal));
            continue;
        }
        let mut texts: Vec<&str> = tiers.iter().map(|(_, tier)| tier.schedule.text()).collect();
        texts.sort_unstable();
        texts.dedup();
        let schedules: Vec<&Schedule> = tiers.iter().map(|(_, tier)| &tier.schedule).collect();
        let gap = *gaps.entry(texts).or_insert_with(|| longest_gap(&schedules, subject.now));
        let Some(gap) = gap.filter(|gap| *gap > rpo) else { continue };
        let names = listed(tiers.iter().map(|(name, _)| *name));
        let detail = format!("`{name}` may lose {rpo}, and backups ({names}) are up to {} apart", gap.human());
        found.push(
            subject
                .document
                .diagnostic(&codes::RPO_MISSED, &route, detail)
                .with_why("A failure just before the next backup loses everything since the last one.")
                .with_hint(format!(
                    "Schedule a tier at least every {rpo}, archive WAL beside a physical tier, or promise {gap}."
                )),
        );
    }
    found
}

fn slow_archive(subject: &Subject<'_>, name: &str, rpo: &Route, limit: Period, wal: &Wal) -> Option<Diagnostic> {
    let timeout = *wal.archive_timeout.as_ref()?.value();
    if wal.mode == WalMode::Stream || timeout <= limit {
        return None;
    }
    let route = Route::of(["databases", name, "wal", "archive_timeout"]);
    let detail = format!("`{name}` may lose {limit}, and a change waits up to {timeout} in an unfinished WAL segment");
    Some(
        subject
            .document
            .diagnostic(&codes::RPO_MISSED, &route, detail)
            .with_label(subject.document.place_of(rpo), "the objective")
            .with_why("On a quiet server a segment is archived only when this time is over.")
            .with_hint(format!("Set `archive_timeout` to {limit} or less.")),
    )
}
