//! Deleting objects for good: in a bucket that keeps versions a plain deletion frees nothing, it only hides.

use super::delete::{Doomed, delete_batch};
use super::store::S3Store;
use super::trouble::{Call, Trouble};
use super::versions::{Fate, Listed, NULL, PERMISSION, judge, versions};
use crate::storage::key::is_key;
use crate::storage::{DeleteOutcome, ObjectMeta, ObjectStore, StorageError};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

/// How it went with each key that did not go well.
type Failures = HashMap<String, StorageError>;

/// Deletes objects as they were listed, with every version of them.
pub(super) async fn purge(store: &S3Store, objects: &[ObjectMeta]) -> Result<Vec<DeleteOutcome>, StorageError> {
    let mut failures = Failures::new();
    let mut folders: BTreeMap<&str, Vec<&ObjectMeta>> = BTreeMap::new();
    for object in objects {
        if is_key(&object.key) {
            let end = object.key.rfind('/').map_or(0, |end| end + 1);
            folders.entry(&object.key[..end]).or_default().push(object);
        } else {
            failures.insert(object.key.clone(), StorageError::invalid_key(store.location(), "delete", &object.key));
        }
    }
    for objects in folders.into_values() {
        folder(store, &objects, &mut failures).await?;
    }
    let outcome = |object: &ObjectMeta| match failures.get(&object.key) {
        Some(error) => (object.key.clone(), Err(error.clone())),
        None => (object.key.clone(), Ok(())),
    };
    Ok(objects.iter().map(outcome).collect())
}

/// The same for objects of one folder, which are listed together.
async fn folder(store: &S3Store, objects: &[&ObjectMeta], failures: &mut Failures) -> Result<(), StorageError> {
    let named = named(store, objects).await?;
    let objects: &[&ObjectMeta] = &named.iter().map(Cow::as_ref).collect::<Vec<_>>();
    let fates = match versions(store, common_start(objects)).await? {
        Listed::Versions(mut found) => {
            let fate = |object: &&ObjectMeta| judge(&found.remove(&object.key).unwrap_or_default(), &object.etag);
            objects.iter().map(fate).collect()
        }
        Listed::Unknown => unlisted(store, objects).await?,
        Listed::Forbidden(trouble) => {
            if keeps_versions(store, objects).await {
                let key = objects.first().map_or("", |object| object.key.as_str());
                return Err(store.error(Call { operation: "delete", permission: PERMISSION, key }, trouble));
            }
            unlisted(store, objects).await?
        }
    };
    let mut plain = Vec::new();
    let (mut hidden, mut seen) = (Vec::new(), Vec::new());
    for (object, fate) in objects.iter().zip(&fates) {
        match fate {
            Fate::Absent => {}
            Fate::Changed => {
                let changed = StorageError::Changed { location: store.location(), key: object.key.clone() };
                failures.insert(object.key.clone(), changed);
            }
            Fate::Plain => plain.push(*object),
            Fate::Versions { hidden: h, seen: s } => {
                let doomed = |id| Doomed { key: object.key.as_str(), version: Some(id) };
                hidden.extend(h.iter().map(String::as_str).map(doomed));
                seen.extend(s.iter().map(String::as_str).map(doomed));
            }
        }
    }
    plainly(store, &plain, failures).await;
    by_version(store, &hidden, failures).await;
    // While an old version stays, so does the object: nothing is half gone.
    seen.retain(|doomed| !failures.contains_key(doomed.key));
    by_version(store, &seen, failures).await;
    Ok(())
}

/// The objects with their etags. Some servers list objects without: then one is the same that has the same length and
/// time, and its etag is asked for. One that is another by now stays without, and so differs from what is there.
async fn named<'a>(store: &S3Store, objects: &[&'a ObjectMeta]) -> Result<Vec<Cow<'a, ObjectMeta>>, StorageError> {
    let mut named = Vec::with_capacity(objects.len());
    for object in objects {
        if !object.etag.is_empty() {
            named.push(Cow::Borrowed(*object));
            continue;
        }
        store.powers().etags.judge(false);
        match store.head(&object.key).await {
            Ok(Some(found)) if found.is(&object.identity()) => {
                named.push(Cow::Owned(found));
            }
            Ok(_) | Err(StorageError::Forbidden { .. }) => named.push(Cow::Borrowed(*object)),
            Err(error) => return Err(error),
        }
    }
    Ok(named)
}

