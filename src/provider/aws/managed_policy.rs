//! Customer managed policies: written as versions, attached, and taken away again.

use super::answer::{Answer, meaning, unless_absent};
use super::role::document;
use super::{AwsError, AwsSession, iam_tags};
use crate::resource::{LeftPolicy, ManagedPolicy, Principal, foreign_statements, is_marked, same_document};
use aws_sdk_iam::types::{PolicyScopeType, PolicyVersion};
use serde_json::Value;

/// Versions that IAM keeps of a policy.
const MOST_VERSIONS: usize = 5;

const ABSENT: [&str; 2] = ["NoSuchEntity", "NoSuchEntityException"];

/// The policy of this ARN: its default version, its tags, and whether whom it is for has it.
pub(super) async fn read(session: &AwsSession, of: &ManagedPolicy) -> Result<Option<ManagedPolicy>, AwsError> {
    let iam = session.iam().await;
    let found = iam.get_policy().policy_arn(&of.arn).send().await;
    let Some(found) = unless_absent("iam:GetPolicy", found, &ABSENT)?.and_then(|found| found.policy) else {
        return Ok(None);
    };
    let document = content(session, &of.arn, found.default_version_id.as_deref()).await?;
    let is_attached = attached(session, &of.principal).await?.contains(&of.arn);
    Ok(Some(ManagedPolicy { is_attached, document, tags: iam_tags::canonical(found.tags()), ..of.clone() }))
}

/// The document of a version.
async fn content(session: &AwsSession, arn: &str, version: Option<&str>) -> Result<Value, AwsError> {
    let call = session.iam().await.get_policy_version().policy_arn(arn).version_id(version.unwrap_or("v1"));
    let found = unless_absent("iam:GetPolicyVersion", call.send().await, &ABSENT)?;
    let text = found.and_then(|found| found.policy_version).and_then(|version| version.document);
    Ok(document(text.unwrap_or_default()))
}

/// ARNs of everything that is attached to a user or role; nothing where it does not exist.
async fn attached(session: &AwsSession, principal: &Principal) -> Result<Vec<String>, AwsError> {
    let iam = session.iam().await;
    let mut marker = None;
    let mut found = Vec::new();
    loop {
        let (policies, next) = match principal {
            Principal::User(name) => {
                let page = iam.list_attached_user_policies().user_name(name).set_marker(marker).send().await;
                let Some(page) = unless_absent("iam:ListAttachedUserPolicies", page, &ABSENT)? else { break };
                (page.attached_policies, page.marker)
            }
            Principal::Role(name) => {
                let page = iam.list_attached_role_policies().role_name(name).set_marker(marker).send().await;
                let Some(page) = unless_absent("iam:ListAttachedRolePolicies", page, &ABSENT)? else { break };
                (page.attached_policies, page.marker)
            }
        };
        found.extend(policies.into_iter().flatten().filter_map(|policy| policy.policy_arn));
        marker = next;
        if marker.is_none() {
            break;
        }
    }
    Ok(found)
}

/// Makes the policy, or gives it another version and its tags, and attaches it.
pub(super) async fn write(session: &AwsSession, wanted: &ManagedPolicy) -> Result<(), AwsError> {
    match attempt(session, wanted).await {
        // Another run made it meanwhile, or we did and the answer was lost.
        Err(AwsError::Failed { code, .. }) if code.starts_with("EntityAlreadyExists") => attempt(session, wanted).await,
        written => written,
    }
}

