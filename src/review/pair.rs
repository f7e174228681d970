//! Two policies side by side: which databases and storages of one are which of the other.

use super::recorded::Recorded;
use super::review::Reviewed;
use crate::policy::{DatabaseSpec, Route, S3Spec, StorageKind, TierSpec};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// See the module.
pub(super) struct Pair<'a> {
    pub(super) base: Reviewed<'a>,
    pub(super) head: Reviewed<'a>,
    /// The databases of both, in the order of the policy after.
    pub(super) databases: Vec<Both<'a>>,
    /// Storages of both: the name before, and the name after.
    pub(super) storages: BTreeMap<&'a str, &'a str>,
    /// Values that may be shown to nobody, before and after.
    pub(super) secrets: [BTreeSet<Route>; 2],
    pub(super) recorded: Option<&'a Recorded>,
    pub(super) now: Timestamp,
}

/// A database of both policies.
#[derive(Clone, Copy)]
pub(super) struct Both<'a> {
    pub(super) name_before: &'a str,
    pub(super) name: &'a str,
    pub(super) before: &'a DatabaseSpec,
    pub(super) after: &'a DatabaseSpec,
}

impl<'a> Pair<'a> {
    pub(super) fn of(
        base: Reviewed<'a>,
        head: Reviewed<'a>,
        recorded: Option<&'a Recorded>,
        now: Timestamp,
    ) -> Pair<'a> {
        let secrets = [base, head].map(|side| side.document.secrets().into_iter().collect());
        Pair { base, head, databases: databases(base, head), storages: storages(base, head), secrets, recorded, now }
    }

    /// The tiers that a database has before and after.
    pub(super) fn tiers(&self, both: &Both<'a>) -> impl Iterator<Item = (&'a str, &'a TierSpec, &'a TierSpec)> {
        let (base, head) = (self.base.desired, self.head.desired);
        let of_both = both.after.tiers.iter().filter(|tier| both.before.tiers.contains(tier));
        of_both.filter_map(move |tier| Some((tier.as_str(), base.tiers.get(tier)?, head.tiers.get(tier)?)))
    }

    /// The tiers that any database of both policies has before and after, with the names of those databases.
    pub(super) fn shared_tiers(&self) -> BTreeMap<&'a str, (&'a TierSpec, &'a TierSpec, Vec<&'a str>)> {
        let mut shared = BTreeMap::new();
        for both in &self.databases {
            for (tier, before, after) in self.tiers(both) {
                let entry = shared.entry(tier).or_insert_with(|| (before, after, Vec::new()));
                entry.2.push(both.name);
            }
        }
        shared
    }
}

fn databases<'a>(base: Reviewed<'a>, head: Reviewed<'a>) -> Vec<Both<'a>> {
    let (before, after) = (&base.desired.databases, &head.desired.databases);
    let gone: Vec<_> = before.iter().filter(|(name, _)| !after.contains_key(*name)).collect();
    let come: Vec<_> = after.iter().filter(|(name, _)| !before.contains_key(*name)).collect();
    let is_same = |one: &DatabaseSpec, other: &DatabaseSpec| {
        one.connection == other.connection && one.exec == other.exec && one.matching == other.matching
    };
    let of = |(name, spec): (&'a String, &'a DatabaseSpec)| {
        let (name_before, before) = match before.get_key_value(name) {
            Some(same) => same,
            // Only where it is clear which one it was: one of each with this connection.
            None => {
                let mut was = gone.iter().filter(|(_, gone)| is_same(gone, spec));
                let only = was.next().filter(|_| was.next().is_none())?;
                if come.iter().filter(|(_, come)| is_same(come, spec)).count() > 1 {
                    return None;
                }
                *only
            }
        };
        Some(Both { name_before, name, before, after: spec })
    };
    after.iter().filter_map(of).collect()
}

fn storages<'a>(base: Reviewed<'a>, head: Reviewed<'a>) -> BTreeMap<&'a str, &'a str> {
    let (before, after) = (&base.desired.storages, &head.desired.storages);
    let mut pairs = BTreeMap::new();
    for (name, spec) in before {
        if let Some((same, _)) = after.get_key_value(name) {
            pairs.insert(name.as_str(), same.as_str());
            continue;
        }
        let mut elsewhere =
            after.iter().filter(|(other, o)| !before.contains_key(*other) && lies_with(&o.kind, &spec.kind));
        if let Some((other, _)) = elsewhere.next() {
            pairs.insert(name.as_str(), other.as_str());
        }
    }
    pairs
}

/// True when both name the same place.
pub(super) fn lies_with(one: &StorageKind, other: &StorageKind) -> bool {
    let place = |s: &S3Spec| (s.bucket.clone(), s.region.clone(), s.prefix.clone(), s.endpoint.clone());
    match (one, other) {
        (StorageKind::Filesystem(one), StorageKind::Filesystem(other)) => one.path == other.path,
        (StorageKind::S3(one), StorageKind::S3(other)) => place(one) == place(other),
        _ => false,
    }
}
