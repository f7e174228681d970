//! Writing one resource, whole, and looking until it shows.

use super::at::At;
use super::patience::{Patience, patiently, spread};
use super::read::attempt;
use super::{
    AwsError, AwsSession, access_log, alarm, bucket, bucket_policy, encryption, grants, kms, lifecycle, managed_policy,
    object_lock, oidc_provider, ownership, public_access, replication, role, tags, user, versioning,
};
use crate::resource::{BucketPlace, Resource, canonical_document, differences};
use serde_json::json;

/// Makes a resource as it is written here, with everything in it, and returns once AWS shows it. May be repeated.
/// Access keys are not written like this.
pub async fn write(session: &AwsSession, place: Option<&BucketPlace>, wanted: &Resource) -> Result<(), AwsError> {
    patiently(Patience::CREATED, async || put(session, place, wanted).await).await?;
    until_seen(session, place, wanted).await
}

async fn put(session: &AwsSession, place: Option<&BucketPlace>, wanted: &Resource) -> Result<(), AwsError> {
    match wanted {
        Resource::KmsKey(key) => kms::create(session, key).await,
        Resource::OidcProvider(provider) => oidc_provider::write(session, provider).await,
        Resource::User(wanted) => user::write(session, wanted).await,
        Resource::Role(wanted) => role::write(session, wanted).await,
        Resource::Grants(wanted) => grants::write(session, wanted).await,
        Resource::ManagedPolicy(wanted) => managed_policy::write(session, wanted).await,
        Resource::AccessKeys(_) => Ok(()),
        Resource::Alarm(wanted) => alarm::write(session, wanted).await,
        Resource::Encryption(wanted) => match place {
            Some(place) => encryption::write(session, &At::of(session, place).await, wanted).await,
            None => Ok(()),
        },
        of_bucket => match place {
            Some(place) => put_setting(&At::of(session, place).await, of_bucket).await,
            None => Ok(()),
        },
    }
}

async fn put_setting(at: &At, wanted: &Resource) -> Result<(), AwsError> {
    match wanted {
        Resource::Bucket(wanted) => bucket::create(at, wanted).await,
        Resource::PublicAccess(wanted) => public_access::write(at, *wanted).await,
        Resource::Ownership(wanted) => ownership::write(at, wanted).await,
        Resource::Versioning(wanted) => versioning::write(at, *wanted).await,
        Resource::ObjectLock(wanted) => object_lock::write(at, wanted).await,
        Resource::Tags(wanted) => tags::write(at, wanted).await,
        Resource::BucketPolicy(wanted) => bucket_policy::write(at, wanted).await,
        Resource::Lifecycle(wanted) => lifecycle::write(at, wanted).await,
        Resource::Replication(wanted) => replication::write(at, wanted).await,
        Resource::AccessLog(wanted) => access_log::write(at, wanted).await,
        _ => Ok(()),
    }
}

/// Settings of buckets spread slowly, and for a while answers are old ones and new ones by turns: two in a row must be
/// as written.
async fn until_seen(session: &AwsSession, place: Option<&BucketPlace>, wanted: &Resource) -> Result<(), AwsError> {
    let mut n_seen = 0;
    let mut pauses = Patience::SHOWN.pauses();
    loop {
        let fields = match attempt(session, place, wanted).await {
            Ok(found) => match unlike(found.as_ref(), wanted) {
                None if n_seen > 0 || !spreads_slowly(wanted) => return Ok(()),
                None => {
                    n_seen += 1;
                    continue;
                }
                Some(different) => different,
            },
            // Whoever may write need not be allowed to read; it was written.
            Err(AwsError::Denied { .. }) => return Ok(()),
            Err(error) => error.to_string(),
        };
        n_seen = 0;
        match pauses.next() {
            Some(pause) => tokio::time::sleep(spread(pause)).await,
            None => return Err(AwsError::NotSeen { waited: "half a minute".to_owned(), fields }),
        }
    }
}

fn spreads_slowly(resource: &Resource) -> bool {
    matches!(resource, Resource::Lifecycle(_) | Resource::Replication(_) | Resource::BucketPolicy(_))
}

