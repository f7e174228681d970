//! What backups in S3 need, by what someone is to do with them.
//!
//! The small files of a repository (docs/format.md) are not backups: whoever works there takes a lock and gives it back,
//! so that even one who only writes may delete locks and old journals. Manifests and data are only ever deleted by
//! [`Duty::Prune`].

use super::{BackupSite, Statement};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What someone is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Duty {
    /// Look at everything and change nothing: `plan`, `list`, `show`.
    Plan,
    /// Look, and write what `apply` owns: buckets, their settings, identities.
    Apply,
    /// Take backups and bring copies; never delete one.
    Write,
    /// Restore, thaw, verify, be copied from.
    Read,
    /// Delete backups.
    Prune,
}

impl Duty {
    /// Every duty.
    pub const ALL: [Duty; 5] = [Duty::Plan, Duty::Apply, Duty::Write, Duty::Read, Duty::Prune];

    /// Who has it, as `plan --iam-policy` takes it.
    pub fn word(self) -> &'static str {
        match self {
            Duty::Plan => "planner",
            Duty::Apply => "applier",
            Duty::Write => "writer",
            Duty::Read => "reader",
            Duty::Prune => "pruner",
        }
    }
}

/// The small files that tell what a repository holds.
const CATALOG: [&str; 5] = ["backstay.json", "manifest/*", "index/*", "lock/*", "journal/*"];

/// The same with where the timelines of archived WAL came from.
const HISTORIES: &str = "wal/*/history/*";

/// What is written once.
const WRITTEN_ONCE: [&str; 2] = ["data/*", "wal/*"];

/// The small files that are written again and again, and removed without loss.
const WORKING: [&str; 2] = ["lock/*", "journal/*"];

/// What a duty takes on the backups of one place. [`Duty::Apply`] takes what [`Duty::Plan`] takes, and may make the
/// place a repository; what both take on the bucket itself says [`reads`](super::reads) and
/// [`writes`](super::writes).
pub fn backup_statements(duty: Duty, site: &BackupSite<'_>) -> Vec<Statement> {
    let mut all = vec![list(duty, site)];
    let catalog = || CATALOG.map(|keys| site.keys(keys));
    let written_once = || WRITTEN_ONCE.map(|keys| site.keys(keys)).into();
    let on = |sid: &str, actions: &[&'static str], resources: Vec<String>| {
        Statement::new(sid, actions.iter().copied(), resources)
    };
    let mut uses_key = vec!["kms:Decrypt"];
    match duty {
        Duty::Plan => {
            let read = catalog().into_iter().chain([site.keys(HISTORIES)]);
            all.push(on("Catalog", &["s3:GetObject"], read.collect()));
            // Whether what is to go is locked, without reading it.
            all.push(on("Locks", &["s3:GetObjectRetention", "s3:GetObjectLegalHold"], written_once()));
        }
        Duty::Apply => {
            let read = catalog().into_iter().chain([site.keys(HISTORIES)]);
            all.push(on("Catalog", &["s3:GetObject"], read.collect()));
            all.push(on("Locks", &["s3:GetObjectRetention", "s3:GetObjectLegalHold"], written_once()));
            let made = vec![site.keys("backstay.json"), site.keys("index/*")];
            all.push(on("Marker", &["s3:GetObject", "s3:PutObject"], made));
            uses_key.push("kms:GenerateDataKey");
        }
        Duty::Write => {
            all.push(on("Catalog", &["s3:GetObject"], catalog().into()));
            let mut adds = vec!["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"];
            if site.locks {
                adds.push("s3:PutObjectRetention");
            }
            all.push(on("Add", &adds, vec![site.keys("*")]));
            all.push(on("Working", &["s3:DeleteObject"], WORKING.map(|keys| site.keys(keys)).into()));
            uses_key.push("kms:GenerateDataKey");
        }
        Duty::Read => {
            let mut fetches = vec!["s3:GetObject"];
            if site.versions {
                fetches.push("s3:GetObjectVersion");
            }
            all.push(on("Fetch", &fetches, vec![site.keys("*")]));
            all.push(on("Thaw", &["s3:RestoreObject"], written_once()));
        }
        Duty::Prune => {
            all.push(on("Catalog", &["s3:GetObject"], catalog().into()));
            // Whether there are versions and locks, someone else may decide at any time.
            let deletes = ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:AbortMultipartUpload"];
            let asks = ["s3:GetObjectRetention", "s3:GetObjectLegalHold"];
            all.push(on("Delete", &[deletes.as_slice(), &asks].concat(), vec![site.keys("*")]));
            let told = ["lock/*", "journal/*", "index/*"].map(|keys| site.keys(keys));
            all.push(on("Working", &["s3:PutObject"], told.into()));
            uses_key.push("kms:GenerateDataKey");
        }
    }
    all.extend(site.key.map(|key| key_statement(key, site, &uses_key)));
    all
}

