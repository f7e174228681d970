//! One lifecycle rule: as S3 says it, and in canonical form.

use crate::resource::{Expiration, Filter, LifecycleRule, Noncurrent, StorageClass, Transition};
use aws_sdk_s3::error::BuildError;
use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{
    self, ExpirationStatus, LifecycleRuleAndOperator, LifecycleRuleFilter, TransitionStorageClass,
};
use jiff::{Timestamp, tz::TimeZone};

/// A rule in canonical form. `index`: where it stood, for rules without an id.
pub(super) fn canonical(rule: &types::LifecycleRule, index: usize) -> LifecycleRule {
    let id = rule.id.clone().filter(|id| !id.is_empty()).unwrap_or_else(|| format!("(without id {})", index + 1));
    let mut transitions: Vec<Transition> = rule.transitions().iter().filter_map(transition).collect();
    transitions.sort_by_key(|transition| (transition.days, transition.date.clone(), transition.class));
    let mut noncurrent_transitions: Vec<Noncurrent> = rule
        .noncurrent_version_transitions()
        .iter()
        .filter_map(|moved| {
            let class = moved.storage_class.as_ref().and_then(|class| StorageClass::parse(class.as_str()))?;
            Some(Noncurrent {
                days: count(moved.noncurrent_days).unwrap_or(0),
                keep_newest: count(moved.newer_noncurrent_versions),
                class: Some(class),
            })
        })
        .collect();
    noncurrent_transitions.sort_by_key(|moved| (moved.days, moved.class));
    let gone = rule.noncurrent_version_expiration.as_ref();
    LifecycleRule {
        id,
        enabled: rule.status == ExpirationStatus::Enabled,
        filter: filter(rule),
        transitions,
        expiration: rule.expiration.as_ref().and_then(expiration),
        noncurrent_transitions,
        noncurrent_expiration: gone.and_then(|gone| {
            let keep_newest = count(gone.newer_noncurrent_versions);
            Some(Noncurrent { days: count(gone.noncurrent_days)?, keep_newest, class: None })
        }),
        abort_incomplete_days: rule
            .abort_incomplete_multipart_upload
            .as_ref()
            .and_then(|abort| count(abort.days_after_initiation)),
    }
}

fn filter(rule: &types::LifecycleRule) -> Filter {
    #[expect(deprecated, reason = "old rules still have it")]
    let old = rule.prefix.clone();
    let mut filter = Filter { prefix: old.unwrap_or_default(), ..Filter::default() };
    let Some(said) = &rule.filter else { return filter };
    let and = said.and.as_ref();
    let prefix = said.prefix.clone().or_else(|| and.and_then(|and| and.prefix.clone()));
    let bytes = |n: Option<i64>| n.and_then(|n| u64::try_from(n).ok());
    let tags = said.tag.iter().chain(and.map(LifecycleRuleAndOperator::tags).unwrap_or_default());
    filter.prefix = prefix.unwrap_or(filter.prefix);
    filter.tags = tags.map(|tag| (tag.key.clone(), tag.value.clone())).collect();
    filter.larger_than =
        bytes(said.object_size_greater_than.or_else(|| and.and_then(|and| and.object_size_greater_than)));
    filter.smaller_than = bytes(said.object_size_less_than.or_else(|| and.and_then(|and| and.object_size_less_than)));
    filter
}

fn transition(said: &types::Transition) -> Option<Transition> {
    let class = said.storage_class.as_ref().and_then(|class| StorageClass::parse(class.as_str()))?;
    let date = said.date.as_ref().and_then(day);
    Some(Transition { days: count(said.days).filter(|_| date.is_none()), date, class })
}

/// An expiration that says nothing is none.
fn expiration(said: &types::LifecycleExpiration) -> Option<Expiration> {
    if let Some(date) = said.date.as_ref().and_then(day) {
        return Some(Expiration::Date(date));
    }
    if let Some(days) = count(said.days).filter(|days| *days > 0) {
        return Some(Expiration::Days(days));
    }
    (said.expired_object_delete_marker == Some(true)).then_some(Expiration::DeleteMarkers)
}

fn count(n: Option<i32>) -> Option<u32> {
    n.and_then(|n| u32::try_from(n).ok())
}

