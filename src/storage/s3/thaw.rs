//! Cold classes: whether an object can be read now, and asking for a copy that can.

use super::store::{S3Store, class_named};
use super::trouble::{Call, Trouble};
use crate::resource::ThawSpeed;
use crate::storage::{Availability, ObjectStore, StorageError};
use aws_sdk_s3::types::{GlacierJobParameters, OptionalObjectAttributes, RestoreRequest, Tier};
use jiff::Timestamp;

pub(super) async fn availability(store: &S3Store, key: &str) -> Result<Availability, StorageError> {
    let absent = || StorageError::NotFound { location: store.location(), key: key.to_owned() };
    let head = match store.look(key).await {
        // Who may list but not read is told by a listing.
        Err(refused @ StorageError::Forbidden { .. }) => return listed(store, key).await?.ok_or(refused),
        head => head?.ok_or_else(absent)?,
    };
    let class = head.storage_class().map_or_else(Default::default, |class| class_named(class.as_str()));
    if !class.is_cold() {
        return Ok(Availability::Ready);
    }
    Ok(match head.restore() {
        Some(state) if state.contains("ongoing-request=\"true\"") => Availability::Thawing(class),
        Some(state) if state.contains("ongoing-request=\"false\"") => {
            Availability::Thawed { class, until: expiry(state) }
        }
        _ => Availability::Archived(class),
    })
}

/// The same by a listing; `None` where it does not name the object.
async fn listed(store: &S3Store, key: &str) -> Result<Option<Availability>, StorageError> {
    let call = Call { operation: "list", permission: "s3:ListBucket", key };
    let full = store.full(key);
    // Of all keys that begin with a key, the key itself comes first.
    let request = store.client().await.list_objects_v2().bucket(store.bucket()).prefix(&full).max_keys(1);
    let request = request.optional_object_attributes(OptionalObjectAttributes::RestoreStatus);
    let page = request.set_expected_bucket_owner(store.owner().await).send().await;
    let page = page.map_err(|error| store.problem(call, &error))?;
    let Some(found) = page.contents().iter().find(|object| object.key() == Some(&full)) else { return Ok(None) };
    let class = found.storage_class().map_or_else(Default::default, |class| class_named(class.as_str()));
    if !class.is_cold() {
        return Ok(Some(Availability::Ready));
    }
    let status = found.restore_status();
    let until = status.and_then(|status| status.restore_expiry_date());
    Ok(Some(match status.and_then(|status| status.is_restore_in_progress()) {
        Some(true) => Availability::Thawing(class),
        Some(false) => {
            Availability::Thawed { class, until: until.and_then(|at| Timestamp::from_second(at.secs()).ok()) }
        }
        None => Availability::Archived(class),
    }))
}

/// The date in `ongoing-request="false", expiry-date="Fri, 21 Dec 2012 00:00:00 GMT"`.
fn expiry(state: &str) -> Option<Timestamp> {
    let (_, rest) = state.split_once("expiry-date=\"")?;
    let (date, _) = rest.split_once('"')?;
    Timestamp::strptime("%a, %d %b %Y %H:%M:%S %z", date.replace("GMT", "+0000")).ok()
}

pub(super) async fn thaw(store: &S3Store, key: &str, days: u32, speed: ThawSpeed) -> Result<(), StorageError> {
    let tier = match speed {
        ThawSpeed::Expedited => Tier::Expedited,
        ThawSpeed::Standard => Tier::Standard,
        ThawSpeed::Bulk => Tier::Bulk,
    };
    let call = Call { operation: "thaw", permission: "s3:RestoreObject", key };
    let failed = |problem: String| StorageError::Failed {
        location: store.location(),
        operation: call.operation,
        key: key.to_owned(),
        problem,
        transient: false,
    };
    let job = GlacierJobParameters::builder().tier(tier).build().map_err(|e| failed(e.to_string()))?;
    let days = i32::try_from(days).unwrap_or(i32::MAX);
    let wanted = RestoreRequest::builder().days(days).glacier_job_parameters(job).build();
    let request = store.client().await.restore_object().bucket(store.bucket()).key(store.full(key));
    let request = request.restore_request(wanted).set_expected_bucket_owner(store.owner().await);
    match request.send().await {
        Ok(_) => Ok(()),
        Err(error) => {
            let trouble = Trouble::of(&error);
            if trouble.code == "RestoreAlreadyInProgress" { Ok(()) } else { Err(store.error(call, trouble)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::expiry;

    #[test]
    fn the_date_of_a_thawed_copy_is_read() {
        let until = expiry("ongoing-request=\"false\", expiry-date=\"Fri, 04 Dec 2026 00:00:00 GMT\"");
        assert_eq!(until.map(|at| at.to_string()).as_deref(), Some("2026-12-04T00:00:00Z"));
        assert_eq!(expiry("ongoing-request=\"false\""), None);
    }
}
