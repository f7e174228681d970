//! Asking IAM what a caller may do, before anything is tried.

use crate::plan::Question;
use crate::resource::Caller;
use crate::storage::AwsConnection;
use aws_sdk_iam::error::ProvideErrorMetadata;
use aws_sdk_iam::types::{EvaluationResult, PolicyEvaluationDecisionType};
use std::collections::BTreeSet;

/// The actions among the questions that the caller may not do, as far as IAM knows: policies of buckets are no part of
/// its answer. Needs `iam:SimulatePrincipalPolicy` on the caller. The account's root may do everything. An error is a
/// phrase for people: whoever asks goes on without an answer.
pub async fn lacking(
    connection: &AwsConnection,
    caller: &Caller,
    questions: &[Question],
) -> Result<BTreeSet<String>, String> {
    let mut lacking = BTreeSet::new();
    let Some(principal) = principal(caller) else { return Ok(lacking) };
    let client = aws_sdk_iam::Client::new(connection.config().await);
    for question in questions {
        let mut pages = client
            .simulate_principal_policy()
            .policy_source_arn(&principal)
            .set_action_names(Some(question.actions.clone()))
            .set_resource_arns(Some(question.resources.clone()))
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|problem| phrase(problem.code()))?;
            let refused = page.evaluation_results().iter().filter(|result| is_refused(result));
            lacking.extend(refused.map(|result| result.eval_action_name().to_owned()));
        }
    }
    Ok(lacking)
}

/// True unless the action is allowed on every resource that was asked about.
fn is_refused(result: &EvaluationResult) -> bool {
    let is_allowed = |decision: &PolicyEvaluationDecisionType| *decision == PolicyEvaluationDecisionType::Allowed;
    match result.resource_specific_results() {
        [] => !is_allowed(result.eval_decision()),
        each => each.iter().any(|one| !is_allowed(one.eval_resource_decision())),
    }
}

fn phrase(code: Option<&str>) -> String {
    match code {
        Some("AccessDenied" | "AccessDeniedException") => {
            "iam:SimulatePrincipalPolicy is not allowed to the caller".to_owned()
        }
        Some("NoSuchEntity") => "IAM does not know the caller under this name".to_owned(),
        Some(code) => format!("IAM answers {code}"),
        None => "IAM does not answer".to_owned(),
    }
}

/// The user or role whose policies decide: of a session the role behind it. Where a role has a path the session's ARN
/// does not show it, and IAM says that there is no such role. `None`: the account's root.
fn principal(caller: &Caller) -> Option<String> {
    if caller.arn.ends_with(":root") {
        return None;
    }
    let session = caller.arn.split_once(":assumed-role/").map(|(_, rest)| rest.split('/').next().unwrap_or(rest));
    Some(match session {
        Some(role) => format!("arn:{}:iam::{}:role/{role}", caller.partition(), caller.account),
        None => caller.arn.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_stands_for_its_role() {
        let of = |arn: &str| principal(&Caller { account: "123456789012".to_owned(), arn: arn.to_owned() });
        let session = of("arn:aws:sts::123456789012:assumed-role/ci/run-1");
        assert_eq!(session.as_deref(), Some("arn:aws:iam::123456789012:role/ci"));
        let user = of("arn:aws:iam::123456789012:user/a/ops");
        assert_eq!(user.as_deref(), Some("arn:aws:iam::123456789012:user/a/ops"));
        assert_eq!(of("arn:aws:iam::123456789012:root"), None);
    }
}