/// The day in UTC on which a moment falls.
fn day(moment: &DateTime) -> Option<String> {
    let moment = Timestamp::from_second(moment.secs()).ok()?;
    Some(moment.to_zoned(TimeZone::UTC).date().to_string())
}

fn moment(day: &str) -> Option<DateTime> {
    let date: jiff::civil::Date = day.parse().ok()?;
    Some(DateTime::from_secs(date.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second()))
}

/// A rule as S3 takes it.
pub(super) fn typed(rule: &LifecycleRule) -> Result<types::LifecycleRule, BuildError> {
    let number = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
    let class = |class: StorageClass| TransitionStorageClass::from(class.name());
    let transitions: Vec<types::Transition> = rule
        .transitions
        .iter()
        .map(|to| {
            let date = to.date.as_deref().and_then(moment);
            let said = types::Transition::builder().set_days(to.days.map(number)).set_date(date);
            said.storage_class(class(to.class)).build()
        })
        .collect();
    let noncurrent: Vec<types::NoncurrentVersionTransition> = rule
        .noncurrent_transitions
        .iter()
        .map(|to| {
            types::NoncurrentVersionTransition::builder()
                .noncurrent_days(number(to.days))
                .set_newer_noncurrent_versions(to.keep_newest.map(number))
                .set_storage_class(to.class.map(class))
                .build()
        })
        .collect();
    let expiration = rule.expiration.as_ref().map(|when| {
        let said = types::LifecycleExpiration::builder();
        match when {
            Expiration::Days(days) => said.days(number(*days)),
            Expiration::Date(date) => said.set_date(moment(date)),
            Expiration::DeleteMarkers => said.expired_object_delete_marker(true),
        }
        .build()
    });
    let gone = rule.noncurrent_expiration.map(|gone| {
        types::NoncurrentVersionExpiration::builder()
            .noncurrent_days(number(gone.days))
            .set_newer_noncurrent_versions(gone.keep_newest.map(number))
            .build()
    });
    let abort = rule
        .abort_incomplete_days
        .map(|days| types::AbortIncompleteMultipartUpload::builder().days_after_initiation(number(days)).build());
    types::LifecycleRule::builder()
        .id(&rule.id)
        .status(if rule.enabled { ExpirationStatus::Enabled } else { ExpirationStatus::Disabled })
        .filter(typed_filter(&rule.filter)?)
        .set_transitions((!transitions.is_empty()).then_some(transitions))
        .set_expiration(expiration)
        .set_noncurrent_version_transitions((!noncurrent.is_empty()).then_some(noncurrent))
        .set_noncurrent_version_expiration(gone)
        .set_abort_incomplete_multipart_upload(abort)
        .build()
}

/// One condition stands alone, several stand in `And`, none is an empty prefix.
fn typed_filter(filter: &Filter) -> Result<LifecycleRuleFilter, BuildError> {
    let bytes = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let tags: Result<Vec<types::Tag>, BuildError> =
        filter.tags.iter().map(|(key, value)| types::Tag::builder().key(key).value(value).build()).collect();
    let mut tags = tags?;
    let prefix = Some(filter.prefix.clone()).filter(|prefix| !prefix.is_empty());
    let (larger, smaller) = (filter.larger_than.map(bytes), filter.smaller_than.map(bytes));
    let n = usize::from(prefix.is_some()) + usize::from(larger.is_some()) + usize::from(smaller.is_some()) + tags.len();
    let said = LifecycleRuleFilter::builder();
    Ok(match n {
        0 => said.prefix("").build(),
        1 => said
            .set_prefix(prefix)
            .set_tag(tags.pop())
            .set_object_size_greater_than(larger)
            .set_object_size_less_than(smaller)
            .build(),
        _ => {
            let all = LifecycleRuleAndOperator::builder()
                .set_prefix(prefix)
                .set_tags((!tags.is_empty()).then_some(tags))
                .set_object_size_greater_than(larger)
                .set_object_size_less_than(smaller);
            said.and(all.build()).build()
        }
    })
}