/// The fields in which what AWS shows differs from what was written; `None`: it shows.
fn unlike(found: Option<&Resource>, wanted: &Resource) -> Option<String> {
    let Some(found) = found else { return (!is_nothing(wanted)).then(|| "it is not there".to_owned()) };
    let changes = differences(Some(&comparable(found, found)), &comparable(wanted, found));
    let names: Vec<&str> = changes.iter().map(|change| change.field.as_str()).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// True for documents without content, which AWS shows as absent.
fn is_nothing(resource: &Resource) -> bool {
    match resource {
        Resource::Tags(tags) => tags.tags.is_empty(),
        Resource::BucketPolicy(policy) => policy.statements.is_empty(),
        Resource::Lifecycle(lifecycle) => lifecycle.rules.is_empty(),
        Resource::Replication(replication) => replication.rules.is_empty(),
        Resource::Grants(grants) => grants.is_nothing(),
        _ => false,
    }
}

/// A resource spelled so that only what was meant to be written is compared with what was found.
fn comparable(resource: &Resource, found: &Resource) -> Resource {
    let mut resource = resource.clone();
    match (&mut resource, found) {
        (Resource::BucketPolicy(policy), _) => {
            let document = canonical_document(&json!({ "Statement": policy.statements }));
            policy.statements = document["Statement"].as_array().cloned().unwrap_or_default();
        }
        (Resource::Grants(grants), _) => grants.document = canonical_document(&grants.document),
        (Resource::ManagedPolicy(policy), Resource::ManagedPolicy(found)) => {
            policy.document = canonical_document(&policy.document);
            add(&mut policy.tags, &found.tags);
        }
        (Resource::Role(role), Resource::Role(found)) => {
            role.trust = canonical_document(&role.trust);
            role.path.clone_from(&found.path);
            add(&mut role.tags, &found.tags);
        }
        (Resource::User(user), Resource::User(found)) => {
            user.path.clone_from(&found.path);
            add(&mut user.tags, &found.tags);
        }
        (Resource::OidcProvider(provider), Resource::OidcProvider(found)) => {
            provider.audiences.extend(found.audiences.iter().cloned());
            provider.audiences.sort();
            provider.audiences.dedup();
        }
        (Resource::Tags(tags), Resource::Tags(found)) => add(&mut tags.tags, &found.tags),
        // Its ARN is known once it is made.
        (Resource::KmsKey(key), Resource::KmsKey(found)) => key.clone_from(found),
        (Resource::Lifecycle(lifecycle), Resource::Lifecycle(found)) => {
            lifecycle.rules.sort_by(|a, b| a.id.cmp(&b.id));
            lifecycle.minimum_object_size.clone_from(&found.minimum_object_size);
        }
        (Resource::Replication(replication), _) => {
            replication.rules.sort_by(|a, b| a.id.cmp(&b.id));
            replication.rules.iter_mut().for_each(|rule| rule.rest = None);
        }
        // A server other than AWS may say no region.
        (Resource::Bucket(bucket), Resource::Bucket(found)) => {
            bucket.region.clone_from(&found.region);
            bucket.object_lock = found.object_lock;
        }
        // What AWS refuses from clients it decides itself where nothing was said.
        (Resource::Encryption(encryption), Resource::Encryption(found)) => {
            encryption.blocked.clone_from(&found.blocked);
            if encryption.key.as_deref().is_some_and(|key| !encryption::is_arn(key)) {
                encryption.key.clone_from(&found.key);
            }
        }
        _ => {}
    }
    resource
}

fn add(tags: &mut std::collections::BTreeMap<String, String>, found: &std::collections::BTreeMap<String, String>) {
    for (key, value) in found {
        tags.entry(key.clone()).or_insert_with(|| value.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::{BucketPolicy, Tags, User};
    use serde_json::Value;

    fn policy(statements: Vec<Value>) -> Resource {
        Resource::BucketPolicy(BucketPolicy { version: "2012-10-17".to_owned(), id: None, statements })
    }

    #[test]
    fn another_spelling_is_as_written() {
        let said = policy(vec![json!({ "Effect": "Deny", "Action": "s3:*", "Principal": { "AWS": "*" } })]);
        let shown = policy(vec![json!({ "Action": ["s3:*"], "Principal": { "AWS": ["*"] }, "Effect": "Deny" })]);
        assert_eq!(unlike(Some(&shown), &said), None);
        assert!(unlike(Some(&policy(vec![json!({ "Effect": "Allow" })])), &said).is_some());
        assert!(unlike(None, &said).is_some());
        assert_eq!(unlike(None, &policy(Vec::new())), None);
    }

    #[test]
    fn tags_that_others_set_are_no_difference() {
        let tags = |tags: &[(&str, &str)]| {
            let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            Resource::Tags(Tags { tags })
        };
        assert_eq!(unlike(Some(&tags(&[("a", "1"), ("b", "2")])), &tags(&[("a", "1")])), None);
        assert_eq!(unlike(Some(&tags(&[("a", "2")])), &tags(&[("a", "1")])).as_deref(), Some("tags.a"));
        let user = |boundary: Option<&str>| {
            Resource::User(User {
                name: "u".to_owned(),
                path: "/".to_owned(),
                boundary: boundary.map(str::to_owned),
                tags: std::collections::BTreeMap::new(),
            })
        };
        assert_eq!(unlike(Some(&user(None)), &user(Some("arn"))).as_deref(), Some("boundary"));
    }
}
