//! A tier asks for incremental backups, and where they go none may refer to another.

use crate::diag::{Diagnostic, codes};
use crate::policy::SelfContained;
use crate::policy::route::Route;
use crate::policy::rule::{Rule, Subject};

/// The rule.
pub(super) const RULE: Rule = Rule { code: &codes::ALWAYS_FULL, judge };

fn judge(subject: &Subject<'_>) -> Vec<Diagnostic> {
    let tiers = subject.desired.tiers.iter().filter(|(_, tier)| tier.full_every.is_some());
    let reasons = tiers.filter_map(|(name, tier)| Some((name, subject.desired.self_contained(tier)?)));
    reasons
        .map(|(name, why)| {
            let (reason, hint) = match &why {
                SelfContained::Cold(_) => (
                    "A backup that must be thawed would wait for others that it refers to, too.",
                    "Give full backups in a cold class a tier of their own, without `incremental`.",
                ),
                SelfContained::Locked(_) => (
                    "What a backup refers to was locked earlier, and its lock ends earlier.",
                    "Remove `incremental`, or lock backups in a tier of their own.",
                ),
                SelfContained::Lifecycle(_) => (
                    "The rules of S3 would delete what younger backups refer to.",
                    "Remove `incremental`, or let this program delete with `prune: backstay`.",
                ),
            };
            let route = Route::of(["tiers", name, "incremental"]);
            let detail = format!("every backup of `{name}` is full: {why}");
            let diagnostic = subject.document.diagnostic(&codes::ALWAYS_FULL, &route, detail);
            diagnostic.with_why(reason).with_hint(hint)
        })
        .collect()
}
