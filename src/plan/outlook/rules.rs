//! Lifecycle rules as they fall on one copy: where it moves, when S3 deletes it. The days are those of S3: counted from
//! the last write and rounded up to the next midnight UTC.

use crate::base::encode_component;
use crate::plan::days::{date, day_after};
use crate::resource::{BucketPlace, Expiration, Filter, Lifecycle, LifecycleRule, StorageClass};
use jiff::Timestamp;

/// Objects below this size stay where they are, unless a rule names a size itself.
pub(super) const SMALLEST_THAT_MOVES: u64 = 128 << 10;

/// The rules that fall on the files of a tier's backups of one database.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Rules(Vec<LifecycleRule>);

/// A move on a day.
pub(super) type Move = (Timestamp, StorageClass);

impl Rules {
    /// The rules of a bucket that fall on them. What objects have tags for is not ours. A backup ends with its manifest, also where
    /// its files stay longer.
    pub(super) fn of(lifecycle: &Lifecycle, place: &BucketPlace, tier: &str, database: &str) -> Rules {
        let below = |folder: &str| {
            format!("{}{folder}/{}/{}/", place.prefix, encode_component(tier), encode_component(database))
        };
        let (data, manifests) = (below("data"), below("manifest"));
        let is_used = |rule: &&LifecycleRule| rule.enabled && rule.filter.tags.is_empty();
        let mut rules = Vec::new();
        for rule in lifecycle.rules.iter().filter(is_used) {
            if data.starts_with(&rule.filter.prefix) {
                rules.push(rule.clone());
            } else if manifests.starts_with(&rule.filter.prefix) && rule.filter.larger_than.is_none() {
                let filter = Filter { smaller_than: None, ..rule.filter.clone() };
                rules.push(LifecycleRule { filter, transitions: Vec::new(), ..rule.clone() });
            }
        }
        for rule in &mut rules {
            // Rules that differ in these do the same to a copy.
            rule.id = String::new();
            rule.filter.prefix = String::new();
            rule.abort_incomplete_days = None;
            rule.noncurrent_expiration = None;
            rule.noncurrent_transitions = Vec::new();
            rule.expiration.take_if(|expiration| *expiration == Expiration::DeleteMarkers);
        }
        rules.retain(|rule| !rule.transitions.is_empty() || rule.expiration.is_some());
        Rules(rules)
    }

    /// A single rule: S3 deletes after so many days.
    pub(super) fn expiring(days: u32) -> Rules {
        Rules(vec![LifecycleRule {
            id: String::new(),
            enabled: true,
            filter: Filter::default(),
            transitions: Vec::new(),
            expiration: Some(Expiration::Days(days)),
            noncurrent_transitions: Vec::new(),
            noncurrent_expiration: None,
            abort_incomplete_days: None,
        }])
    }

    /// The moves from `class` of an object of `bytes` written at `written`, in their order, none before `from`. Of
    /// several on one day the coldest counts.
    pub(super) fn moves(&self, written: Timestamp, bytes: u64, class: StorageClass, from: Timestamp) -> Vec<Move> {
        let mut all: Vec<Move> = Vec::new();
        for rule in self.0.iter().filter(|rule| fits(rule, bytes)) {
            let names_size = rule.filter.larger_than.is_some() || rule.filter.smaller_than.is_some();
            if bytes < SMALLEST_THAT_MOVES && !names_size {
                continue;
            }
            for transition in &rule.transitions {
                let day = transition.days.map(|days| day_after(written, days));
                let day = day.or_else(|| date(transition.date.as_deref()?));
                all.extend(day.map(|day| (day.max(from), transition.class)));
            }
        }
        all.sort_by_key(|(day, class)| (*day, std::cmp::Reverse(*class)));
        let mut at = class;
        all.retain(|(_, class)| {
            let goes = at.may_become(*class);
            at = if goes { *class } else { at };
            goes
        });
        all
    }

    /// When S3 deletes an object of `bytes` written at `written`; not before `from`.
    pub(super) fn end(&self, written: Timestamp, bytes: u64, from: Timestamp) -> Option<Timestamp> {
        let ends =
            self.0.iter().filter(|rule| fits(rule, bytes)).filter_map(|rule| match rule.expiration.as_ref()? {
                Expiration::Days(days) => Some(day_after(written, *days)),
                Expiration::Date(day) => date(day),
                Expiration::DeleteMarkers => None,
            });
        ends.min().map(|end| end.max(from))
    }
}

