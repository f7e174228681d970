//! Which bucket takes the access log of another.
//!
//! As the API of S3 says (`PutBucketLogging`: the same region) and its user guide (page "Logging requests using server
//! access logging": no default retention).

use super::storage::{S3, clear, wrong};
use crate::diag::{Diagnostic, codes};

/// Every log that goes where S3 does not write one; only buckets that are storages of the policy are known.
pub(super) fn check(storages: &[S3<'_>]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for storage in storages.iter().filter(|storage| storage.is_aws()) {
        let Some((node, bucket)) = clear(storage.manage("access_logs").and_then(|logs| logs.get("bucket"))) else {
            continue;
        };
        let route = storage.manage_route("access_logs").key("bucket");
        let takes = |other: &&S3<'_>| other.is_aws() && other.clear("bucket").is_some_and(|(_, name)| name == bucket);
        for target in storages.iter().filter(takes) {
            let say = |detail: String, hint: &str| {
                wrong(&codes::LOG_TARGET_INVALID, &route, node, detail)
                    .with_label(Some(target.node.place()), format!("`{}`", target.name))
                    .with_hint(hint)
            };
            if target.manage("object_lock").is_some() {
                found.push(say(
                    format!("`{bucket}` locks its objects, and S3 writes no log there"),
                    "Name a bucket without `object_lock`.",
                ));
            } else if let (Some((_, own)), Some((_, there))) = (storage.region(), target.region())
                && own != there
            {
                found.push(say(
                    format!("`{bucket}` is in {there}, and the log of a bucket in {own} stays in {own}"),
                    "Name a bucket of the same region.",
                ));
            } else {
                continue;
            }
            break;
        }
    }
    found
}
