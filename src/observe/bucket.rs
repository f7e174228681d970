//! Storages in buckets: opened without a call, and read.

use super::{Ground, ObserveError, Place};
use crate::base::{Lookup, Template, UnresolvedReference};
use crate::plan::ReadStorage;
use crate::policy::{CredentialsSpec, S3Spec};
use crate::provider::aws::AwsSession;
use crate::repository::{Repository, RepositoryError};
use crate::resource::{Bucket, BucketPlace, Found, Resource};
use crate::storage::{Authority, AwsConnection, AwsSettings, Login, S3Place, S3Store, StorageError};
use std::sync::Arc;

/// Resolves references; the account's files and the network are left alone.
pub(super) fn open(name: &str, spec: &S3Spec, lookup: &dyn Lookup) -> Result<Place, UnresolvedReference> {
    let text = |template: &Template| Ok::<_, UnresolvedReference>(template.resolve(lookup)?.expose().to_owned());
    let optional = |template: &Option<Template>| template.as_ref().map(text).transpose();
    let login = login(&spec.credentials, lookup)?;
    let endpoint = optional(&spec.endpoint)?;
    let region = optional(&spec.region)?.filter(|region| !region.is_empty());
    let place = BucketPlace {
        bucket: text(&spec.bucket)?,
        region: region.clone().unwrap_or_default(),
        prefix: prefix(&optional(&spec.prefix)?.unwrap_or_default()),
        endpoint: endpoint.clone(),
    };
    let settings = AwsSettings { region, endpoint, path_style: spec.path_style, login };
    let connection = AwsConnection::trusting(settings, authority(lookup)?);
    // A bucket whose settings we manage is in our account; one that is only used may be anybody's.
    let is_ours = spec.manage.is_some();
    let at = S3Place { place: place.clone(), is_ours };
    let store = S3Store::new(connection.clone(), at);
    let session = match is_ours {
        true => AwsSession::ours(connection.clone()),
        false => AwsSession::anybodys(connection.clone()),
    };
    let ground = Ground::Bucket { place, connection, session, spec: Box::new(spec.clone()) };
    Ok(Place { repository: Repository::new(name, Arc::new(store)), ground })
}

/// How to log in, references resolved.
pub(super) fn login(spec: &CredentialsSpec, lookup: &dyn Lookup) -> Result<Login, UnresolvedReference> {
    let text = |template: &Template| Ok::<_, UnresolvedReference>(template.resolve(lookup)?.expose().to_owned());
    Ok(match spec {
        CredentialsSpec::Chain => Login::Chain,
        CredentialsSpec::Profile(profile) => Login::Profile(text(profile)?),
        CredentialsSpec::Key { id, secret } => Login::Key { id: text(id)?, secret: secret.resolve(lookup)? },
        CredentialsSpec::Role(arn) => Login::Role(text(arn)?),
    })
}

/// Who vouches for servers, where the variable that the tools of AWS take it from says so.
pub(super) fn authority(lookup: &dyn Lookup) -> Result<Option<Authority>, UnresolvedReference> {
    let Some(path) = lookup.env("AWS_CA_BUNDLE").filter(|path| !path.is_empty()) else { return Ok(None) };
    let read = lookup.file(&path).and_then(|text| Authority::parse(&text));
    read.map(Some).map_err(|problem| UnresolvedReference::File { path: format!("{path}` of `AWS_CA_BUNDLE"), problem })
}

/// Start of every key: empty, or ending in one slash and beginning with none.
fn prefix(written: &str) -> String {
    match written.trim_matches('/') {
        "" => String::new(),
        prefix => format!("{prefix}/"),
    }
}

/// What a bucket holds, and the bucket itself. One that does not exist is read and holds nothing.
pub(super) async fn read(
    repository: &Repository,
    place: &BucketPlace,
    connection: &AwsConnection,
) -> Result<(ReadStorage, Found), ObserveError> {
    let mut place = place.clone();
    if place.region.is_empty() {
        place.region = connection.config().await.region().map(ToString::to_string).unwrap_or_default();
    }
    let found =
        Resource::Bucket(Bucket { name: place.bucket.clone(), region: place.region.clone(), object_lock: false });
    let mut read = ReadStorage { location: repository.store.location(), bucket: Some(place), ..ReadStorage::default() };
    match repository.marker().await {
        Ok(marker) => read.marker = marker.map(|marker| marker.id),
        Err(RepositoryError::Storage(StorageError::BucketMissing { .. })) => return Ok((read, Found::Absent)),
        Err(error) => return Err(error.into()),
    }
    read.contents = repository.read().await?;
    Ok((read, Found::There(found)))
}

#[cfg(test)]
mod tests {
    use super::prefix;

    #[test]
    fn a_prefix_is_a_folder_however_it_is_written() {
        for (written, expected) in [("", ""), ("/", ""), ("a", "a/"), ("/a/b//", "a/b/")] {
            assert_eq!(prefix(written), expected, "{written}");
        }
    }
}
