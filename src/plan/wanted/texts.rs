//! Texts that resources are made of and that may hold references: where each stands in the policy, and what stands
//! behind it. None of them is a secret: they name files, buckets and keys, and are shown in plans.

use crate::base::Template;
use crate::plan::Live;
use crate::plan::alarms::notify_route;
use crate::policy::{AccessKind, Desired, EncryptionAtRest, StorageKind};

/// Every such text that holds a reference, by its route in the policy.
pub fn references(desired: &Desired) -> Vec<(String, &Template)> {
    let mut all: Vec<(String, &Template)> = Vec::new();
    for (name, storage) in &desired.storages {
        let StorageKind::S3(spec) = &storage.kind else { continue };
        let Some(manage) = &spec.manage else { continue };
        if let Some(EncryptionAtRest::SseKms { key: Some(key), .. }) = &manage.encryption {
            all.push((key_route(name), key));
        }
        if let Some((bucket, prefix)) = &manage.access_logs {
            all.push((log_route(name, "bucket"), bucket));
            all.extend(prefix.iter().map(|prefix| (log_route(name, "prefix"), prefix)));
        }
    }
    for (name, access) in &desired.access {
        if let AccessKind::User { key: Some(key) } = &access.kind {
            all.push((delivery_route(name), &key.deliver_to));
        }
    }
    for (index, arn) in desired.alerts.cloudwatch.iter().flat_map(|spec| &spec.notify).enumerate() {
        all.push((notify_route(index), arn));
    }
    all.retain(|(_, template)| template.as_literal().is_none());
    all
}

/// Where the key of KMS of a storage stands.
pub(super) fn key_route(storage: &str) -> String {
    format!("storage.{storage}.manage.encryption.key")
}

/// Where the bucket or prefix of the access log of a storage stands.
pub(super) fn log_route(storage: &str, part: &str) -> String {
    format!("storage.{storage}.manage.access_logs.{part}")
}

/// Where the recipient of a user's key stands.
pub(super) fn delivery_route(access: &str) -> String {
    format!("access.{access}.access_key.deliver_to")
}

/// The text of a template: as it stands, or as `observe` found it behind its references.
pub(in crate::plan) fn text(live: &Live, route: &str, template: &Template) -> Option<String> {
    template.as_literal().or_else(|| live.texts.get(route)?.clone().ok())
}
