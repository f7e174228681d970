//! Older backups of a tier have to thaw for longer than a recovery time objective, though the newest ones do not.

use super::rto_missed::frozen;
use crate::base::Period;
use crate::diag::{Diagnostic, codes};
use crate::policy::facts::{intervals, listed, needs_thaw};
use crate::policy::route::Route;
use crate::policy::rule::{Rule, Subject};

/// The rule.
pub(super) const RULE: Rule = Rule { code: &codes::THAW_BEYOND_RTO, judge };

fn judge(subject: &Subject<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let intervals = intervals(subject);
    // Databases whose newest backups thaw too slowly already have the graver finding.
    let databases: Vec<(&str, Period, &[String])> = subject
        .desired
        .databases
        .iter()
        .filter_map(|(name, database)| Some((name.as_str(), database.objectives.rto?, database)))
        .filter(|(_, rto, database)| frozen(subject, &intervals, database, *rto).is_none())
        .map(|(name, rto, database)| (name, rto, database.tiers.as_slice()))
        .collect();
    for (name, tier) in &subject.document.model.tiers {
        let promised: Vec<_> = databases.iter().filter(|(_, _, tiers)| tiers.contains(name)).collect();
        let Some(rto) = promised.iter().map(|(_, rto, _)| *rto).min() else { continue };
        // The copy that stays quick for longest says from which age on a backup is slow.
        let frozen: Option<Vec<_>> = tier
            .copies
            .iter()
            .enumerate()
            .map(|(index, copy)| needs_thaw(copy, rto).map(|stay| (index, stay)))
            .collect();
        let Some((index, stay)) = frozen.and_then(|stays| stays.into_iter().max_by_key(|(_, stay)| stay.from)) else {
            continue;
        };
        let copy = Route::of(["tiers", name, "copies"]).index(index);
        let route = match stay.transition {
            Some(transition) => copy.key("transitions").index(transition).key("to"),
            None => copy.key("storage_class"),
        };
        let older = if stay.from == Period(0) { String::new() } else { format!(" older than {}", stay.from) };
        let detail = format!(
            "backups of `{name}`{older} thaw for up to {}, and {} promises {rto}",
            stay.class.thaw_time(),
            listed(promised.iter().map(|(name, _, _)| *name))
        );
        found.push(
            subject
                .document
                .diagnostic(&codes::THAW_BEYOND_RTO, &route, detail)
                .with_why(
                    "The objective holds for the newest backup; going back further takes the thaw and the restore.",
                )
                .with_hint("Nothing needs doing if that is meant; otherwise use `GLACIER_IR`, which answers at once."),
        );
    }
    found
}
