//! Steps that write a resource outside: a bucket, one of its settings, a user, a role, a key.

use super::database::said;
use super::{Hands, access_key};
use crate::event::StepEnd;
use crate::observe::Ground;
use crate::provider::aws::{AwsSession, write};
use crate::resource::{BucketPlace, Resource};

/// Writes one resource for a storage or an entry of `access`, and returns once it shows.
pub(super) async fn settle(
    storage: Option<&str>,
    access: Option<&str>,
    resource: &Resource,
    hands: &Hands<'_>,
) -> StepEnd {
    let (session, place) = match reach(storage, access, hands) {
        Ok(reached) => reached,
        Err(problem) => return StepEnd::Failed(problem),
    };
    if let (Resource::AccessKeys(keys), Some(access)) = (resource, access) {
        return access_key::settle(session, access, keys, hands).await;
    }
    match write(session, Some(place), resource).await {
        Ok(()) => StepEnd::Done("written".to_owned()),
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