/// Deletes objects that have no versions beside themselves.
async fn plainly(store: &S3Store, objects: &[&ObjectMeta], failures: &mut Failures) {
    let mut markers: Vec<(String, String)> = Vec::new();
    match objects {
        [] => return,
        // One alone is deleted only if it still is what was listed, and S3 itself judges that.
        [only] => match delete_if_same(store, &only.key, &only.etag).await {
            Ok(marker) => markers.extend(marker.map(|id| (only.key.clone(), id))),
            Err(error) => {
                failures.insert(only.key.clone(), error);
            }
        },
        several => {
            let doomed: Vec<_> = several.iter().map(|object| Doomed { key: &object.key, version: None }).collect();
            let answer = delete_batch(store, &doomed).await;
            failures.extend(answer.failures);
            markers.extend(answer.markers);
        }
    }
    // Versioning is on or was: what was written before it is still there, now hidden by a marker that goes after it.
    let before: Vec<_> = markers.iter().map(|(key, _)| Doomed { key, version: Some(NULL) }).collect();
    by_version(store, &before, failures).await;
    let after = markers.iter().filter(|(key, id)| id != NULL && !failures.contains_key(key));
    let after: Vec<_> = after.map(|(key, id)| Doomed { key, version: Some(id) }).collect();
    let mut ignored = Failures::new();
    // A marker that stays takes no room.
    by_version(store, &after, &mut ignored).await;
}

async fn by_version(store: &S3Store, doomed: &[Doomed<'_>], failures: &mut Failures) {
    failures.extend(delete_batch(store, doomed).await.failures);
}

/// Deletes one object while its etag is this one. Returns the marker that was made of that, if so.
pub(super) async fn delete_if_same(store: &S3Store, key: &str, etag: &str) -> Result<Option<String>, StorageError> {
    let changed = || StorageError::Changed { location: store.location(), key: key.to_owned() };
    let call = Call { operation: "delete", permission: "s3:DeleteObject", key };
    // A server that does not know the condition deletes all the same, so others than AWS are asked first.
    if !store.is_aws() && store.head(key).await?.is_some_and(|found| found.etag != etag) {
        return Err(changed());
    }
    let request = store.client().await.delete_object().bucket(store.bucket()).key(store.full(key));
    let request = request.set_expected_bucket_owner(store.owner().await);
    let mut answer = request.clone().if_match(format!("\"{etag}\"")).send().await;
    if answer.as_ref().is_err_and(|error| Trouble::of(error).is_not_implemented()) {
        answer = request.send().await;
    }
    match answer {
        Ok(answer) if answer.delete_marker() == Some(true) => Ok(Some(answer.version_id().unwrap_or(NULL).to_owned())),
        Ok(_) => Ok(None),
        Err(error) => {
            let trouble = Trouble::of(&error);
            match trouble.is_absent() {
                true => Ok(None),
                false if trouble.is_precondition() => Err(changed()),
                false => Err(store.error(call, trouble)),
            }
        }
    }
}

/// Judges objects by asking for each, where versions cannot be listed. Who may not even ask may still delete.
async fn unlisted(store: &S3Store, objects: &[&ObjectMeta]) -> Result<Vec<Fate>, StorageError> {
    let mut fates = Vec::with_capacity(objects.len());
    for object in objects {
        fates.push(match store.head(&object.key).await {
            Ok(Some(found)) if found.etag != object.etag => Fate::Changed,
            Ok(None) => Fate::Absent,
            Ok(Some(_)) | Err(StorageError::Forbidden { .. }) => Fate::Plain,
            Err(error) => return Err(error),
        });
    }
    Ok(fates)
}

/// True when the server says a version of one of the objects: then a plain deletion would only hide it.
async fn keeps_versions(store: &S3Store, objects: &[&ObjectMeta]) -> bool {
    for object in objects {
        if let Ok(Some(head)) = store.look(&object.key).await {
            return head.version_id().is_some_and(|id| id != NULL);
        }
    }
    false
}

/// What the keys of all begin with.
fn common_start<'a>(objects: &[&'a ObjectMeta]) -> &'a str {
    let Some((first, rest)) = objects.split_first() else { return "" };
    let mut end = first.key.len();
    for object in rest {
        let same = first.key.char_indices().zip(object.key.chars()).take_while(|((_, a), b)| a == b);
        end = end.min(same.last().map_or(0, |((at, c), _)| at + c.len_utf8()));
    }
    &first.key[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::StorageClass;

    #[test]
    fn no_more_is_listed_than_needed() {
        let meta = |key: &str| ObjectMeta {
            key: key.to_owned(),
            size: 1,
            etag: String::new(),
            modified: 0,
            class: StorageClass::Standard,
        };
        let start = |keys: &[&str]| {
            let all: Vec<ObjectMeta> = keys.iter().map(|key| meta(key)).collect();
            common_start(&all.iter().collect::<Vec<_>>()).to_owned()
        };
        assert_eq!(start(&["d/é.zst"]), "d/é.zst");
        assert_eq!(start(&["d/é.zst", "d/é.zst.sha256"]), "d/é.zst");
        assert_eq!(start(&["d/é", "d/è", "d/x"]), "d/");
        assert_eq!(start(&["a", "b"]), "");
        assert_eq!(start(&[]), "");
    }
}
