//! What a policy wants of a bucket.

use super::Wanted;
use super::bucket_policy::bucket_policy;
use super::lifecycle::lifecycle;
use super::replication::replication;
use super::shared::{hidden, keeps_versions, key, shares, speaker};
use super::texts::{log_route, text};
use crate::plan::Live;
use crate::policy::{Desired, EncryptionAtRest, ManageSpec, S3Spec};
use crate::resource::{
    AccessLog, Algorithm, Bucket, BucketPlace, Encryption, Found, KmsKey, LockPeriod, ObjectLock, Ownership,
    PublicAccess, Resource, Retain, Tags, Versioning, marks, whole_days,
};

/// The bucket of a storage and its settings, as far as `manage` names them; nothing where another storage of the
/// policy speaks for the bucket.
pub(super) fn bucket(desired: &Desired, live: &Live, name: &str, spec: &S3Spec, place: &BucketPlace) -> Vec<Wanted> {
    let shares = shares(desired, live, place);
    if speaker(&shares).is_none_or(|speaker| speaker.name != name) {
        return Vec::new();
    }
    let is_whole = hidden(desired, live, place).is_none();
    let mut list = List { name, all: Vec::new() };
    let may_create = spec.manage.as_ref().is_some_and(|manage| manage.create);
    let locks = spec.manage.as_ref().is_some_and(|manage| manage.object_lock.is_some());
    let bucket = Bucket { name: place.bucket.clone(), region: place.region.clone(), object_lock: locks };
    list.add(Resource::Bucket(bucket), &[], may_create);
    if let Some(manage) = &spec.manage {
        // Before anything else: from here on nothing in it can be public.
        if manage.public_access_blocked {
            list.setting(Resource::PublicAccess(PublicAccess::BLOCKED));
            // Without ACLs there is no other way to make an object public.
            list.setting(Resource::Ownership(Ownership { rule: "BucketOwnerEnforced".to_owned() }));
        }
        let mut tags = manage.tags.clone();
        tags.extend(marks(&desired.name));
        list.setting(Resource::Tags(Tags { tags }));
        list.encryption(live, spec, manage);
        if keeps_versions(spec) {
            list.setting(Resource::Versioning(Versioning::Enabled));
        } else if manage.versioning == Some(false) {
            list.setting(Resource::Versioning(Versioning::Unversioned));
        }
        if let Some(retain) = manage.object_lock {
            list.add(Resource::ObjectLock(object_lock(retain)), &["bucket", "versioning"], true);
        }
        if is_whole {
            list.setting(Resource::BucketPolicy(bucket_policy(desired, live, name, &shares)));
        }
    }
    // Rules that would delete backups are looked for in every bucket.
    if is_whole {
        list.setting(Resource::Lifecycle(lifecycle(desired, &shares)));
    }
    if let Some(manage) = &spec.manage {
        list.all.extend(replication(desired, live, name, manage, place));
        if let Some((to, prefix)) = &manage.access_logs {
            let prefix =
                prefix.as_ref().map_or(Some(String::new()), |prefix| text(live, &log_route(name, "prefix"), prefix));
            if let (Some(to), Some(prefix)) = (text(live, &log_route(name, "bucket"), to), prefix) {
                list.setting(Resource::AccessLog(AccessLog { bucket: Some(to), prefix }));
            }
        }
    }
    list.all
}

struct List<'a> {
    name: &'a str,
    all: Vec<Wanted>,
}

impl List<'_> {
    fn add(&mut self, resource: Resource, after: &[&str], may_create: bool) {
        self.all.push(Wanted {
            address: format!("storage/{}/{}", self.name, resource.word()),
            storage: Some(self.name.to_owned()),
            access: None,
            resource,
            after: after.iter().map(|word| format!("storage/{}/{word}", self.name)).collect(),
            may_create,
        });
    }

    fn setting(&mut self, resource: Resource) {
        self.add(resource, &["bucket"], true);
    }

    fn encryption(&mut self, live: &Live, spec: &S3Spec, manage: &ManageSpec) {
        let encryption = |algorithm, key, bucket_key| {
            Resource::Encryption(Encryption { algorithm, key, bucket_key, blocked: Vec::new() })
        };
        match &manage.encryption {
            None => {}
            Some(EncryptionAtRest::SseS3) => self.setting(encryption(Algorithm::Aes256, None, false)),
            Some(EncryptionAtRest::SseKms { key: None, bucket_key, .. }) => {
                self.setting(encryption(Algorithm::Kms, None, *bucket_key));
            }
            Some(EncryptionAtRest::SseKms { key: Some(_), bucket_key, create }) => {
                let Some(named) = key(live, self.name, spec) else { return };
                let Some(at) = named.find("alias/") else {
                    self.setting(encryption(Algorithm::Kms, Some(named), *bucket_key));
                    return;
                };
                let alias = named[at..].to_owned();
                let found = live.resources.get(&format!("storage/{}/kms-key", self.name));
                let arn = match found {
                    Some(Found::There(Resource::KmsKey(key))) => key.arn.clone(),
                    _ => None,
                };
                self.add(Resource::KmsKey(KmsKey { alias, arn: None, enabled: true }), &[], *create);
                // Until the key is made its alias stands for it; S3 is told the ARN afterwards.
                let key = arn.unwrap_or(named);
                self.add(encryption(Algorithm::Kms, Some(key), *bucket_key), &["bucket", "kms-key"], true);
            }
        }
    }
}

fn object_lock(retain: Retain) -> ObjectLock {
    let days = whole_days(retain.period).max(1);
    ObjectLock { enabled: true, mode: Some(retain.mode), period: Some(LockPeriod::Days(days)) }
}
