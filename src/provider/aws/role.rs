//! Roles of IAM.

use super::answer::{meaning, unless_absent};
use super::{AwsError, AwsSession, iam_tags};
use crate::resource::{Role, parsed_document, same_document};
use serde_json::Value;

/// Longest session of a role that says nothing, seconds.
const SESSION: i32 = 3_600;

/// The role of a name.
pub(super) async fn read(session: &AwsSession, name: &str) -> Result<Option<Role>, AwsError> {
    let found = session.iam().await.get_role().role_name(name).send().await;
    let found = unless_absent("iam:GetRole", found, &["NoSuchEntity", "NoSuchEntityException"])?;
    Ok(found.and_then(|found| found.role).map(|role| Role {
        tags: iam_tags::canonical(role.tags()),
        trust: document(role.assume_role_policy_document.unwrap_or_default()),
        max_session_seconds: u32::try_from(role.max_session_duration.unwrap_or(SESSION)).unwrap_or_default(),
        boundary: role.permissions_boundary.and_then(|boundary| boundary.permissions_boundary_arn),
        name: role.role_name,
        path: role.path,
    }))
}

/// A document of IAM, which comes percent-encoded, as JSON in its own spelling: what is not ours goes back like that.
pub(super) fn document(text: String) -> Value {
    parsed_document(&Value::String(text))
}

/// Makes the role or changes its trust, session, boundary and tags. Its path stays, as with users.
pub(super) async fn write(session: &AwsSession, wanted: &Role) -> Result<(), AwsError> {
    match attempt(session, wanted).await {
        // Another run made it meanwhile, or we did and the answer was lost.
        Err(AwsError::Failed { code, .. }) if code.starts_with("EntityAlreadyExists") => attempt(session, wanted).await,
        written => written,
    }
}

async fn attempt(session: &AwsSession, wanted: &Role) -> Result<(), AwsError> {
    let iam = session.iam().await;
    let found = read(session, &wanted.name).await?;
    let tags = iam_tags::changed(found.as_ref().map(|found| &found.tags), &wanted.tags);
    let tags = tags.map_err(|error| AwsError::unsaid("iam:TagRole", &error))?;
    let tags = (!tags.is_empty()).then_some(tags);
    let trust = wanted.trust.to_string();
    let seconds = i32::try_from(wanted.max_session_seconds).unwrap_or(SESSION);
    let Some(found) = found else {
        let call = iam.create_role().role_name(&wanted.name).path(&wanted.path).assume_role_policy_document(trust);
        let call = call.max_session_duration(seconds).set_tags(tags);
        let made = call.set_permissions_boundary(wanted.boundary.clone()).send().await;
        return made.map(drop).map_err(|error| meaning("iam:CreateRole", &error));
    };
    if found.boundary != wanted.boundary {
        bound(session, &wanted.name, wanted.boundary.as_deref()).await?;
    }
    if !same_document(&found.trust, &wanted.trust) {
        let call = iam.update_assume_role_policy().role_name(&wanted.name).policy_document(trust);
        call.send().await.map_err(|error| meaning("iam:UpdateAssumeRolePolicy", &error))?;
    }
    if found.max_session_seconds != wanted.max_session_seconds {
        let set = iam.update_role().role_name(&wanted.name).max_session_duration(seconds).send().await;
        set.map_err(|error| meaning("iam:UpdateRole", &error))?;
    }
    if tags.is_some() {
        let tagged = iam.tag_role().role_name(&wanted.name).set_tags(tags).send().await;
        tagged.map_err(|error| meaning("iam:TagRole", &error))?;
    }
    Ok(())
}

async fn bound(session: &AwsSession, name: &str, boundary: Option<&str>) -> Result<(), AwsError> {
    let iam = session.iam().await;
    match boundary {
        Some(arn) => {
            let set = iam.put_role_permissions_boundary().role_name(name).permissions_boundary(arn).send().await;
            set.map(drop).map_err(|error| meaning("iam:PutRolePermissionsBoundary", &error))
        }
        None => {
            let unset = iam.delete_role_permissions_boundary().role_name(name).send().await;
            unset.map(drop).map_err(|error| meaning("iam:DeleteRolePermissionsBoundary", &error))
        }
    }
}
