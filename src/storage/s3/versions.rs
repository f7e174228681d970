//! Versions of objects, as listed: what has to go with an object for its bytes to be gone.

use super::list::{decoded, encoding};
use super::store::{S3Store, etag};
use super::trouble::{Call, Trouble};
use crate::storage::StorageError;
use std::collections::HashMap;

/// The id of a version that was written without versioning.
pub(super) const NULL: &str = "null";

/// One version of an object, or a marker of its deletion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) id: String,
    /// Empty for a marker.
    pub(super) etag: String,
    pub(super) is_latest: bool,
    pub(super) is_marker: bool,
}

/// What became of a listing of versions.
pub(super) enum Listed {
    /// The versions of each key within the store, the newest first.
    Versions(HashMap<String, Vec<Version>>),
    /// The server knows no versions.
    Unknown,
    /// We may not list them.
    Forbidden(Trouble),
}

/// What a listing of versions needs.
pub(super) const PERMISSION: &str = "s3:ListBucketVersions";

/// Every version of every object whose key begins with `prefix`.
pub(super) async fn versions(store: &S3Store, prefix: &str) -> Result<Listed, StorageError> {
    let call = Call { operation: "list", permission: PERMISSION, key: prefix };
    let mut found: HashMap<String, Vec<Version>> = HashMap::new();
    let (mut key_marker, mut id_marker) = (None, None);
    loop {
        let request = store.client().await.list_object_versions().bucket(store.bucket()).prefix(store.full(prefix));
        let request = request
            .set_encoding_type(encoding(store))
            .set_key_marker(key_marker)
            .set_version_id_marker(id_marker)
            .set_expected_bucket_owner(store.owner().await);
        let page = match request.send().await {
            Ok(page) => page,
            Err(error) => {
                let trouble = Trouble::of(&error);
                if trouble.is_not_implemented() || matches!(trouble.status, Some(400 | 405)) {
                    return Ok(Listed::Unknown);
                }
                if trouble.code == "AccessDenied" {
                    return Ok(Listed::Forbidden(trouble));
                }
                return Err(store.error(call, trouble));
            }
        };
        let is_encoded = page.encoding_type() == Some(&aws_sdk_s3::types::EncodingType::Url);
        let mut add = |key: Option<&str>, version: Version| {
            let key = decoded(key.unwrap_or_default(), is_encoded).into_owned();
            if let Some(key) = store.within(&key) {
                found.entry(key.to_owned()).or_default().push(version);
            }
        };
        for version in page.versions() {
            let (id, is_latest) = (version.version_id().unwrap_or(NULL).to_owned(), version.is_latest() == Some(true));
            add(version.key(), Version { id, etag: etag(version.e_tag()), is_latest, is_marker: false });
        }
        for marker in page.delete_markers() {
            let (id, is_latest) = (marker.version_id().unwrap_or(NULL).to_owned(), marker.is_latest() == Some(true));
            add(marker.key(), Version { id, etag: String::new(), is_latest, is_marker: true });
        }
        if page.is_truncated() != Some(true) || page.next_key_marker().is_none() {
            return Ok(Listed::Versions(found));
        }
        key_marker = page.next_key_marker().map(|key| decoded(key, is_encoded).into_owned());
        id_marker = page.next_version_id_marker().map(ToOwned::to_owned);
    }
}

/// What is to be done about one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is not there, and never was as it was listed.
    Absent,
    /// It is another one by now.
    Changed,
    /// It has no versions beside itself.
    Plain,
    /// These versions go, by their ids: first those that nobody sees, then the one that is seen. A marker goes last, or
    /// what it hides would come back.
    Versions { hidden: Vec<String>, seen: Vec<String> },
}

/// Judges the versions of a key that was listed with an etag.
pub(super) fn judge(versions: &[Version], etag: &str) -> Fate {
    let Some(latest) = versions.iter().find(|version| version.is_latest) else { return Fate::Absent };
    if !latest.is_marker && latest.etag != etag {
        return Fate::Changed;
    }
    if latest.is_marker && !versions.iter().any(|version| version.etag == etag && !version.is_marker) {
        return Fate::Absent;
    }
    if let ([only], false) = (versions, latest.is_marker)
        && only.id == NULL
    {
        return Fate::Plain;
    }
    let ids = |seen: bool| versions.iter().filter(move |v| v.is_latest == seen).map(|v| v.id.clone()).collect();
    Fate::Versions { hidden: ids(false), seen: ids(true) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(id: &str, etag: &str, is_latest: bool) -> Version {
        Version { id: id.to_owned(), etag: etag.to_owned(), is_latest, is_marker: etag.is_empty() }
    }

    #[test]
    fn only_what_was_listed_goes_and_all_of_it() {
        let go = |hidden: &[&str], seen: &str| Fate::Versions {
            hidden: hidden.iter().map(|id| (*id).to_owned()).collect(),
            seen: vec![seen.to_owned()],
        };
        assert_eq!(judge(&[], "a"), Fate::Absent);
        assert_eq!(judge(&[version(NULL, "a", true)], "a"), Fate::Plain);
        assert_eq!(judge(&[version(NULL, "b", true)], "a"), Fate::Changed);
        assert_eq!(judge(&[version("2", "a", true)], "a"), go(&[], "2"));
        assert_eq!(
            judge(&[version("3", "a", true), version("2", "", false), version("1", "b", false)], "a"),
            go(&["2", "1"], "3")
        );
        assert_eq!(judge(&[version("3", "b", true), version("1", "a", false)], "a"), Fate::Changed);
        // Deleted by somebody since: the bytes are there and go too, the marker after them.
        assert_eq!(judge(&[version("2", "", true), version(NULL, "a", false)], "a"), go(&[NULL], "2"));
        assert_eq!(judge(&[version("2", "", true), version("1", "b", false)], "a"), Fate::Absent);
    }
}
