//! Replication of a bucket. As with lifecycle rules, what is not ours goes back as it came.

use super::answer::{meaning, unless_absent};
use super::at::At;
use super::rule_text::{RuleTexts, WithRules};
use super::{AwsError, lifecycle};
use crate::resource::{Replication, ReplicationRule, StorageClass};
use aws_sdk_s3::error::BuildError;
use aws_sdk_s3::types::{
    self, DeleteMarkerReplication, DeleteMarkerReplicationStatus, Destination, ReplicationConfiguration,
    ReplicationRuleFilter, ReplicationRuleStatus,
};

const READ: &str = "s3:GetReplicationConfiguration";
const WRITE: &str = "s3:PutReplicationConfiguration";

/// Every rule, sorted by id. `None`: there is none.
pub(super) async fn read(at: &At) -> Result<Option<Replication>, AwsError> {
    let Some(found) = all(at).await? else { return Ok(None) };
    let mut rules: Vec<ReplicationRule> = found.rules.iter().map(|rule| rule.canonical.clone()).collect();
    rules.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(Some(Replication { role: found.role, rules }))
}

struct Rules {
    role: String,
    rules: Vec<Rule>,
}

struct Rule {
    canonical: ReplicationRule,
    typed: types::ReplicationRule,
    text: Option<String>,
}

async fn all(at: &At) -> Result<Option<Rules>, AwsError> {
    let texts = RuleTexts::default();
    let call = at.s3.get_bucket_replication().bucket(&at.bucket).set_expected_bucket_owner(at.owner.clone());
    let sent = call.customize().interceptor(texts.clone()).send().await;
    let found = unless_absent(READ, sent, &["ReplicationConfigurationNotFoundError"])?;
    let Some(found) = found.and_then(|found| found.replication_configuration) else { return Ok(None) };
    let mut texts = texts.take(found.rules.len());
    let rules = found.rules.into_iter().enumerate().map(|(index, typed)| Rule {
        canonical: canonical(&typed, index),
        typed,
        text: texts.get_mut(index).map(std::mem::take),
    });
    Ok(Some(Rules { role: found.role, rules: rules.collect() }))
}

fn canonical(rule: &types::ReplicationRule, index: usize) -> ReplicationRule {
    #[expect(deprecated, reason = "old rules still have it")]
    let old = rule.prefix.clone();
    let filter = rule.filter.as_ref();
    let in_and = || filter.and_then(|filter| filter.and.as_ref()).and_then(|and| and.prefix.clone());
    let prefix = filter.and_then(|filter| filter.prefix.clone()).or_else(in_and).or(old);
    let markers = rule.delete_marker_replication.as_ref().and_then(|markers| markers.status.as_ref());
    let to = rule.destination.as_ref();
    ReplicationRule {
        id: rule.id.clone().filter(|id| !id.is_empty()).unwrap_or_else(|| format!("(without id {})", index + 1)),
        enabled: rule.status == ReplicationRuleStatus::Enabled,
        priority: rule.priority.unwrap_or(0),
        prefix: prefix.unwrap_or_default(),
        destination: to.map(|to| to.bucket.clone()).unwrap_or_default(),
        class: to.and_then(|to| to.storage_class.as_ref()).and_then(|class| StorageClass::parse(class.as_str())),
        delete_markers: markers == Some(&DeleteMarkerReplicationStatus::Enabled),
        rest: None,
    }
}

/// Replaces all rules and the role; without rules it is removed. A rule that is not ours and came since the plan was
/// made is not removed: that is an error.
pub(super) async fn write(at: &At, wanted: &Replication) -> Result<(), AwsError> {
    let found = all(at).await?.map(|found| found.rules).unwrap_or_default();
    let is_wanted = |id: &str| wanted.rules.iter().any(|rule| rule.id == id);
    let new = found.iter().map(|rule| &rule.canonical.id).find(|id| !lifecycle::is_ours(id) && !is_wanted(id));
    if let Some(new) = new {
        return Err(AwsError::Moved { what: format!("the replication rule `{new}` came into the bucket") });
    }
    let owner = at.owner.clone();
    if wanted.rules.is_empty() {
        let sent = at.s3.delete_bucket_replication().bucket(&at.bucket).set_expected_bucket_owner(owner).send().await;
        return sent.map(drop).map_err(|error| meaning(WRITE, &error));
    }
    let mut configuration = ReplicationConfiguration::builder().role(&wanted.role);
    let mut texts = Vec::new();
    for rule in &wanted.rules {
        let same = found.iter().find(|found| ReplicationRule { rest: None, ..rule.clone() } == found.canonical);
        texts.push(same.and_then(|same| same.text.clone()));
        let said = match same {
            Some(same) => same.typed.clone(),
            None => typed(rule).map_err(|error| AwsError::unsaid(WRITE, &error))?,
        };
        configuration = configuration.rules(said);
    }
    let configuration = configuration.build().map_err(|error| AwsError::unsaid(WRITE, &error))?;
    let call = at.s3.put_bucket_replication().bucket(&at.bucket).set_expected_bucket_owner(owner);
    let call = call.replication_configuration(configuration).customize().interceptor(WithRules(texts));
    call.send().await.map(drop).map_err(|error| meaning(WRITE, &error))
}

fn typed(rule: &ReplicationRule) -> Result<types::ReplicationRule, BuildError> {
    let markers = match rule.delete_markers {
        true => DeleteMarkerReplicationStatus::Enabled,
        false => DeleteMarkerReplicationStatus::Disabled,
    };
    let class = rule.class.map(|class| types::StorageClass::from(class.name()));
    types::ReplicationRule::builder()
        .id(&rule.id)
        .status(if rule.enabled { ReplicationRuleStatus::Enabled } else { ReplicationRuleStatus::Disabled })
        .priority(rule.priority)
        .filter(ReplicationRuleFilter::builder().prefix(&rule.prefix).build())
        .destination(Destination::builder().bucket(&rule.destination).set_storage_class(class).build()?)
        .delete_marker_replication(DeleteMarkerReplication::builder().status(markers).build())
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_what_is_read() {
        let rule = ReplicationRule {
            id: "backstay-x-all".to_owned(),
            enabled: true,
            priority: 3,
            prefix: "prod/".to_owned(),
            destination: "arn:aws:s3:::other".to_owned(),
            class: Some(StorageClass::StandardIa),
            delete_markers: false,
            rest: None,
        };
        assert_eq!(canonical(&typed(&rule).unwrap(), 0), rule);
    }
}
