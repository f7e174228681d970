//! Lifecycle rules of a bucket. Writing replaces all of them, so rules that are not ours go along exactly as S3 returned
//! them, with fields that this program has never heard of.

use super::answer::{meaning, unless_absent};
use super::at::At;
use super::rule_text::{RuleTexts, WithRules};
use super::{AwsError, lifecycle_rule};
use crate::resource::{Lifecycle, LifecycleRule};
use aws_sdk_s3::types::{self, BucketLifecycleConfiguration, TransitionDefaultMinimumObjectSize};

const READ: &str = "s3:GetLifecycleConfiguration";
const WRITE: &str = "s3:PutLifecycleConfiguration";

/// Every rule, sorted by id. `None`: there is none.
pub(super) async fn read(at: &At) -> Result<Option<Lifecycle>, AwsError> {
    let found = all(at).await?;
    let mut rules: Vec<LifecycleRule> = found.rules.iter().map(|rule| rule.canonical.clone()).collect();
    rules.sort_by(|a, b| a.id.cmp(&b.id));
    let minimum_object_size = found.minimum_object_size.map(|size| size.as_str().to_owned());
    Ok((!rules.is_empty()).then_some(Lifecycle { rules, minimum_object_size }))
}

/// The rules as S3 has them.
struct Rules {
    rules: Vec<Rule>,
    minimum_object_size: Option<TransitionDefaultMinimumObjectSize>,
}

struct Rule {
    canonical: LifecycleRule,
    typed: types::LifecycleRule,
    /// As S3 wrote it, where that could be told.
    text: Option<String>,
}

async fn all(at: &At) -> Result<Rules, AwsError> {
    let texts = RuleTexts::default();
    let call = at.s3.get_bucket_lifecycle_configuration().bucket(&at.bucket);
    let call = call.set_expected_bucket_owner(at.owner.clone()).customize().interceptor(texts.clone());
    let Some(found) = unless_absent(READ, call.send().await, &["NoSuchLifecycleConfiguration"])? else {
        return Ok(Rules { rules: Vec::new(), minimum_object_size: None });
    };
    let typed = found.rules.unwrap_or_default();
    let mut texts = texts.take(typed.len());
    let rules = typed.into_iter().enumerate().map(|(index, typed)| Rule {
        canonical: lifecycle_rule::canonical(&typed, index),
        typed,
        text: texts.get_mut(index).map(std::mem::take),
    });
    Ok(Rules { rules: rules.collect(), minimum_object_size: found.transition_default_minimum_object_size })
}

/// Replaces all rules. Rules that stand there already, unchanged, are sent back as they came. A rule that is not ours
/// and came since the plan was made is not removed: that is an error.
pub(super) async fn write(at: &At, wanted: &Lifecycle) -> Result<(), AwsError> {
    let found = all(at).await?;
    let is_wanted = |id: &str| wanted.rules.iter().any(|rule| rule.id == id);
    if let Some(new) = found.rules.iter().map(|rule| &rule.canonical.id).find(|id| !is_ours(id) && !is_wanted(id)) {
        return Err(AwsError::Moved { what: format!("the lifecycle rule `{new}` came into the bucket") });
    }
    let owner = at.owner.clone();
    if wanted.rules.is_empty() {
        let sent = at.s3.delete_bucket_lifecycle().bucket(&at.bucket).set_expected_bucket_owner(owner).send().await;
        return sent.map(drop).map_err(|error| meaning(WRITE, &error));
    }
    let mut rules = Vec::new();
    let mut texts = Vec::new();
    for rule in &wanted.rules {
        let same = found.rules.iter().find(|found| found.canonical == *rule);
        match same {
            Some(same) => {
                let (typed, text) = (same.typed.clone(), same.text.clone());
                // Rules of the oldest form cannot stand beside ours; what they say can be said in the newer one.
                let (typed, text) = lifecycle_rule::in_newer_form(&typed).map_or((typed, text), |new| (new, None));
                rules.push(typed);
                texts.push(text);
            }
            None => {
                rules.push(lifecycle_rule::typed(rule).map_err(|error| AwsError::unsaid(WRITE, &error))?);
                texts.push(None);
            }
        }
    }
    let size = wanted.minimum_object_size.as_deref().map(TransitionDefaultMinimumObjectSize::from);
    let configuration = BucketLifecycleConfiguration::builder().set_rules(Some(rules)).build();
    let configuration = configuration.map_err(|error| AwsError::unsaid(WRITE, &error))?;
    let call = at.s3.put_bucket_lifecycle_configuration().bucket(&at.bucket).set_expected_bucket_owner(owner);
    let call = call
        .lifecycle_configuration(configuration)
        .set_transition_default_minimum_object_size(size.or(found.minimum_object_size))
        .customize()
        .interceptor(WithRules(texts));
    call.send().await.map(drop).map_err(|error| meaning(WRITE, &error))
}

/// True for rules that this program made, for whichever policy.
pub(super) fn is_ours(id: &str) -> bool {
    id.starts_with("backstay-")
}
