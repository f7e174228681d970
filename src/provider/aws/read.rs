//! Reading one resource: which one, a wanted one of its kind says.

use super::at::At;
use super::{
    AwsError, AwsSession, access_key, access_log, alarm, bucket, bucket_policy, encryption, grants, kms, lifecycle,
    managed_policy, object_lock, oidc_provider, ownership, public_access, replication, role, tags, user, versioning,
};
use crate::diag::Explain;
use crate::resource::{AccessKeys, BucketPlace, Found, Resource};

/// Reads the resource that stands where `like` is wanted: the same setting of the bucket, the user or role of the same
/// name. `place`: the bucket, for resources of one. In canonical form: what AWS leaves out is filled in.
///
/// Of access keys only those of the user are read; what is delivered where is not known here.
pub async fn read(session: &AwsSession, place: Option<&BucketPlace>, like: &Resource) -> Found {
    match attempt(session, place, like).await {
        Ok(Some(resource)) => Found::There(resource),
        Ok(None) => Found::Absent,
        Err(error) => Found::Unreadable(match error.hint() {
            Some(hint) => format!("[{}] {error}. {hint}", error.code().id),
            None => format!("[{}] {error}", error.code().id),
        }),
    }
}

/// True for buckets and their settings: what nothing of is there while the bucket is not.
pub fn is_of_bucket(resource: &Resource) -> bool {
    !matches!(
        resource,
        Resource::KmsKey(_)
            | Resource::OidcProvider(_)
            | Resource::User(_)
            | Resource::Role(_)
            | Resource::Grants(_)
            | Resource::ManagedPolicy(_)
            | Resource::AccessKeys(_)
            | Resource::Alarm(_)
    )
}

pub(super) async fn attempt(
    session: &AwsSession,
    place: Option<&BucketPlace>,
    like: &Resource,
) -> Result<Option<Resource>, AwsError> {
    let found = match like {
        Resource::KmsKey(key) => kms::read(session, &key.alias).await?.map(Resource::KmsKey),
        Resource::OidcProvider(provider) => {
            oidc_provider::read(session, &provider.url).await?.map(Resource::OidcProvider)
        }
        Resource::User(wanted) => user::read(session, &wanted.name).await?.map(Resource::User),
        Resource::Role(wanted) => role::read(session, &wanted.name).await?.map(Resource::Role),
        Resource::Grants(wanted) => grants::read(session, wanted).await?.map(Resource::Grants),
        Resource::ManagedPolicy(wanted) => managed_policy::read(session, wanted).await?.map(Resource::ManagedPolicy),
        Resource::Alarm(wanted) => alarm::read(session, &wanted.name).await?.map(Resource::Alarm),
        Resource::AccessKeys(wanted) => access_key::access_keys(session, &wanted.user)
            .await?
            .map(|keys| Resource::AccessKeys(AccessKeys { keys, delivered: None, ..wanted.clone() })),
        of_bucket => match place {
            Some(place) => setting(session, &At::of(session, place).await, of_bucket).await?,
            None => None,
        },
    };
    Ok(found)
}

async fn setting(session: &AwsSession, at: &At, like: &Resource) -> Result<Option<Resource>, AwsError> {
    let found = match like {
        Resource::Bucket(_) => bucket::read(at).await?.map(Resource::Bucket),
        Resource::PublicAccess(_) => public_access::read(at).await?.map(Resource::PublicAccess),
        Resource::Ownership(_) => ownership::read(at).await?.map(Resource::Ownership),
        Resource::Versioning(_) => versioning::read(at).await?.map(Resource::Versioning),
        Resource::Encryption(_) => encryption::read(at, session).await?.map(Resource::Encryption),
        Resource::ObjectLock(_) => object_lock::read(at).await?.map(Resource::ObjectLock),
        Resource::Tags(_) => tags::read(at).await?.map(Resource::Tags),
        Resource::BucketPolicy(_) => bucket_policy::read(at).await?.map(Resource::BucketPolicy),
        Resource::Lifecycle(_) => lifecycle::read(at).await?.map(Resource::Lifecycle),
        Resource::Replication(_) => replication::read(at).await?.map(Resource::Replication),
        Resource::AccessLog(_) => access_log::read(at).await?.map(Resource::AccessLog),
        _ => None,
    };
    Ok(found)
}