pub(super) fn fits(rule: &LifecycleRule, bytes: u64) -> bool {
    rule.filter.larger_than.is_none_or(|bound| bytes > bound) && rule.filter.smaller_than.is_none_or(|b| bytes < b)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;
    use crate::resource::Transition;
    use StorageClass::{DeepArchive, Glacier, Standard, StandardIa};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn rule(prefix: &str, moves: &[(u32, StorageClass)], expires: Option<u32>) -> LifecycleRule {
        LifecycleRule {
            id: "x".to_owned(),
            enabled: true,
            filter: Filter { prefix: prefix.to_owned(), ..Filter::default() },
            transitions: moves.iter().map(|(d, c)| Transition { days: Some(*d), date: None, class: *c }).collect(),
            expiration: expires.map(Expiration::Days),
            noncurrent_transitions: Vec::new(),
            noncurrent_expiration: None,
            abort_incomplete_days: None,
        }
    }

    fn rules(rules: Vec<LifecycleRule>) -> Rules {
        let place = BucketPlace { prefix: "prod/".to_owned(), ..BucketPlace::default() };
        Rules::of(&Lifecycle { rules, minimum_object_size: None }, &place, "monthly", "app")
    }

    const MIB: u64 = 1 << 20;

    #[test]
    fn only_rules_that_fall_on_the_keys_count() {
        let other = vec![rule("prod/data/daily/", &[], Some(1)), rule("test/", &[], Some(1))];
        assert_eq!(rules(other), Rules::default());
        let mut tagged = rule("", &[], Some(1));
        tagged.filter.tags.insert("a".to_owned(), "b".to_owned());
        let mut off = rule("", &[], Some(1));
        off.enabled = false;
        let mut markers = rule("", &[], None);
        markers.expiration = Some(Expiration::DeleteMarkers);
        assert_eq!(rules(vec![tagged, off, markers]), Rules::default());
        for prefix in ["", "prod/", "prod/data/monthly/", "prod/data/monthly/app/"] {
            let end = rules(vec![rule(prefix, &[], Some(9))]).end(
                at("2027-01-15T10:30:00Z"),
                MIB,
                at("2027-01-01T00:00:00Z"),
            );
            assert_eq!(end, Some(at("2027-01-25T00:00:00Z")), "{prefix}");
        }
    }

    #[test]
    fn a_backup_ends_with_its_manifest() {
        let (written, now) = (at("2027-01-15T10:30:00Z"), at("2027-01-01T00:00:00Z"));
        let two = vec![
            rule("prod/data/monthly/", &[(30, Glacier)], Some(9)),
            rule("prod/manifest/monthly/", &[(1, Glacier)], Some(7)),
        ];
        let both = rules(two);
        assert_eq!(both.end(written, MIB, now), Some(at("2027-01-23T00:00:00Z")));
        assert_eq!(both.moves(written, MIB, Standard, now).len(), 1, "those of its files");
        let mut large = rule("prod/manifest/", &[], Some(1));
        large.filter.larger_than = Some(128 << 10);
        assert_eq!(rules(vec![large]), Rules::default());
    }

    #[test]
    fn moves_follow_the_waterfall_and_never_lie_in_the_past() {
        let rules = rules(vec![
            rule("prod/data/monthly/", &[(30, Glacier), (90, DeepArchive)], Some(365)),
            rule("", &[(0, StandardIa)], None),
        ]);
        let (written, now) = (at("2027-01-01T04:00:00Z"), at("2027-01-01T12:00:00Z"));
        let moves = rules.moves(written, MIB, Standard, now);
        let days: Vec<String> = moves.iter().map(|(day, class)| format!("{} {class}", day.strftime("%m-%d"))).collect();
        assert_eq!(days, ["01-02 STANDARD_IA", "02-01 GLACIER", "04-02 DEEP_ARCHIVE"]);
        assert_eq!(rules.moves(written, MIB, DeepArchive, now), []);
        assert_eq!(rules.moves(written, 1000, Standard, now), [], "small objects stay");
        let late = at("2027-12-01T00:00:00Z");
        assert_eq!(rules.moves(written, MIB, Standard, late), [(late, DeepArchive)]);
        assert_eq!(rules.end(written, MIB, late), Some(at("2028-01-02T00:00:00Z")));
    }
}