async fn attempt(session: &AwsSession, wanted: &ManagedPolicy) -> Result<(), AwsError> {
    let iam = session.iam().await;
    let found = read(session, wanted).await?;
    let tags = iam_tags::changed(found.as_ref().map(|found| &found.tags), &wanted.tags);
    let tags = tags.map_err(|error| AwsError::unsaid("iam:TagPolicy", &error))?;
    let tags = (!tags.is_empty()).then_some(tags);
    let text = wanted.document.to_string();
    match &found {
        None => {
            let (path, name) = wanted.place();
            let call = iam.create_policy().policy_name(name).path(path).policy_document(text).set_tags(tags);
            call.send().await.map_err(|error| meaning("iam:CreatePolicy", &error))?;
        }
        Some(found) => {
            if !same_document(&found.document, &wanted.document) {
                new_version(session, &wanted.arn, text).await?;
            }
            if tags.is_some() {
                let tagged = iam.tag_policy().policy_arn(&wanted.arn).set_tags(tags).send().await;
                tagged.map_err(|error| meaning("iam:TagPolicy", &error))?;
            }
        }
    }
    if found.is_some_and(|found| found.is_attached) {
        return Ok(());
    }
    match &wanted.principal {
        Principal::User(name) => {
            let call = iam.attach_user_policy().user_name(name).policy_arn(&wanted.arn);
            call.send().await.map(drop).map_err(|error| meaning("iam:AttachUserPolicy", &error))
        }
        Principal::Role(name) => {
            let call = iam.attach_role_policy().role_name(name).policy_arn(&wanted.arn);
            call.send().await.map(drop).map_err(|error| meaning("iam:AttachRolePolicy", &error))
        }
    }
}

/// Makes a document the default version. Where IAM would keep no more, the oldest that is not the default goes first.
async fn new_version(session: &AwsSession, arn: &str, text: String) -> Result<(), AwsError> {
    let iam = session.iam().await;
    let mut versions = versions(session, arn).await?;
    versions.sort_by_key(number);
    let n_over = (versions.len() + 1).saturating_sub(MOST_VERSIONS);
    for old in versions.iter().filter(|version| !version.is_default_version).take(n_over) {
        delete_version(session, arn, old).await?;
    }
    let call = iam.create_policy_version().policy_arn(arn).policy_document(text).set_as_default(true);
    call.send().await.map(drop).map_err(|error| meaning("iam:CreatePolicyVersion", &error))
}

async fn versions(session: &AwsSession, arn: &str) -> Result<Vec<PolicyVersion>, AwsError> {
    let listed = session.iam().await.list_policy_versions().policy_arn(arn).into_paginator().items().send();
    let listed = listed.collect::<Result<Vec<_>, _>>().await;
    listed.map_err(|error| meaning("iam:ListPolicyVersions", &error))
}

/// `v12` as 12: versions are numbered as they are made.
fn number(version: &PolicyVersion) -> u64 {
    version.version_id().and_then(|id| id.trim_start_matches('v').parse().ok()).unwrap_or_default()
}

async fn delete_version(session: &AwsSession, arn: &str, version: &PolicyVersion) -> Result<(), AwsError> {
    let id = version.version_id().unwrap_or_default();
    let deleted = session.iam().await.delete_policy_version().policy_arn(arn).version_id(id).send().await;
    unless_absent("iam:DeletePolicyVersion", deleted, &ABSENT).map(drop)
}

/// Policies below `path` with the mark of `policy` that are not among `wanted`, and who has them.
pub async fn left_policies(
    session: &AwsSession,
    policy: &str,
    path: &str,
    wanted: &[String],
) -> Result<Vec<LeftPolicy>, AwsError> {
    let iam = session.iam().await;
    let listed = iam.list_policies().scope(PolicyScopeType::Local).path_prefix(path).into_paginator().items().send();
    let listed = listed.collect::<Result<Vec<_>, _>>().await.map_err(|error| meaning("iam:ListPolicies", &error))?;
    let mut left = Vec::new();
    for arn in listed.into_iter().filter_map(|listed| listed.arn).filter(|arn| !wanted.contains(arn)) {
        // A list holds no tags.
        let found = unless_absent("iam:GetPolicy", iam.get_policy().policy_arn(&arn).send().await, &ABSENT)?;
        let Some(found) = found.and_then(|found| found.policy) else { continue };
        if is_marked(&iam_tags::canonical(found.tags()), policy) {
            let content = content(session, &arn, found.default_version_id.as_deref()).await?;
            left.push(LeftPolicy { foreign: foreign_statements(&content), ..who_has(session, &arn).await? });
        }
    }
    left.sort_by(|a, b| a.arn.cmp(&b.arn));
    Ok(left)
}

