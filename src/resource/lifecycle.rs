//! Lifecycle rules of a bucket.

use super::change::Merged;
use super::ours::{is_rule_of, rule_id};
use super::{FieldChange, Resource, StorageClass};
use crate::base::Period;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use std::collections::BTreeMap;

/// All lifecycle rules of a bucket, sorted by id.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Lifecycle {
    /// The rules; ours have an id that begins with `backstay-<policy>-`.
    pub rules: Vec<LifecycleRule>,
    /// The bucket's answer to which objects are too small to move; carried along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_object_size: Option<String>,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LifecycleRule {
    /// Unique in the bucket, 1 to 255 characters.
    pub id: String,
    /// Whether it does anything.
    pub enabled: bool,
    /// Which objects it is about; all when empty.
    #[serde(default)]
    pub filter: Filter,
    /// Moves of current versions, by days.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transitions: Vec<Transition>,
    /// When current versions go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiration: Option<Expiration>,
    /// Moves of old versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub noncurrent_transitions: Vec<Noncurrent>,
    /// When old versions go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noncurrent_expiration: Option<Noncurrent>,
    /// Days after which the parts of an upload that was never completed go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abort_incomplete_days: Option<u32>,
}

/// Which objects a rule is about: those for which all that is set holds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Filter {
    /// Start of the key; empty: every key.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
    /// Tags of the object.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Larger than so many bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub larger_than: Option<u64>,
    /// Smaller than so many bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub smaller_than: Option<u64>,
}

/// A move of current versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Transition {
    /// Days after creation; `None` with a date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<u32>,
    /// A fixed day, `2027-01-31`; never ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// Where to.
    pub class: StorageClass,
}

/// When current versions go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Expiration {
    /// Days after creation.
    Days(u32),
    /// On a fixed day, `2027-01-31`, and from then on; never ours.
    Date(String),
    /// Only delete markers without versions behind them.
    DeleteMarkers,
}

/// What happens to old versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Noncurrent {
    /// Days after a newer version took its place.
    pub days: u32,
    /// So many old versions stay, whatever their age.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_newest: Option<u32>,
    /// Where to; `None`: they are deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<StorageClass>,
}

/// A period as lifecycle rules count it: whole days, rounded up, so that nothing goes early.
pub fn whole_days(period: Period) -> u32 {
    u32::try_from(period.0.div_ceil(86_400)).unwrap_or(u32::MAX)
}

/// A bucket takes so many rules.
const MOST_RULES: usize = 1_000;

impl Lifecycle {
    /// Keeps the rules of others and the bucket's answer to which objects are too small to move.
    pub(super) fn merge(&self, policy: &str, found: Option<&Lifecycle>) -> Option<Merged> {
        let nothing = Lifecycle::default();
        let there = found.unwrap_or(&nothing);
        let (mut ours, foreign): (Vec<_>, Vec<_>) =
            there.rules.iter().cloned().partition(|rule| is_rule_of(policy, &rule.id));
        if self.rules.is_empty() && ours.is_empty() {
            return None;
        }
        ours.iter_mut().for_each(LifecycleRule::in_order);
        let sorted = |ours: &[LifecycleRule]| {
            let mut rules: Vec<LifecycleRule> = foreign.iter().chain(ours).cloned().collect();
            rules.sort_by(|a, b| a.id.cmp(&b.id));
            Resource::Lifecycle(Lifecycle { rules, minimum_object_size: there.minimum_object_size.clone() })
        };
        let mut wanted = self.rules.clone();
        wanted.iter_mut().for_each(LifecycleRule::in_order);
        let old = |rule: &LifecycleRule| ours.iter().find(|old| old.id == rule.id);
        Some(Merged {
            before: found.map(|_| sorted(&ours)),
            after: sorted(&wanted),
            kept: foreign.iter().map(|rule| format!("rule {}", rule.id)).collect(),
            // Also of a bucket that has no rules: what lies in it stayed for ever until now.
            loosens: wanted.iter().any(|rule| rule.takes_more_than(old(rule))),
            irreversible: None,
        })
    }

    /// More rules than a bucket takes, with those of others.
    pub(super) fn hindrance(&self, policy: &str, found: &Lifecycle) -> Option<String> {
        let n_foreign = found.rules.iter().filter(|rule| !is_rule_of(policy, &rule.id)).count();
        let count = n_foreign + self.rules.len();
        (!self.rules.is_empty() && count > MOST_RULES).then(|| {
            format!("the bucket would have {count} lifecycle rules with those of others, and takes {MOST_RULES}")
        })
    }
}