/// A rule of the oldest form, with its prefix beside the filter, in the newer form; `None` for all others.
pub(super) fn in_newer_form(rule: &types::LifecycleRule) -> Option<types::LifecycleRule> {
    #[expect(deprecated, reason = "old rules still have it")]
    let prefix = rule.prefix.clone()?;
    if rule.filter.is_some() {
        return None;
    }
    let mut new = rule.clone();
    #[expect(deprecated, reason = "old rules still have it")]
    {
        new.prefix = None;
    }
    new.filter = Some(LifecycleRuleFilter::builder().prefix(prefix).build());
    Some(new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn rules() -> impl Strategy<Value = LifecycleRule> {
        let class = || proptest::sample::select(StorageClass::ALL[1..].to_vec());
        let tags = proptest::collection::btree_map("[a-z]{1,4}", "[a-z]{0,4}", 0..3);
        let filter = ("[a-z/]{0,6}", tags, proptest::option::of(0..9_u64), proptest::option::of(9..99_u64));
        let filter = filter.prop_map(|(prefix, tags, larger_than, smaller_than)| Filter {
            prefix,
            tags: BTreeMap::from_iter(tags),
            larger_than,
            smaller_than,
        });
        let expiration = proptest::option::of(prop_oneof![
            (1..9999_u32).prop_map(Expiration::Days),
            Just(Expiration::Date("2031-02-28".to_owned())),
            Just(Expiration::DeleteMarkers),
        ]);
        let transition =
            (0..999_u32, class()).prop_map(|(days, class)| vec![Transition { days: Some(days), date: None, class }]);
        let noncurrent = proptest::option::of((1..99_u32, proptest::option::of(1..100_u32)));
        let abort = proptest::option::of(1..9_u32);
        (any::<bool>(), filter, expiration, transition, noncurrent, abort).prop_map(
            |(enabled, filter, expiration, transitions, noncurrent, abort_incomplete_days)| LifecycleRule {
                id: "backstay-x-y".to_owned(),
                enabled,
                filter,
                transitions,
                expiration,
                noncurrent_transitions: Vec::new(),
                noncurrent_expiration: noncurrent.map(|(days, keep_newest)| Noncurrent {
                    days,
                    keep_newest,
                    class: None,
                }),
                abort_incomplete_days,
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_said_is_what_is_read(rule in rules()) {
            let said = typed(&rule).unwrap();
            prop_assert_eq!(canonical(&said, 0), rule);
            let filter = said.filter.unwrap();
            let n = [filter.prefix.is_some(), filter.tag.is_some(), filter.and.is_some()];
            let sizes = [filter.object_size_greater_than.is_some(), filter.object_size_less_than.is_some()];
            prop_assert_eq!(n.into_iter().chain(sizes).filter(|set| *set).count(), 1);
        }
    }

    #[test]
    fn every_spelling_of_all_objects_is_one() {
        let rule = |filter: Option<LifecycleRuleFilter>| {
            let rule = types::LifecycleRule::builder().id("x").status(ExpirationStatus::Enabled).set_filter(filter);
            canonical(&rule.build().unwrap(), 0).filter
        };
        let all = Filter::default();
        assert_eq!(rule(None), all);
        assert_eq!(rule(Some(LifecycleRuleFilter::builder().build())), all);
        assert_eq!(rule(Some(LifecycleRuleFilter::builder().prefix("").build())), all);
        let one = LifecycleRuleAndOperator::builder().prefix("p/").build();
        let expected = Filter { prefix: "p/".to_owned(), ..Filter::default() };
        assert_eq!(rule(Some(LifecycleRuleFilter::builder().and(one).build())), expected);
    }

    #[test]
    fn empty_expirations_and_unset_markers_are_none() {
        let none = types::LifecycleExpiration::builder();
        assert_eq!(expiration(&none.clone().build()), None);
        assert_eq!(expiration(&none.clone().days(0).build()), None);
        assert_eq!(expiration(&none.clone().expired_object_delete_marker(false).build()), None);
        let date = DateTime::from_secs(1_798_761_600);
        assert_eq!(expiration(&none.date(date).build()), Some(Expiration::Date("2027-01-01".to_owned())));
    }

    #[test]
    fn a_rule_of_the_oldest_form_becomes_one_of_the_newer() {
        #[expect(deprecated, reason = "old rules still have it")]
        let old =
            types::LifecycleRule::builder().id("x").status(ExpirationStatus::Enabled).prefix("p/").build().unwrap();
        let new = in_newer_form(&old).unwrap();
        assert_eq!(canonical(&new, 0), canonical(&old, 0));
        assert!(new.filter.is_some() && in_newer_form(&new).is_none());
    }
}
