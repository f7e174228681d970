//! Buckets that a policy made its own: finding those that it no longer names, and letting go of one. They are told by the
//! mark in their tags; none is ever deleted, nor anything in it.

use super::answer::{meaning, unless_absent};
use super::at::At;
use super::{AwsError, AwsSession, lifecycle, tags};
use crate::resource::{BucketPlace, LeftBucket, MANAGED_BY, POLICY_TAG, is_marked, is_rule_of};
use aws_sdk_s3::types::{Tag, Tagging};
use futures_util::{StreamExt, TryStreamExt, stream};

/// Other buckets of an account that are looked at for a mark; each costs a request.
const MOST: usize = 100;
/// Requests at once.
const AT_ONCE: usize = 8;

/// Every bucket in the session's region with the mark of `policy` that is not among `named`. None where the account has
/// more than a hundred others: each costs a request, in every plan.
pub async fn left_buckets(
    session: &AwsSession,
    region: &str,
    policy: &str,
    named: &[String],
) -> Result<Vec<LeftBucket>, AwsError> {
    let s3 = session.s3().await;
    let listed = s3.list_buckets().into_paginator().send();
    let pages: Vec<_> = listed.try_collect().await.map_err(|error| meaning("s3:ListAllMyBuckets", &error))?;
    let buckets = pages.into_iter().flat_map(|page| page.buckets.unwrap_or_default());
    // Servers other than AWS do not say the region.
    let is_here = |other: Option<&str>| other.is_none_or(|other| region.is_empty() || other == region);
    let others: Vec<String> = buckets
        .filter(|bucket| is_here(bucket.bucket_region()))
        .filter_map(|bucket| bucket.name)
        .filter(|name| !named.contains(name))
        .collect();
    if others.len() > MOST {
        return Ok(Vec::new());
    }
    let looks = others.into_iter().map(|name| look(session, name, region, policy));
    let found: Vec<Option<LeftBucket>> = stream::iter(looks).buffered(AT_ONCE).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

/// One bucket, when it has the mark. What we may not look at is not ours to tell about.
async fn look(session: &AwsSession, name: String, region: &str, policy: &str) -> Result<Option<LeftBucket>, AwsError> {
    let at = at(session, &name, region).await;
    let tags = match tags::read(&at).await {
        Ok(tags) => tags.unwrap_or_default(),
        Err(AwsError::Denied { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    if !is_marked(&tags.tags, policy) {
        return Ok(None);
    }
    let lifecycle = match lifecycle::read(&at).await {
        Err(AwsError::Denied { .. }) => None,
        read => read?,
    };
    let rules = lifecycle.map(|lifecycle| lifecycle.rules).unwrap_or_default().into_iter().map(|rule| rule.id);
    let rules = rules.filter(|id| is_rule_of(policy, id)).collect();
    Ok(Some(LeftBucket { bucket: name, region: region.to_owned(), rules }))
}

/// Takes the policy's lifecycle rules out of a bucket, then its mark. Protection stays, and so does what others wrote,
/// and every object. May be repeated.
pub async fn forget_bucket(session: &AwsSession, left: &LeftBucket, policy: &str) -> Result<(), AwsError> {
    let at = at(session, &left.bucket, &left.region).await;
    if let Some(mut found) = lifecycle::read(&at).await? {
        let before = found.rules.len();
        found.rules.retain(|rule| !is_rule_of(policy, &rule.id));
        if found.rules.len() < before {
            lifecycle::write(&at, &found).await?;
        }
    }
    const READ: &str = "s3:GetBucketTagging";
    const WRITE: &str = "s3:PutBucketTagging";
    let (s3, owner) = (&at.s3, at.owner.clone());
    let tags = s3.get_bucket_tagging().bucket(&at.bucket).set_expected_bucket_owner(owner.clone()).send().await;
    let tags = unless_absent(READ, tags, &["NoSuchTagSet", "NoSuchTagSetError"])?;
    let tags: Vec<Tag> = tags.map(|tags| tags.tag_set).unwrap_or_default();
    let is_mark = |tag: &Tag| tag.key == POLICY_TAG && tag.value == policy;
    if !tags.iter().any(is_mark) {
        return Ok(());
    }
    let rest: Vec<Tag> = tags.into_iter().filter(|tag| !is_mark(tag) && tag.key != MANAGED_BY).collect();
    if rest.is_empty() {
        let sent = s3.delete_bucket_tagging().bucket(&at.bucket).set_expected_bucket_owner(owner).send().await;
        return sent.map(drop).map_err(|error| meaning(WRITE, &error));
    }
    let rest = Tagging::builder().set_tag_set(Some(rest)).build().map_err(|error| AwsError::unsaid(WRITE, &error))?;
    let call = s3.put_bucket_tagging().bucket(&at.bucket).set_expected_bucket_owner(owner).tagging(rest);
    call.send().await.map(drop).map_err(|error| meaning(WRITE, &error))
}

async fn at(session: &AwsSession, bucket: &str, region: &str) -> At {
    let (bucket, region) = (bucket.to_owned(), region.to_owned());
    At::of(session, &BucketPlace { bucket, region, prefix: String::new(), endpoint: None }).await
}