/// What S3 deletes of a tier has two rules, one for manifests and one for files, which outlive them by some days. A
/// policy says one number, so where both move by as many days, that is one change.
pub(super) fn one_a_tier(policy: &str, mut fields: Vec<FieldChange>) -> Vec<FieldChange> {
    let end = |part: &str, below: &str| format!("rules.{}.expiration.days", rule_id(policy, part, below));
    let days = |text: &Option<String>| text.as_ref().and_then(|text| text.parse::<i64>().ok());
    let manifests = end("manifest", "");
    let (start, rest) = manifests.split_at(manifests.len() - ".expiration.days".len());
    let tiers: Vec<String> = fields
        .iter()
        .filter_map(|change| change.field.strip_prefix(start)?.strip_suffix(rest).map(str::to_owned))
        .collect();
    for below in tiers {
        let at = |part: &str| fields.iter().position(|change| change.field == end(part, &below));
        let (Some(files), Some(manifest)) = (at("data"), at("manifest")) else { continue };
        let [manifests, datas] =
            [&fields[manifest], &fields[files]].map(|change| (days(&change.before), days(&change.after)));
        let outlives = |ends: Option<(i64, i64)>| ends.map(|(manifest, files)| files - manifest);
        let (before, after) = (outlives(manifests.0.zip(datas.0)), outlives(manifests.1.zip(datas.1)));
        if before.is_none() || before != after {
            continue;
        }
        let both = |manifest: &Option<String>, files: &Option<String>| {
            manifest.as_ref().zip(files.as_ref()).map(|(manifest, files)| format!("{manifest} (files {files})"))
        };
        let joint = FieldChange {
            field: fields[manifest].field.clone(),
            before: both(&fields[manifest].before, &fields[files].before),
            after: both(&fields[manifest].after, &fields[files].after),
        };
        fields[manifest] = joint;
        fields.remove(files);
    }
    fields
}

impl LifecycleRule {
    /// Sets into the order of classes what has none of its own.
    fn in_order(&mut self) {
        self.transitions.sort_by_key(|transition| transition.class);
        self.noncurrent_transitions.sort_by_key(|noncurrent| noncurrent.class);
    }

    /// True when this rule, in the place of the other, deletes or freezes something earlier.
    fn takes_more_than(&self, old: Option<&LifecycleRule>) -> bool {
        let old = old.filter(|old| old.enabled && old.filter == self.filter);
        let days = |rule: &LifecycleRule| match rule.expiration {
            Some(Expiration::Days(days)) => days,
            _ => u32::MAX,
        };
        let noncurrent = |rule: &LifecycleRule| rule.noncurrent_expiration.map_or(u32::MAX, |old| old.days);
        let at = |rule: &LifecycleRule, class: StorageClass| {
            let there = rule.transitions.iter().filter(|transition| transition.class >= class);
            there.filter_map(|transition| transition.days).min().unwrap_or(u32::MAX)
        };
        let unless = |of: &dyn Fn(&LifecycleRule) -> u32| of(self) < old.map_or(u32::MAX, of);
        unless(&days)
            || unless(&noncurrent)
            || self.transitions.iter().any(|transition| unless(&|rule| at(rule, transition.class)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(part: &str, before: u32, after: u32) -> FieldChange {
        let field = format!("rules.{}.expiration.days", rule_id("shop", part, "offsite/daily"));
        FieldChange { field, before: Some(before.to_string()), after: Some(after.to_string()) }
    }

    #[test]
    fn what_moves_together_is_one_change_and_what_does_not_is_two() {
        let joint = one_a_tier("shop", vec![moved("data", 32, 92), moved("manifest", 30, 90)]);
        let expected = FieldChange {
            before: Some("30 (files 32)".to_owned()),
            after: Some("90 (files 92)".to_owned()),
            ..moved("manifest", 30, 90)
        };
        assert_eq!(joint, [expected]);
        for apart in [
            vec![moved("data", 40, 92), moved("manifest", 30, 90)],
            vec![moved("manifest", 30, 90)],
            vec![moved("data", 32, 92), FieldChange { before: None, ..moved("manifest", 30, 90) }],
        ] {
            assert_eq!(one_a_tier("shop", apart.clone()), apart);
        }
        let other = vec![moved("data", 32, 92), moved("manifest", 30, 90)];
        assert_eq!(one_a_tier("another", other.clone()), other);
    }
}
