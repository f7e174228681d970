//! Users of IAM.

use super::answer::{meaning, unless_absent};
use super::{AwsError, AwsSession, iam_tags};
use crate::resource::User;

/// The user of a name.
pub(super) async fn read(session: &AwsSession, name: &str) -> Result<Option<User>, AwsError> {
    let found = session.iam().await.get_user().user_name(name).send().await;
    let found = unless_absent("iam:GetUser", found, &["NoSuchEntity", "NoSuchEntityException"])?;
    Ok(found.and_then(|found| found.user).map(|user| User {
        tags: iam_tags::canonical(user.tags()),
        name: user.user_name,
        path: user.path,
        boundary: user.permissions_boundary.and_then(|boundary| boundary.permissions_boundary_arn),
    }))
}

/// Makes the user or changes its boundary and tags. Its path stays: with another one it would be another user to every
/// policy that names it.
pub(super) async fn write(session: &AwsSession, wanted: &User) -> Result<(), AwsError> {
    match attempt(session, wanted).await {
        // Another run made it meanwhile, or we did and the answer was lost.
        Err(AwsError::Failed { code, .. }) if code.starts_with("EntityAlreadyExists") => attempt(session, wanted).await,
        written => written,
    }
}

async fn attempt(session: &AwsSession, wanted: &User) -> Result<(), AwsError> {
    let iam = session.iam().await;
    let found = read(session, &wanted.name).await?;
    let tags = iam_tags::changed(found.as_ref().map(|found| &found.tags), &wanted.tags);
    let tags = tags.map_err(|error| AwsError::unsaid("iam:TagUser", &error))?;
    let tags = (!tags.is_empty()).then_some(tags);
    let Some(found) = found else {
        let call = iam.create_user().user_name(&wanted.name).path(&wanted.path).set_tags(tags);
        let made = call.set_permissions_boundary(wanted.boundary.clone()).send().await;
        return made.map(drop).map_err(|error| meaning("iam:CreateUser", &error));
    };
    if found.boundary != wanted.boundary {
        bound(session, &wanted.name, wanted.boundary.as_deref()).await?;
    }
    if tags.is_some() {
        let tagged = iam.tag_user().user_name(&wanted.name).set_tags(tags).send().await;
        tagged.map_err(|error| meaning("iam:TagUser", &error))?;
    }
    Ok(())
}

async fn bound(session: &AwsSession, name: &str, boundary: Option<&str>) -> Result<(), AwsError> {
    let iam = session.iam().await;
    match boundary {
        Some(arn) => {
            let set = iam.put_user_permissions_boundary().user_name(name).permissions_boundary(arn).send().await;
            set.map(drop).map_err(|error| meaning("iam:PutUserPermissionsBoundary", &error))
        }
        None => {
            let unset = iam.delete_user_permissions_boundary().user_name(name).send().await;
            unset.map(drop).map_err(|error| meaning("iam:DeleteUserPermissionsBoundary", &error))
        }
    }
}
