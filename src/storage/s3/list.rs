//! Listings, page by page: objects, and uploads that nobody finished.

use super::begun::{self, Presence};
use super::store::{S3Store, class_named, etag, size};
use super::trouble::Call;
use crate::storage::{ObjectMeta, StorageError};
use aws_sdk_s3::types::{EncodingType, MultipartUpload, Object};
use std::borrow::Cow;

/// Keys of others may hold what XML cannot say, so they are to come encoded. Some servers say that they did and did not.
pub(super) fn encoding(store: &S3Store) -> Option<EncodingType> {
    store.is_aws().then_some(EncodingType::Url)
}

pub(super) async fn objects(store: &S3Store, prefix: &str) -> Result<Vec<ObjectMeta>, StorageError> {
    let call = Call { operation: "list", permission: "s3:ListBucket", key: prefix };
    let mut found = Vec::new();
    let mut next = None;
    loop {
        let request = store.client().await.list_objects_v2().bucket(store.bucket()).prefix(store.full(prefix));
        let request = request
            .set_encoding_type(encoding(store))
            .set_continuation_token(next)
            .set_expected_bucket_owner(store.owner().await);
        let page = request.send().await.map_err(|error| store.problem(call, &error))?;
        let is_encoded = page.encoding_type() == Some(&EncodingType::Url);
        found.extend(page.contents().iter().filter_map(|object| listed(store, object, is_encoded)));
        next = page.next_continuation_token().map(ToOwned::to_owned);
        if next.is_none() || page.is_truncated() != Some(true) {
            break;
        }
    }
    found.sort();
    Ok(found)
}

/// One object, by listing: who may write to a store may list it, and need not read what others wrote.
pub(super) async fn find(store: &S3Store, key: &str) -> Result<Option<ObjectMeta>, StorageError> {
    let call = Call { operation: "list", permission: "s3:ListBucket", key };
    // Of all keys that begin with a key, the key itself comes first.
    let request = store.client().await.list_objects_v2().bucket(store.bucket()).prefix(store.full(key)).max_keys(1);
    let request = request.set_encoding_type(encoding(store)).set_expected_bucket_owner(store.owner().await);
    let page = request.send().await.map_err(|error| store.problem(call, &error))?;
    let is_encoded = page.encoding_type() == Some(&EncodingType::Url);
    Ok(page.contents().iter().find_map(|object| listed(store, object, is_encoded)).filter(|meta| meta.key == key))
}

/// What a listing says of an object of this store.
fn listed(store: &S3Store, object: &Object, is_encoded: bool) -> Option<ObjectMeta> {
    let key = decoded(object.key().unwrap_or_default(), is_encoded);
    // A key that ends in a slash is what consoles show as a folder.
    let key = store.within(&key).filter(|key| !key.ends_with('/'))?;
    Some(ObjectMeta {
        key: key.to_owned(),
        size: size(object.size()),
        etag: etag(object.e_tag()),
        modified: object.last_modified().map_or(0, aws_sdk_s3::primitives::DateTime::secs),
        class: object.storage_class().map_or_else(Default::default, |class| class_named(class.as_str())),
    })
}

pub(super) async fn unfinished(store: &S3Store, prefix: &str) -> Result<Vec<ObjectMeta>, StorageError> {
    let call = Call { operation: "list", permission: "s3:ListBucketMultipartUploads", key: prefix };
    let uploads = match begun::uploads(store, &store.full(prefix)).await {
        Ok(uploads) => uploads,
        // A server that cannot list them leaves it to its own cleaning; who may not list them, as one who only restores,
        // may not clear them either.
        Err(trouble) if trouble.is_not_implemented() || trouble.code == "AccessDenied" => return Ok(Vec::new()),
        Err(trouble) => return Err(store.error(call, trouble)),
    };
    let mut found = Vec::new();
    for (key, upload) in &uploads {
        if let Some(key) = store.within(key) {
            found.extend(one_unfinished(store, key, upload).await);
        }
    }
    found.sort();
    Ok(found)
}

/// An unfinished upload with what was written of it, as far as that can be seen; `None` when it is gone by now.
async fn one_unfinished(store: &S3Store, key: &str, upload: &MultipartUpload) -> Option<ObjectMeta> {
    let id = upload.upload_id().unwrap_or_default();
    let (mut bytes, mut modified) = (0, upload.initiated().map_or(0, aws_sdk_s3::primitives::DateTime::secs));
    let listed = begun::parts(store, key, id, |part| {
        bytes += size(part.size());
        modified = modified.max(part.last_modified().map_or(0, aws_sdk_s3::primitives::DateTime::secs));
    });
    // One whose parts cannot be listed is there all the same, and can be given up by who may not look into it.
    if matches!(listed.await, Ok(Presence::Gone)) {
        return None;
    }
    let class = upload.storage_class().map_or_else(Default::default, |class| class_named(class.as_str()));
    Some(ObjectMeta { key: key.to_owned(), size: bytes, etag: id.to_owned(), modified, class })
}

/// A key as it is; listings may encode it as URLs do.
pub(super) fn decoded(key: &str, is_encoded: bool) -> Cow<'_, str> {
    if !is_encoded || !key.contains(['%', '+']) {
        return Cow::Borrowed(key);
    }
    let mut bytes = Vec::with_capacity(key.len());
    let mut rest = key.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = [rest.next().unwrap_or_default(), rest.next().unwrap_or_default()];
                let number = std::str::from_utf8(&digits).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok());
                // What is no escape cannot come from a server that encodes.
                bytes.push(number.unwrap_or(b'%'));
            }
            byte => bytes.push(byte),
        }
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_decoded_only_where_they_were_encoded() {
        assert_eq!(decoded("a+b%2Fc%25%F0%9F%98%80", true), "a b/c%😀");
        assert_eq!(decoded("a+b%2Fc", false), "a+b%2Fc");
    }
}