/// Listing, as narrow as a bucket lets it be. `IfExists`, because asking whether the bucket or a key exists names no
/// prefix, and is answered 403 instead of 404 to whoever may not list.
fn list(duty: Duty, site: &BackupSite<'_>) -> Statement {
    let mut actions = vec!["s3:ListBucket"];
    if duty != Duty::Read {
        actions.push("s3:ListBucketMultipartUploads");
    }
    if duty == Duty::Prune {
        actions.push("s3:ListBucketVersions");
    }
    let statement = Statement::new("List", actions, [site.bucket()]);
    match site.place.prefix.as_str() {
        "" => statement,
        prefix => statement.when("StringLikeIfExists", "s3:prefix", [format!("{prefix}*")]),
    }
}

/// Use of a key of KMS by way of S3 only. An alias is no resource of these actions, so it becomes a condition.
fn key_statement(key: &str, site: &BackupSite<'_>, actions: &[&'static str]) -> Statement {
    let alias = key.rfind(":alias/").map(|at| &key[at + 1..]).or_else(|| key.starts_with("alias/").then_some(key));
    let resource = match alias {
        Some(_) => site.at.kms("key/*"),
        None if key.starts_with("arn:") => key.to_owned(),
        None => site.at.kms(&format!("key/{}", key.trim_start_matches("key/"))),
    };
    let operator = if site.at.region.is_empty() { "StringLike" } else { "StringEquals" };
    let statement = Statement::new("Key", actions.iter().copied(), [resource]);
    let statement = statement.when(operator, "kms:ViaService", [site.at.s3_service()]);
    match alias {
        Some(alias) => statement.when("ForAnyValue:StringEquals", "kms:ResourceAliases", [alias.to_owned()]),
        None => statement,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::permissions::{Whereabouts, policy_document, policy_length};
    use crate::resource::{BucketPlace, Caller};

    fn place(prefix: &str) -> BucketPlace {
        BucketPlace {
            bucket: "a".repeat(63),
            region: "us-east-1".to_owned(),
            prefix: prefix.to_owned(),
            endpoint: None,
        }
    }

    fn allowed(duty: Duty, site: &BackupSite<'_>) -> Vec<(&'static str, String)> {
        let statements = backup_statements(duty, site);
        let pairs =
            |s: &Statement| s.resources.iter().flat_map(|r| s.actions.iter().map(|a| (*a, r.clone()))).collect();
        statements.iter().flat_map(|s: &Statement| -> Vec<(&'static str, String)> { pairs(s) }).collect()
    }

    #[test]
    fn who_writes_deletes_neither_data_nor_manifests_and_changes_no_bucket() {
        let place = place("prod/");
        let at = Whereabouts { caller: None, region: "us-east-1" };
        let site = BackupSite { place: &place, at, key: None, locks: true, versions: true };
        for (action, resource) in allowed(Duty::Write, &site) {
            if action.contains("Delete") {
                assert!(resource.ends_with("/prod/lock/*") || resource.ends_with("/prod/journal/*"), "{resource}");
            }
            assert!(!action.contains("PutBucket") && !action.contains("Lifecycle"), "{action}");
            assert!(!action.contains("Bypass"), "{action}");
        }
        for duty in [Duty::Plan, Duty::Apply, Duty::Read] {
            assert!(allowed(duty, &site).iter().all(|(action, _)| !action.contains("Delete")), "{duty:?}");
        }
        for duty in Duty::ALL {
            for (_, resource) in allowed(duty, &site) {
                assert!(resource.ends_with(&site.place.bucket) || resource.contains("/prod/"), "{resource}");
            }
        }
    }

    #[test]
    fn one_duty_fits_into_a_user_even_with_the_longest_name_of_a_bucket() {
        let caller = Caller { account: "123456789012".into(), arn: "arn:aws-us-gov:iam::123456789012:root".into() };
        let place = place("production/");
        let at = Whereabouts { caller: Some(&caller), region: "us-gov-west-1" };
        let site = BackupSite { place: &place, at, key: Some("alias/backups"), locks: true, versions: true };
        for duty in [Duty::Write, Duty::Read, Duty::Prune] {
            let document = policy_document(&backup_statements(duty, &site));
            assert!(policy_length(&document) <= 2_048, "{duty:?}: {}", policy_length(&document));
        }
    }

    #[test]
    fn a_key_is_named_by_its_arn_or_by_its_alias() {
        let place = place("");
        let caller = Caller { account: "123456789012".into(), arn: "arn:aws:iam::123456789012:root".into() };
        let at = Whereabouts { caller: Some(&caller), region: "eu-west-1" };
        let statement = |key: &str| {
            let site = BackupSite { place: &place, at, key: Some(key), locks: false, versions: false };
            backup_statements(Duty::Read, &site).pop()
        };
        let resource = |key: &str| statement(key).and_then(|s| s.resources.first().cloned()).unwrap_or_default();
        assert_eq!(resource("alias/b"), "arn:aws:kms:eu-west-1:123456789012:key/*");
        assert_eq!(resource("arn:aws:kms:eu-west-1:123456789012:alias/b"), resource("alias/b"));
        assert_eq!(statement("arn:aws:kms:eu-west-1:123456789012:alias/b"), statement("alias/b"));
        assert_eq!(resource("1234-ab"), "arn:aws:kms:eu-west-1:123456789012:key/1234-ab");
        assert_eq!(resource("arn:aws:kms:x:1:key/y"), "arn:aws:kms:x:1:key/y");
    }
}
