//! What a user or role may do: its inline policy of one name.

use super::answer::{meaning, unless_absent};
use super::role::document;
use super::{AwsError, AwsSession};
use crate::resource::{Grants, Principal};

/// The policy of this name.
pub(super) async fn read(session: &AwsSession, of: &Grants) -> Result<Option<Grants>, AwsError> {
    let iam = session.iam().await;
    let absent = ["NoSuchEntity", "NoSuchEntityException"];
    let text = match &of.principal {
        Principal::User(user) => {
            let found = iam.get_user_policy().user_name(user).policy_name(&of.name).send().await;
            unless_absent("iam:GetUserPolicy", found, &absent)?.map(|found| found.policy_document)
        }
        Principal::Role(role) => {
            let found = iam.get_role_policy().role_name(role).policy_name(&of.name).send().await;
            unless_absent("iam:GetRolePolicy", found, &absent)?.map(|found| found.policy_document)
        }
    };
    Ok(text.map(|text| Grants { document: document(text), ..of.clone() }))
}

/// Replaces it; one that allows nothing goes.
pub(super) async fn write(session: &AwsSession, wanted: &Grants) -> Result<(), AwsError> {
    let iam = session.iam().await;
    if wanted.is_nothing() {
        return remove(session, wanted).await;
    }
    let text = wanted.document.to_string();
    match &wanted.principal {
        Principal::User(user) => {
            let call = iam.put_user_policy().user_name(user).policy_name(&wanted.name).policy_document(text);
            call.send().await.map(drop).map_err(|error| meaning("iam:PutUserPolicy", &error))
        }
        Principal::Role(role) => {
            let call = iam.put_role_policy().role_name(role).policy_name(&wanted.name).policy_document(text);
            call.send().await.map(drop).map_err(|error| meaning("iam:PutRolePolicy", &error))
        }
    }
}

async fn remove(session: &AwsSession, gone: &Grants) -> Result<(), AwsError> {
    let iam = session.iam().await;
    let absent = ["NoSuchEntity", "NoSuchEntityException"];
    match &gone.principal {
        Principal::User(user) => {
            let taken = iam.delete_user_policy().user_name(user).policy_name(&gone.name).send().await;
            unless_absent("iam:DeleteUserPolicy", taken, &absent).map(drop)
        }
        Principal::Role(role) => {
            let taken = iam.delete_role_policy().role_name(role).policy_name(&gone.name).send().await;
            unless_absent("iam:DeleteRolePolicy", taken, &absent).map(drop)
        }
    }
}
