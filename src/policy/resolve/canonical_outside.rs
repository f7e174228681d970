//! The meaning of what is outside, buckets and identities, as it goes into the policy's digest.

use crate::base::Template;
use crate::policy::desired::{
    AccessKind, AccessSpec, CloudwatchSpec, CredentialsSpec, EncryptionAtRest, ManageSpec, PruneBy, S3Spec,
};
use crate::resource::Retain;
use serde_json::{Value, json};

pub(super) fn s3(bucket: &S3Spec) -> Value {
    let source = |template: &Option<Template>| template.as_ref().map(|t| t.source().to_owned());
    json!({
        "bucket": bucket.bucket.source(),
        "region": source(&bucket.region),
        "prefix": source(&bucket.prefix),
        "endpoint": source(&bucket.endpoint),
        "path_style": bucket.path_style,
        "credentials": credentials(&bucket.credentials),
        "prune": match bucket.prune { PruneBy::Backstay => "backstay", PruneBy::Lifecycle => "lifecycle" },
        "manage": bucket.manage.as_ref().map(manage),
    })
}

fn credentials(credentials: &CredentialsSpec) -> Value {
    match credentials {
        CredentialsSpec::Chain => json!("chain"),
        CredentialsSpec::Profile(profile) => json!({ "profile": profile.source() }),
        CredentialsSpec::Key { id, secret } => json!({ "id": id.source(), "secret": secret.source() }),
        CredentialsSpec::Role(role) => json!({ "role": role.source() }),
    }
}

pub(super) fn cloudwatch(spec: &CloudwatchSpec) -> Value {
    json!({
        "region": spec.region,
        "namespace": spec.namespace,
        "credentials": credentials(&spec.credentials),
        "databases": spec.databases,
        "alarms": spec.has_alarms,
        "notify": spec.notify.iter().map(Template::source).collect::<Vec<_>>(),
    })
}

pub(super) fn retain(retain: Retain) -> Value {
    json!([retain.mode, retain.period.0])
}

fn manage(manage: &ManageSpec) -> Value {
    let encryption = manage.encryption.as_ref().map(|encryption| match encryption {
        EncryptionAtRest::SseS3 => json!("sse-s3"),
        EncryptionAtRest::SseKms { key, bucket_key, create } => {
            json!([key.as_ref().map(Template::source), bucket_key, create])
        }
    });
    let logs =
        manage.access_logs.as_ref().map(|(to, prefix)| json!([to.source(), prefix.as_ref().map(Template::source)]));
    json!({
        "create": manage.create,
        "versioning": manage.versioning,
        "encryption": encryption,
        "public_access_blocked": manage.public_access_blocked,
        "tls_only": manage.tls_only,
        "overwrite_denied": manage.overwrite_denied,
        "object_lock": manage.object_lock.map(retain),
        "abort_incomplete_uploads": manage.abort_incomplete_uploads.map(|period| period.0),
        "noncurrent_versions": manage.noncurrent_versions.map(|period| period.0),
        "replicate_to": manage.replicate_to,
        "access_logs": logs,
        "tags": manage.tags,
    })
}

pub(super) fn access(access: &AccessSpec) -> Value {
    let kind = match &access.kind {
        AccessKind::User { key } => json!({
            "user": key.as_ref().map(|key| json!([key.deliver_to.source(), key.rotate_after.map(|after| after.0)])),
        }),
        AccessKind::Role { trust } => {
            json!({ "role": [json!(trust.github), json!(trust.service), json!(trust.principals)] })
        }
    };
    json!({
        "name": access.name,
        "kind": kind,
        "grants": access.grants,
        "storage": access.storages,
        "path": access.path,
        "boundary": access.boundary,
    })
}
