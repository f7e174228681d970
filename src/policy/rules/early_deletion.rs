//! A copy leaves a storage class before the days that the class is billed for at least.

use crate::base::Period;
use crate::diag::{Diagnostic, codes};
use crate::policy::facts::{Stay, is_in_aws, lifetime, plural, stays};
use crate::policy::model::Storage;
use crate::policy::route::Route;
use crate::policy::rule::{Rule, Subject};

/// The rule.
pub(super) const RULE: Rule = Rule { code: &codes::EARLY_DELETION, judge };

fn judge(subject: &Subject<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (name, tier) in &subject.document.model.tiers {
        let copies = subject.desired.tiers.get(name).map(|tier| tier.copies.as_slice()).unwrap_or_default();
        for (index, (copy, spec)) in tier.copies.iter().zip(copies).enumerate() {
            // Other servers with the same API have minimums of their own, or none.
            match subject.document.model.storage.get(copy.to.text()) {
                Some(Storage::S3(bucket)) if is_in_aws(bucket) => {}
                _ => continue,
            }
            let lifetime = lifetime(spec.keep, tier.schedule.value(), subject.now);
            let stays = stays(copy);
            let route = Route::of(["tiers", name, "copies"]).index(index);
            for (number, stay) in stays.iter().enumerate() {
                let next = stays.get(number + 1);
                let Some(end) = next.map(|next| next.from).into_iter().chain(lifetime).min() else { continue };
                found.extend(judge_stay(subject, &route, stay, end, next));
            }
        }
    }
    found
}

fn judge_stay(
    subject: &Subject<'_>,
    copy: &Route,
    stay: &Stay,
    end: Period,
    next: Option<&Stay>,
) -> Option<Diagnostic> {
    let minimum = stay.class.minimum_days();
    // Not even reached, or moved on at once: other rules speak of that.
    let days = end.0.checked_sub(stay.from.0).filter(|seconds| *seconds > 0)? / 86_400;
    let wasted = minimum.checked_sub(days).filter(|wasted| *wasted > 0)?;
    let (class, leaves) = (stay.class.name(), next.map(|next| next.class.name()));
    let route = match stay.transition {
        Some(number) => copy.key("transitions").index(number).key("to"),
        None => copy.key("storage_class"),
    };
    let detail = format!(
        "{class} bills at least {minimum} days and the copy stays for {days}: {} wasted",
        plural(wasted, "day")
    );
    let longer = match leaves {
        Some(next) => format!("Move on to {next} after {} days or later", stay.from.0.div_ceil(86_400) + minimum),
        None => format!("Keep the copy for {} days or longer", stay.from.0.div_ceil(86_400) + minimum),
    };
    Some(
        subject
            .document
            .diagnostic(&codes::EARLY_DELETION, &route, detail)
            .with_why(
                "AWS bills the missing days when an object is deleted or moved before its class's minimum is over.",
            )
            .with_hint(format!("{longer}, or use a class with a shorter minimum.")),
    )
}
