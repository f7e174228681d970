//! Replication of a bucket.

use super::change::Merged;
use super::ours::is_rule_of;
use super::{Resource, StorageClass};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use serde_json::Value;

/// All replication rules of a bucket, sorted by id, and the role that copies.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Replication {
    /// ARN of the role that S3 assumes.
    pub role: String,
    /// The rules; ours have an id that begins with `backstay-<policy>-`.
    pub rules: Vec<ReplicationRule>,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReplicationRule {
    /// Unique in the bucket.
    pub id: String,
    /// Whether it does anything.
    pub enabled: bool,
    /// Which rule wins where several fit; unique in the bucket.
    pub priority: i32,
    /// Start of the key; empty: every key.
    pub prefix: String,
    /// ARN of the bucket that receives copies.
    pub destination: String,
    /// Class of the copies; `None`: that of the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<StorageClass>,
    /// Whether delete markers are copied; ours never are.
    pub delete_markers: bool,
    /// What else a foreign rule says, as it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rest: Option<Value>,
}

impl Replication {
    /// Keeps the rules of others. Priorities are unique in a bucket, so ours give way. What was copied stays in the
    /// other bucket when a rule goes.
    pub(super) fn merge(&self, policy: &str, found: Option<&Replication>) -> Option<Merged> {
        let nothing = Replication::default();
        let there = found.unwrap_or(&nothing);
        if self.rules.is_empty() && !there.rules.iter().any(|rule| is_rule_of(policy, &rule.id)) {
            return None;
        }
        if found.is_some_and(|found| self.hindrance(policy, found).is_some()) {
            return None;
        }
        let (ours, foreign): (Vec<_>, Vec<_>) =
            there.rules.iter().cloned().partition(|rule| is_rule_of(policy, &rule.id));
        let mut after = Replication { role: self.role.clone(), rules: foreign.clone() };
        if self.rules.is_empty() {
            after.role = if foreign.is_empty() { String::new() } else { there.role.clone() };
        }
        for rule in &self.rules {
            let mut rule = rule.clone();
            let taken: Vec<i32> = after.rules.iter().map(|rule| rule.priority).collect();
            if let Some(old) = ours.iter().find(|old| old.id == rule.id && !taken.contains(&old.priority)) {
                rule.priority = old.priority;
            } else if taken.contains(&rule.priority) {
                rule.priority = taken.iter().max().map_or(1, |highest| highest.saturating_add(1));
            }
            after.rules.push(rule);
        }
        after.rules.sort_by(|a, b| a.id.cmp(&b.id));
        let mut before = there.clone();
        before.rules.sort_by(|a, b| a.id.cmp(&b.id));
        let is_new =
            |rule: &&ReplicationRule| !ours.iter().any(|old| old.id == rule.id && old.destination == rule.destination);
        let is_gone = |rule: &ReplicationRule| !self.rules.iter().any(|new| new.id == rule.id);
        Some(Merged {
            kept: foreign.iter().map(|rule| format!("rule {}", rule.id)).collect(),
            loosens: ours.iter().any(is_gone),
            irreversible: self.rules.iter().any(|rule| is_new(&rule)).then(|| {
                "what is copied stays in the other bucket, and is paid for there, also when replication ends".to_owned()
            }),
            before: found.map(|_| Resource::Replication(before)),
            after: Resource::Replication(after),
        })
    }

    /// All rules of a bucket copy by one role.
    pub(super) fn hindrance(&self, policy: &str, found: &Replication) -> Option<String> {
        let foreign = found.rules.iter().find(|rule| !is_rule_of(policy, &rule.id))?;
        (!self.rules.is_empty() && found.role != self.role).then(|| {
            format!(
                "the bucket already replicates by the role {} (rule {}), and S3 takes one role for all rules",
                found.role, foreign.id
            )
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::super::rule_id;
    use super::*;

    fn rule(id: &str, priority: i32) -> ReplicationRule {
        ReplicationRule {
            id: id.to_owned(),
            enabled: true,
            priority,
            prefix: "data/".to_owned(),
            destination: "arn:aws:s3:::twin".to_owned(),
            class: None,
            delete_markers: false,
            rest: None,
        }
    }

    fn replication(rules: &[ReplicationRule]) -> Replication {
        Replication { role: "arn:aws:iam::123456789012:role/r".to_owned(), rules: rules.to_vec() }
    }

    fn after(wanted: &Replication, found: &Replication) -> Vec<(String, i32)> {
        let Some(Merged { after: Resource::Replication(after), .. }) = wanted.merge("shop", Some(found)) else {
            return Vec::new();
        };
        after.rules.into_iter().map(|rule| (rule.id, rule.priority)).collect()
    }

    #[test]
    fn priorities_of_others_stay_and_ours_give_way() {
        let id = rule_id("shop", "replica", "a/data");
        let (ours, theirs) = (replication(&[rule(&id, 1)]), rule("theirs", 1));
        let beside = |id: &str, priority| [(id.to_owned(), priority), ("theirs".to_owned(), 1)];
        assert_eq!(after(&ours, &replication(std::slice::from_ref(&theirs))), beside(&id, 2));
        // One that was given before stays, so that a second plan is empty.
        assert_eq!(after(&ours, &replication(&[theirs.clone(), rule(&id, 7)])), beside(&id, 7));
        let merged = ours.merge("shop", Some(&replication(&[theirs, rule(&id, 7)]))).unwrap();
        assert_eq!(merged.before, Some(merged.after));
    }

    #[test]
    fn a_role_of_someone_else_is_not_replaced() {
        let ours = replication(&[rule(&rule_id("shop", "replica", "a/data"), 1)]);
        let theirs = Replication { role: "other".to_owned(), rules: vec![rule("theirs", 1)] };
        assert!(ours.hindrance("shop", &theirs).is_some_and(|why| why.contains("theirs")));
        assert!(ours.merge("shop", Some(&theirs)).is_none());
        assert!(Replication::default().hindrance("shop", &theirs).is_none());
    }

    #[test]
    fn ending_ours_leaves_theirs_and_loosens() {
        let (id, theirs) = (rule_id("shop", "replica", "a/data"), rule("theirs", 4));
        let merged = Replication::default().merge("shop", Some(&replication(&[theirs.clone(), rule(&id, 1)]))).unwrap();
        assert_eq!(merged.after, Resource::Replication(replication(&[theirs])));
        assert!(merged.loosens && merged.irreversible.is_none());
        let alone = Replication::default().merge("shop", Some(&replication(&[rule(&id, 1)]))).unwrap();
        assert_eq!(alone.after, Resource::Replication(Replication::default()));
    }
}