async fn who_has(session: &AwsSession, arn: &str) -> Result<LeftPolicy, AwsError> {
    let iam = session.iam().await;
    let mut left = LeftPolicy { arn: arn.to_owned(), attached: Vec::new(), groups: Vec::new(), foreign: Vec::new() };
    let mut pages = iam.list_entities_for_policy().policy_arn(arn).into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| meaning("iam:ListEntitiesForPolicy", &error))?;
        let users = page.policy_users.into_iter().flatten().filter_map(|user| user.user_name);
        left.attached.extend(users.map(Principal::User));
        let roles = page.policy_roles.into_iter().flatten().filter_map(|role| role.role_name);
        left.attached.extend(roles.map(Principal::Role));
        left.groups.extend(page.policy_groups.into_iter().flatten().filter_map(|group| group.group_name));
    }
    Ok(left)
}

/// Takes a policy from users and roles, and deletes it with its versions unless somebody else has it. True when it is
/// gone. May be repeated.
pub async fn remove_policy(session: &AwsSession, arn: &str, from: &[Principal]) -> Result<bool, AwsError> {
    let iam = session.iam().await;
    for principal in from {
        match principal {
            Principal::User(name) => {
                let taken = iam.detach_user_policy().user_name(name).policy_arn(arn).send().await;
                unless_absent("iam:DetachUserPolicy", taken, &ABSENT)?;
            }
            Principal::Role(name) => {
                let taken = iam.detach_role_policy().role_name(name).policy_arn(arn).send().await;
                unless_absent("iam:DetachRolePolicy", taken, &ABSENT)?;
            }
        }
    }
    let found = unless_absent("iam:GetPolicy", iam.get_policy().policy_arn(arn).send().await, &ABSENT)?;
    let Some(found) = found.and_then(|found| found.policy) else { return Ok(true) };
    if found.attachment_count.unwrap_or_default() + found.permissions_boundary_usage_count.unwrap_or_default() > 0 {
        return Ok(false);
    }
    for version in versions(session, arn).await?.iter().filter(|version| !version.is_default_version) {
        delete_version(session, arn, version).await?;
    }
    match iam.delete_policy().policy_arn(arn).send().await {
        // Somebody took it meanwhile.
        Err(error) if Answer::of(&error).code.starts_with("DeleteConflict") => Ok(false),
        deleted => unless_absent("iam:DeletePolicy", deleted, &ABSENT).map(|_| true),
    }
}

/// Takes every policy with the mark of `policy` from a user or role that is let go of.
pub(super) async fn take_back(session: &AwsSession, policy: &str, principal: &Principal) -> Result<(), AwsError> {
    let iam = session.iam().await;
    for arn in attached(session, principal).await? {
        // Those of AWS itself have no mark.
        if arn.contains(":iam::aws:") {
            continue;
        }
        let found = unless_absent("iam:GetPolicy", iam.get_policy().policy_arn(&arn).send().await, &ABSENT)?;
        let tags = found.and_then(|found| found.policy).map(|found| iam_tags::canonical(found.tags()));
        if tags.is_some_and(|tags| is_marked(&tags, policy)) {
            remove_policy(session, &arn, std::slice::from_ref(principal)).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_told_by_their_number() {
        let version = |id: &str| PolicyVersion::builder().version_id(id).build();
        let mut all = [version("v10"), version("v9"), version("v2")];
        all.sort_by_key(number);
        let ids: Vec<_> = all.iter().filter_map(PolicyVersion::version_id).collect();
        assert_eq!(ids, ["v2", "v9", "v10"]);
    }
}
