//! Steps that write a resource outside: a bucket, one of its settings, a user, a role, a key.

use super::said::said;
use super::{Hands, access_key};
use crate::event::StepEnd;
use crate::observe::{Ground, cloudwatch};
use crate::plan::{grants_name, standing};
use crate::provider::aws::{AwsSession, delete_alarm, forget, forget_bucket, remove_policy, write};
use crate::resource::{BucketPlace, LeftBucket, Principal, Resource};

/// Writes one resource for a storage or an entry of `access`, and returns once it shows.
pub(super) async fn settle(
    storage: Option<&str>,
    access: Option<&str>,
    resource: &Resource,
    hands: &Hands<'_>,
) -> StepEnd {
    if let Resource::Alarm(_) = resource {
        let session = match alarms(hands) {
            Ok(session) => session,
            Err(problem) => return StepEnd::Failed(problem),
        };
        return match write(&session, None, resource).await {
            Ok(()) => StepEnd::Done(standing(resource)),
            Err(error) => StepEnd::Failed(said(&error)),
        };
    }
    let (session, place) = match reach(storage, access, hands) {
        Ok(reached) => reached,
        Err(problem) => return StepEnd::Failed(problem),
    };
    if let (Resource::AccessKeys(keys), Some(access)) = (resource, access) {
        return access_key::settle(session, access, keys, hands).await;
    }
    match write(session, Some(place), resource).await {
        Ok(()) => StepEnd::Done(standing(resource)),
        Err(error) => StepEnd::Failed(said(&error)),
    }
}

/// Deletes an alarm that the policy no longer wants.
pub(super) async fn remove_alarm(name: &str, hands: &Hands<'_>) -> StepEnd {
    let session = match alarms(hands) {
        Ok(session) => session,
        Err(problem) => return StepEnd::Failed(problem),
    };
    match delete_alarm(&session, name).await {
        Ok(()) => StepEnd::Done("it is gone".to_owned()),
        Err(error) => StepEnd::Failed(said(&error)),
    }
}

/// Where the alarms of the policy stand.
fn alarms(hands: &Hands<'_>) -> Result<AwsSession, String> {
    let spec = hands.desired.alerts.cloudwatch.as_ref().ok_or("the policy names no CloudWatch")?;
    cloudwatch(spec, hands.lookup.as_ref()).map_err(|problem| problem.to_string())
}

/// Takes back what the policy gave to a user or role, in the account of a storage.
pub(super) async fn let_go(storage: &str, principal: &Principal, hands: &Hands<'_>) -> StepEnd {
    let session = match reach(Some(storage), None, hands) {
        Ok((session, _)) => session,
        Err(problem) => return StepEnd::Failed(problem),
    };
    match forget(session, &hands.desired.name, &grants_name(&hands.desired.name), principal).await {
        Ok(()) => StepEnd::Done("it has nothing of this policy any more; it is still there".to_owned()),
        Err(error) => StepEnd::Failed(said(&error)),
    }
}

/// Takes a policy of IAM from those who have it, and deletes it.
pub(super) async fn remove_managed(storage: &str, arn: &str, from: &[Principal], hands: &Hands<'_>) -> StepEnd {
    let session = match reach(Some(storage), None, hands) {
        Ok((session, _)) => session,
        Err(problem) => return StepEnd::Failed(problem),
    };
    match remove_policy(session, arn, from).await {
        Ok(true) => StepEnd::Done("it is gone".to_owned()),
        Ok(false) => StepEnd::Done("somebody else has it, and it stays there".to_owned()),
        Err(error) => StepEnd::Failed(said(&error)),
    }
}

/// Takes the policy's rules and mark out of a bucket, in the account of a storage.
pub(super) async fn let_go_of_bucket(storage: &str, bucket: &LeftBucket, hands: &Hands<'_>) -> StepEnd {
    let session = match reach(Some(storage), None, hands) {
        Ok((session, _)) => session,
        Err(problem) => return StepEnd::Failed(problem),
    };
    match forget_bucket(session, bucket, &hands.desired.name).await {
        Ok(()) => StepEnd::Done("it has nothing of this policy any more; everything in it is still there".to_owned()),
        Err(error) => StepEnd::Failed(said(&error)),
    }
}

/// The session and bucket of a storage; for an entry of `access` those of the first of its storages in a bucket.
fn reach<'a>(
    storage: Option<&str>,
    access: Option<&str>,
    hands: &'a Hands<'_>,
) -> Result<(&'a AwsSession, &'a BucketPlace), String> {
    let of_access = || access.and_then(|access| hands.desired.access.get(access)).map(|entry| &entry.storages);
    let names: Vec<&str> = match storage {
        Some(storage) => vec![storage],
        None => of_access().into_iter().flatten().map(String::as_str).collect(),
    };
    let mut problem = "the policy has no storage in a bucket for it".to_owned();
    for name in names {
        match hands.places.place(name) {
            Ok(found) => {
                if let Ground::Bucket { session, place, .. } = &found.ground {
                    return Ok((session, place));
                }
            }
            Err(error) => problem = said(&error),
        }
    }
    Err(problem)
}
