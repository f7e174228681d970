//! What steps do and what is true after them, in a few words for people.

use super::Deed;
use crate::resource::{Algorithm, Encryption, LockMode, LockPeriod, ObjectLock, Principal, Resource, Versioning};

impl Deed {
    /// What is done, in a few words.
    pub fn title(&self) -> String {
        match self {
            Deed::CreateFolder { storage } => format!("create the folder of {storage}"),
            Deed::ChangeFolder { storage } => format!("change the folder of {storage}"),
            Deed::CreateMarker { storage } => format!("make {storage} a repository"),
            Deed::Provision { storage, access, resource } => {
                provision(storage.as_deref().or(access.as_deref()).unwrap_or_default(), resource)
            }
            Deed::Forget { principal, .. } => format!("forget the {principal}"),
            Deed::RemovePolicy { arn, .. } => {
                format!("remove the policy {}", arn.rsplit('/').next().unwrap_or_default())
            }
            Deed::ForgetBucket { bucket, .. } => format!("forget the bucket {}", bucket.bucket),
            Deed::SetServer { database, setting, value } => format!("set {setting} of {database} to `{value}`"),
            Deed::RemoveAlarm { name } => format!("delete the alarm {name}"),
            Deed::InstallFile { path, .. } => format!("write {path}"),
            Deed::RemoveFile { path } => format!("remove {path}"),
            Deed::TakeBackup { database, tier, storages, .. } => {
                format!("back up {database} ({tier}) to {}", storages.join(", "))
            }
            Deed::CopyBackup { database, tier, id, from, to, replace } => {
                let verb = if *replace { "replace damaged" } else { "copy" };
                format!("{verb} {database} ({tier}) {id} from {from} to {to}")
            }
            Deed::PruneBackup { database, tier, id, storage, .. } => {
                format!("prune {database} ({tier}) {id} at {storage}")
            }
            Deed::CopyWal { database, from, to, .. } => format!("copy WAL of {database} from {from} to {to}"),
            Deed::PruneWal { storage, database, before, .. } => match before {
                Some(before) => format!("prune WAL of {database} before {before} at {storage}"),
                None => format!("prune all WAL of a former cluster of {database} at {storage}"),
            },
            Deed::ClearLeftover { storage, database, tier, id, keys, .. } => {
                let what = if id.is_empty() { keys.join(", ") } else { format!("{database} ({tier}) {id}") };
                format!("clear leftover {what} at {storage}")
            }
        }
    }
}

/// `of`: the storage or the entry of `access` that it is for.
fn provision(of: &str, resource: &Resource) -> String {
    match resource {
        Resource::Bucket(bucket) => format!("make the bucket {}", bucket.name),
        Resource::PublicAccess(_) => format!("block public access to the bucket of {of}"),
        Resource::Ownership(_) => format!("make the bucket's owner the owner of all objects of {of}"),
        Resource::Versioning(Versioning::Enabled) => format!("keep every version in the bucket of {of}"),
        Resource::Versioning(_) => format!("keep no new versions in the bucket of {of}"),
        Resource::Encryption(_) => format!("set the encryption of the bucket of {of}"),
        Resource::ObjectLock(_) => format!("set the object lock of the bucket of {of}"),
        Resource::Tags(_) => format!("tag the bucket of {of}"),
        Resource::BucketPolicy(policy) if policy.statements.is_empty() => {
            format!("remove the policy of the bucket of {of}")
        }
        Resource::BucketPolicy(_) => format!("write the policy of the bucket of {of}"),
        Resource::Lifecycle(lifecycle) if lifecycle.rules.is_empty() => {
            format!("remove the lifecycle rules of the bucket of {of}")
        }
        Resource::Lifecycle(_) => format!("write the lifecycle rules of the bucket of {of}"),
        Resource::Replication(replication) if replication.rules.is_empty() => {
            format!("end the replication of the bucket of {of}")
        }
        Resource::Replication(_) => format!("replicate the bucket of {of}"),
        Resource::AccessLog(log) => match &log.bucket {
            Some(bucket) => format!("send the access log of the bucket of {of} to {bucket}"),
            None => format!("end the access log of the bucket of {of}"),
        },
        Resource::KmsKey(key) => format!("make the key {} for {of}", key.alias),
        Resource::OidcProvider(provider) => format!("let the account accept tokens of {}", provider.url),
        Resource::User(user) => format!("set up the user {}", user.name),
        Resource::Role(role) => format!("set up the role {}", role.name),
        Resource::Grants(grants) if grants.is_nothing() => {
            format!("take back the rights that stand in the {}", grants.principal)
        }
        Resource::ManagedPolicy(policy) => {
            format!("set the rights of the {} in the policy {}", policy.principal, policy.place().1)
        }
        Resource::Grants(grants) => match &grants.principal {
            Principal::User(name) => format!("set the rights of the user {name}"),
            Principal::Role(name) => format!("set the rights of the role {name}"),
        },
        Resource::AccessKeys(keys) => format!("set the access keys of the user {}", keys.user),
        Resource::Alarm(alarm) => format!("set the alarm {}", alarm.name),
    }
}

