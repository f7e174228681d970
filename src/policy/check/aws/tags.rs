//! Tags of buckets.

use super::storage::{S3, wrong};
use crate::diag::{Diagnostic, codes};
use crate::resource::validity::{MOST_TAGS, tag_problem};
use crate::resource::{MANAGED_BY, POLICY_TAG};

/// A bucket has these of ours besides.
const OURS: [&str; 2] = [MANAGED_BY, POLICY_TAG];

/// Tags that AWS does not take, tags that backstay sets itself, and too many.
pub(super) fn check(storage: &S3<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let (Some(tags), route) = (storage.manage("tags"), storage.manage_route("tags")) else { return found };
    let Some(entries) = tags.entries() else { return found };
    for (key, value) in entries {
        let route = route.key(key);
        if OURS.contains(&key.as_str()) {
            found.push(
                wrong(
                    &codes::NAME_RESERVED,
                    &route,
                    value,
                    format!("the tag `{key}` says which policy a bucket belongs to"),
                )
                .with_hint("Remove it: `apply` sets it."),
            );
        } else if let Some(problem) = value.text().and_then(|text| tag_problem(key, text)) {
            found.push(wrong(&codes::TAG_INVALID, &route, value, format!("`{key}`: {problem}")).with_hint(
                match key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:")) {
                    true => "Give it another key.",
                    false => "Write letters, digits, spaces and `_ . : / = + - @`.",
                },
            ));
        }
    }
    if entries.len() + OURS.len() > MOST_TAGS {
        let most = MOST_TAGS - OURS.len();
        let detail = format!("{} tags, and a bucket takes {MOST_TAGS}, two of which are backstay's", entries.len());
        found.push(wrong(&codes::TAG_INVALID, &route, tags, detail).with_hint(format!("Write at most {most}.")));
    }
    found
}
