//! Tags of users and roles.

use aws_sdk_iam::error::BuildError;
use aws_sdk_iam::types::Tag;
use std::collections::BTreeMap;

/// Tags by key; those of AWS itself are left out.
pub(super) fn canonical(tags: &[Tag]) -> BTreeMap<String, String> {
    let ours = tags.iter().filter(|tag| !tag.key.starts_with("aws:"));
    ours.map(|tag| (tag.key.clone(), tag.value.clone())).collect()
}

/// The tags that are not yet as wanted, as AWS takes them. Tags that nobody wants stay: whose they are cannot be told.
pub(super) fn changed(
    found: Option<&BTreeMap<String, String>>,
    wanted: &BTreeMap<String, String>,
) -> Result<Vec<Tag>, BuildError> {
    let is_so = |key: &String, value: &String| found.and_then(|found| found.get(key)) == Some(value);
    let changed = wanted.iter().filter(|(key, value)| !is_so(key, value));
    changed.map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}
