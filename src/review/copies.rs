//! Where the copies of each tier go, and how cold they lie there.

use super::draft::Draft;
use super::pair::Pair;
use crate::base::{Period, quoted};
use crate::diag::codes;
use crate::policy::{CopySpec, Desired, Route, StorageKind, TierSpec};
use crate::resource::StorageClass;
use std::collections::BTreeSet;

pub(super) fn compare(pair: &Pair<'_>, found: &mut Vec<Draft>) {
    for (tier, (before, after, databases)) in pair.shared_tiers() {
        let route = Route::of(["tiers", tier, "copies"]);
        let mut say = |draft: Draft| found.push(draft.of_all(databases.iter().copied()));
        let kept = |old: &CopySpec| after.copies.iter().position(|new| is_at(pair, old, new));
        for (index, old) in before.copies.iter().enumerate() {
            let Some(at) = kept(old) else {
                let detail =
                    format!("{} to {}; what lies there stays", quoted(tier), place(pair.base.desired, &old.to));
                say(Draft::new(&codes::COPY_LOST, detail, route.index(index)));
                continue;
            };
            for draft in classes(tier, old, &after.copies[at], &route.index(at)) {
                say(draft);
            }
        }
        for (index, new) in after.copies.iter().enumerate() {
            if !before.copies.iter().any(|old| is_at(pair, old, new)) {
                let detail = format!("{} to {}", quoted(tier), place(pair.head.desired, &new.to));
                say(Draft::new(&codes::COPY_GAINED, detail, route.index(index)));
            }
        }
        if is_reordered(pair, before, after) {
            let detail = format!("`copies` of {}: restores prefer the first one", quoted(tier));
            say(Draft::new(&codes::SETTING_CHANGED, detail, route).change(order(before), order(after)));
        }
    }
}

/// True when a copy of the policy before goes to the storage of a copy of the policy after.
pub(super) fn is_at(pair: &Pair<'_>, old: &CopySpec, new: &CopySpec) -> bool {
    pair.storages.get(old.to.as_str()).is_some_and(|to| *to == new.to)
}

/// `` `offsite` (bucket `a`) ``.
fn place(desired: &Desired, storage: &str) -> String {
    let kind = desired.storages.get(storage).map(|spec| match &spec.kind {
        StorageKind::Filesystem(folder) => format!(" (folder {})", quoted(folder.path.source())),
        StorageKind::S3(bucket) => format!(" (bucket {})", quoted(bucket.bucket.source())),
    });
    format!("{}{}", quoted(storage), kind.unwrap_or_default())
}

fn is_reordered(pair: &Pair<'_>, before: &TierSpec, after: &TierSpec) -> bool {
    let old: Vec<usize> =
        before.copies.iter().filter_map(|old| after.copies.iter().position(|new| is_at(pair, old, new))).collect();
    !old.is_sorted()
}

fn order(tier: &TierSpec) -> String {
    tier.copies.iter().map(|copy| copy.to.as_str()).collect::<Vec<_>>().join(", ")
}

/// The class in which a copy of this age lies.
pub(super) fn class_at(copy: &CopySpec, age: Period) -> StorageClass {
    let moved = copy.transitions.iter().take_while(|(after, _)| *after <= age);
    moved.last().map_or(copy.class, |(_, class)| *class)
}

/// Whether one copy ever lies colder than the other at the same age, and whether it ever lies warmer.
fn classes(tier: &str, old: &CopySpec, new: &CopySpec, route: &Route) -> Vec<Draft> {
    let turns: BTreeSet<Period> =
        [old, new].into_iter().flat_map(|copy| &copy.transitions).map(|(after, _)| *after).chain([Period(0)]).collect();
    let at = |age: &Period| (class_at(old, *age), class_at(new, *age));
    let is_colder = turns.iter().map(at).any(|(old, new)| old < new);
    let is_warmer = turns.iter().map(at).any(|(old, new)| old > new);
    let detail = format!("{} at {}", quoted(tier), quoted(&new.to));
    let draft = |code| {
        let draft = Draft::new(code, detail.clone(), route.key("transitions")).or(route.key("storage_class"));
        draft.or(route.clone()).change(ladder(old), ladder(new))
    };
    let colder = is_colder.then(|| draft(&codes::CLASS_COLDER));
    colder.into_iter().chain(is_warmer.then(|| draft(&codes::CLASS_WARMER))).collect()
}

/// `STANDARD_IA, GLACIER after 30d (thaws for up to 5h)`.
fn ladder(copy: &CopySpec) -> String {
    let mut steps = vec![said(copy.class)];
    steps.extend(copy.transitions.iter().map(|(after, class)| format!("{} after {after}", said(*class))));
    steps.join(", ")
}

fn said(class: StorageClass) -> String {
    match class.thaw_time() {
        Period(0) => class.to_string(),
        thaw => format!("{class} (thaws for up to {thaw})"),
    }
}
