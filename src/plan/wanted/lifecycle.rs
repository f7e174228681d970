//! Our lifecycle rules in a bucket: one a tier for the files of its backups, and what cleans up.

use super::shared::Share;
use crate::base::{Period, encode_component};
use crate::catalog::Keep;
use crate::policy::{CopySpec, Desired, PruneBy};
use crate::resource::{Expiration, Filter, Lifecycle, LifecycleRule, Noncurrent, Transition, rule_id, whole_days};

/// Days that the files of a backup outlive its manifest by. S3 counts from when an upload began and to the next
/// midnight, and may take its time: a backup must never be listed whose files are gone.
const FILES_OUTLIVE_MANIFEST: u32 = 2;

/// Our rules in a bucket that these storages lie in.
pub(super) fn lifecycle(desired: &Desired, shares: &[Share<'_>]) -> Lifecycle {
    let mut rules = Vec::new();
    for share in shares {
        for (tier, spec) in &desired.tiers {
            for copy in spec.copies.iter().filter(|copy| copy.to == share.name) {
                rules.extend(of_tier(&desired.name, share, tier, copy));
            }
        }
        rules.extend(cleaning(&desired.name, share));
    }
    rules.sort_by(|a, b| a.id.cmp(&b.id));
    Lifecycle { rules, minimum_object_size: None }
}

/// Moves of a tier's files, and their end where S3 is to prune.
fn of_tier(policy: &str, share: &Share<'_>, tier: &str, copy: &CopySpec) -> Vec<LifecycleRule> {
    let below = format!("{}/{tier}", share.name);
    let prefix = |folder: &str| format!("{}{folder}/{}/", share.place.prefix, encode_component(tier));
    let transitions: Vec<Transition> = copy
        .transitions
        .iter()
        .map(|(after, class)| Transition { days: Some(whole_days(*after)), date: None, class: *class })
        .collect();
    let keep = match copy.keep {
        Keep::For(period) if share.spec.prune == PruneBy::Lifecycle => Some(days(period)),
        // `check` refuses to leave counting to S3.
        _ => None,
    };
    let mut rules = Vec::new();
    if !transitions.is_empty() || keep.is_some() {
        let mut rule = rule(rule_id(policy, "data", &below), prefix("data"));
        rule.transitions = transitions;
        rule.expiration = keep.map(|keep| Expiration::Days(keep.saturating_add(FILES_OUTLIVE_MANIFEST)));
        rules.push(rule);
    }
    if let Some(keep) = keep {
        let mut rule = rule(rule_id(policy, "manifest", &below), prefix("manifest"));
        rule.expiration = Some(Expiration::Days(keep));
        rules.push(rule);
    }
    rules
}

/// What takes away the parts of broken uploads and old versions, below the storage's prefix only: others may use the
/// same bucket.
fn cleaning(policy: &str, share: &Share<'_>) -> Vec<LifecycleRule> {
    let Some(manage) = &share.spec.manage else { return Vec::new() };
    let mut rules = Vec::new();
    if let Some(after) = manage.abort_incomplete_uploads {
        let mut rule = rule(rule_id(policy, "uploads", share.name), share.place.prefix.clone());
        rule.abort_incomplete_days = Some(days(after));
        rules.push(rule);
    }
    if let Some(after) = manage.noncurrent_versions {
        let mut rule = rule(rule_id(policy, "versions", share.name), share.place.prefix.clone());
        rule.noncurrent_expiration = Some(Noncurrent { days: days(after), keep_newest: None, class: None });
        rule.expiration = Some(Expiration::DeleteMarkers);
        rules.push(rule);
    }
    rules
}

/// Days for what S3 takes from one day on.
fn days(period: Period) -> u32 {
    whole_days(period).max(1)
}

fn rule(id: String, prefix: String) -> LifecycleRule {
    LifecycleRule {
        id,
        enabled: true,
        filter: Filter { prefix, ..Filter::default() },
        transitions: Vec::new(),
        expiration: None,
        noncurrent_transitions: Vec::new(),
        noncurrent_expiration: None,
        abort_incomplete_days: None,
    }
}
