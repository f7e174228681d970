//! Uploads that were begun and not ended, and their parts, as listed page by page.

use super::list::{decoded, encoding};
use super::store::S3Store;
use super::trouble::Trouble;
use aws_sdk_s3::types::{EncodingType, MultipartUpload, Part};

/// Every upload whose whole key begins with `prefix`, with that key. Some servers take the prefix for a whole key.
pub(super) async fn uploads(store: &S3Store, prefix: &str) -> Result<Vec<(String, MultipartUpload)>, Trouble> {
    let mut found = Vec::new();
    let (mut key_marker, mut id_marker) = (None, None);
    loop {
        let request = store.client().await.list_multipart_uploads().bucket(store.bucket()).prefix(prefix);
        let request = request
            .set_encoding_type(encoding(store))
            .set_key_marker(key_marker)
            .set_upload_id_marker(id_marker)
            .set_expected_bucket_owner(store.owner().await);
        let page = request.send().await.map_err(|error| Trouble::of(&error))?;
        let is_encoded = page.encoding_type() == Some(&EncodingType::Url);
        let keyed = page
            .uploads()
            .iter()
            .map(|upload| (decoded(upload.key().unwrap_or_default(), is_encoded).into_owned(), upload.clone()));
        found.extend(keyed.filter(|(key, _)| key.starts_with(prefix)));
        if page.is_truncated() != Some(true) || page.next_key_marker().is_none() {
            return Ok(found);
        }
        key_marker = page.next_key_marker().map(|key| decoded(key, is_encoded).into_owned());
        id_marker = page.next_upload_id_marker().map(ToOwned::to_owned);
    }
}

/// Whether an upload is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    There,
    Gone,
}

/// Gives `take` every part that arrived of an upload. Of one that cannot be listed to its end it got the parts before
/// that.
pub(super) async fn parts(
    store: &S3Store,
    key: &str,
    id: &str,
    mut take: impl FnMut(&Part),
) -> Result<Presence, Trouble> {
    let mut next = None;
    loop {
        let request = store.client().await.list_parts().bucket(store.bucket()).key(store.full(key)).upload_id(id);
        let request = request.set_part_number_marker(next).set_expected_bucket_owner(store.owner().await);
        let page = match request.send().await {
            Ok(page) => page,
            Err(error) => {
                let trouble = Trouble::of(&error);
                let is_gone = trouble.code == "NoSuchUpload" || trouble.is_absent();
                return if is_gone { Ok(Presence::Gone) } else { Err(trouble) };
            }
        };
        page.parts().iter().for_each(&mut take);
        next = page.next_part_number_marker().map(ToOwned::to_owned);
        if next.is_none() || page.is_truncated() != Some(true) {
            return Ok(Presence::There);
        }
    }
}
