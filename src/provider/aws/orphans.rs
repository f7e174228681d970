//! Users and roles that a policy made: finding those that it no longer asks for, and letting go of one. They are told by
//! their path and by the mark in their tags; none is ever deleted.

use super::answer::{meaning, unless_absent};
use super::{AwsError, AwsSession, access_keys, managed_policy, role, user};
use crate::resource::{MANAGED_BY, Orphan, POLICY_TAG, Principal, is_marked};

/// Every user and role below `path` with the mark of `policy` that is not among `wanted`.
pub async fn orphans(
    session: &AwsSession,
    policy: &str,
    path: &str,
    wanted: &[Principal],
) -> Result<Vec<Orphan>, AwsError> {
    let iam = session.iam().await;
    let mut found = Vec::new();
    let users = iam.list_users().path_prefix(path).into_paginator().items().send();
    let users = users.collect::<Result<Vec<_>, _>>().await.map_err(|error| meaning("iam:ListUsers", &error))?;
    for listed in users {
        let principal = Principal::User(listed.user_name.clone());
        if wanted.contains(&principal) {
            continue;
        }
        // A list holds no tags.
        let Some(user) = user::read(session, &listed.user_name).await? else { continue };
        if is_marked(&user.tags, policy) {
            let keys = access_keys(session, &user.name).await?.unwrap_or_default();
            found.push(Orphan { principal, arn: listed.arn, keys });
        }
    }
    let roles = iam.list_roles().path_prefix(path).into_paginator().items().send();
    let roles = roles.collect::<Result<Vec<_>, _>>().await.map_err(|error| meaning("iam:ListRoles", &error))?;
    for listed in roles {
        let principal = Principal::Role(listed.role_name.clone());
        if wanted.contains(&principal) {
            continue;
        }
        let Some(role) = role::read(session, &listed.role_name).await? else { continue };
        if is_marked(&role.tags, policy) {
            found.push(Orphan { principal, arn: listed.arn, keys: Vec::new() });
        }
    }
    Ok(found)
}

/// Takes back what a policy gave to a user or role, then its mark. Everything else of it stays: keys, policies and tags of
/// others, the user or role itself. May be repeated.
pub async fn forget(session: &AwsSession, policy: &str, grants: &str, principal: &Principal) -> Result<(), AwsError> {
    let iam = session.iam().await;
    managed_policy::take_back(session, policy, principal).await?;
    let absent = ["NoSuchEntity", "NoSuchEntityException"];
    match principal {
        Principal::User(name) => {
            let taken = iam.delete_user_policy().user_name(name).policy_name(grants).send().await;
            unless_absent("iam:DeleteUserPolicy", taken, &absent)?;
            let unmarked = iam.untag_user().user_name(name).tag_keys(MANAGED_BY).tag_keys(POLICY_TAG).send().await;
            unless_absent("iam:UntagUser", unmarked, &absent).map(drop)
        }
        Principal::Role(name) => {
            let taken = iam.delete_role_policy().role_name(name).policy_name(grants).send().await;
            unless_absent("iam:DeleteRolePolicy", taken, &absent)?;
            let unmarked = iam.untag_role().role_name(name).tag_keys(MANAGED_BY).tag_keys(POLICY_TAG).send().await;
            unless_absent("iam:UntagRole", unmarked, &absent).map(drop)
        }
    }
}