/// What is true once a resource is written, without a full stop.
pub fn standing(resource: &Resource) -> String {
    let count = |n: usize, one: &str| if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") };
    match resource {
        Resource::Bucket(bucket) => format!("it is in {}", or(&bucket.region, "the region of the AWS configuration")),
        Resource::PublicAccess(_) => "nothing in it can be public".to_owned(),
        Resource::Ownership(_) => "lists of access beside its policy mean nothing".to_owned(),
        Resource::Versioning(Versioning::Enabled) => "every version is kept".to_owned(),
        Resource::Versioning(_) => "no new versions are kept, old ones stay".to_owned(),
        Resource::Encryption(encryption) => format!("new objects are encrypted {}", with(encryption)),
        Resource::ObjectLock(lock) => locked(lock),
        Resource::Tags(tags) => format!("it has {}", count(tags.tags.len(), "tag")),
        Resource::BucketPolicy(policy) => match policy.statements.len() {
            0 => "it has none".to_owned(),
            n => format!("it has {}", count(n, "statement")),
        },
        Resource::Lifecycle(lifecycle) => match lifecycle.rules.len() {
            0 => "it has none".to_owned(),
            n => format!("it has {}", count(n, "rule")),
        },
        Resource::Replication(replication) => match replication.rules.len() {
            0 => "nothing is copied any more, what was copied stays".to_owned(),
            n => format!("what is written from now on is copied by {}", count(n, "rule")),
        },
        Resource::AccessLog(log) => match &log.bucket {
            Some(bucket) => format!("it goes to {bucket}/{}", log.prefix),
            None => "there is none".to_owned(),
        },
        Resource::KmsKey(_) => "the key can be used".to_owned(),
        Resource::OidcProvider(provider) => format!("for {}", provider.audiences.join(", ")),
        Resource::User(_) | Resource::Role(_) => "it is as the policy says".to_owned(),
        Resource::Grants(grants) => {
            let statements = grants.document.get("Statement").and_then(serde_json::Value::as_array);
            format!("{} hold", count(statements.map_or(1, Vec::len), "statement"))
        }
        Resource::ManagedPolicy(policy) => {
            let statements = policy.document.get("Statement").and_then(serde_json::Value::as_array);
            format!("{} hold", count(statements.map_or(1, Vec::len), "statement"))
        }
        Resource::AccessKeys(keys) => format!("it has {}", count(keys.keys.len(), "key")),
        Resource::Alarm(alarm) => format!("it tells {}", count(alarm.notify.len(), "receiver")),
    }
}

fn or<'a>(text: &'a str, otherwise: &'a str) -> &'a str {
    if text.is_empty() { otherwise } else { text }
}

fn with(encryption: &Encryption) -> String {
    match (encryption.algorithm, &encryption.key) {
        (Algorithm::Aes256, _) => "with keys of S3".to_owned(),
        (_, None) => "with the account's own key of KMS for S3".to_owned(),
        (_, Some(key)) => format!("with the key {key}"),
    }
}

fn locked(lock: &ObjectLock) -> String {
    let mode = match lock.mode {
        Some(LockMode::Governance) => "governance",
        Some(LockMode::Compliance) => "compliance",
        None => return "objects can be locked, and none is unless it asks for it".to_owned(),
    };
    let length = match lock.period {
        Some(LockPeriod::Days(1)) => "a day".to_owned(),
        Some(LockPeriod::Days(days)) => format!("{days} days"),
        Some(LockPeriod::Years(1)) => "a year".to_owned(),
        Some(LockPeriod::Years(years)) => format!("{years} years"),
        None => "as long as each asks for".to_owned(),
    };
    format!("new objects are locked for {length} ({mode})")
}
