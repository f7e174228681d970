//! What a bucket is to refuse, whoever asks.

use super::shared::Share;
use crate::plan::Live;
use crate::policy::Desired;
use crate::resource::permissions::Whereabouts;
use crate::resource::{BucketPolicy, statement_id};
use serde_json::json;

/// Our statements in the policy of the bucket of `storage`, which all `shares` lie in.
pub(super) fn bucket_policy(desired: &Desired, live: &Live, storage: &str, shares: &[Share<'_>]) -> BucketPolicy {
    let managed = || shares.iter().filter_map(|share| Some((share, share.spec.manage.as_ref()?)));
    let region = shares.first().map_or("", |share| share.place.region.as_str());
    let at = Whereabouts { caller: live.storage_caller(storage), region };
    let mut statements = Vec::new();
    if managed().any(|(_, manage)| manage.tls_only)
        && let Some(share) = shares.first()
    {
        let bucket = at.bucket(&share.place.bucket);
        statements.push(json!({
            "Sid": statement_id(&desired.name, "TlsOnly"),
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [&bucket, format!("{bucket}/*")],
            "Condition": { "Bool": { "aws:SecureTransport": "false" } },
        }));
    }
    // Files of backups and their manifests are written once. Everything else of a repository is written again and again.
    let written_once: Vec<String> = managed()
        .filter(|(_, manage)| manage.overwrite_denied)
        .flat_map(|(share, _)| {
            let mut archives = desired.databases.values().filter_map(|database| database.wal.as_ref());
            let wal = archives.any(|wal| wal.to.iter().any(|to| to == share.name)).then_some("wal");
            let below = |folder| format!("{}/{}{folder}/*", at.bucket(&share.place.bucket), share.place.prefix);
            // A manifest, and not what verifying it found, which lies beside it: `<id>.verified.json`.
            let manifests = format!("{}/{}manifest/*Z-????.json", at.bucket(&share.place.bucket), share.place.prefix);
            std::iter::once("data").chain(wal).map(below).chain([manifests]).collect::<Vec<_>>()
        })
        .collect();
    if !written_once.is_empty() {
        statements.push(json!({
            "Sid": statement_id(&desired.name, "NoOverwrite"),
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:PutObject",
            "Resource": written_once,
            // Parts of an upload create no object, so they need no header; its completion does.
            "Condition": {
                "Null": { "s3:if-none-match": "true" },
                "Bool": { "s3:ObjectCreationOperation": "true" },
            },
        }));
    }
    BucketPolicy { version: "2012-10-17".to_owned(), id: None, statements }
}
