//! Who may assume a role, as a document of IAM.

use crate::policy::{GithubTrust, TrustSpec};
use crate::resource::permissions::Whereabouts;
use serde_json::{Value, json};

/// Host of GitHub's tokens for workflows.
pub(super) const GITHUB: &str = "token.actions.githubusercontent.com";
/// Audience of those tokens that AWS is meant by.
pub(super) const AUDIENCE: &str = "sts.amazonaws.com";

/// The trust of a role.
pub(super) fn trust(spec: &TrustSpec, at: &Whereabouts<'_>) -> Value {
    let mut statements = Vec::new();
    if let Some(github) = &spec.github {
        statements.push(json!({
            "Sid": "BackstayGithub",
            "Effect": "Allow",
            "Principal": { "Federated": at.iam("oidc-provider", "/", GITHUB) },
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {
                "StringEquals": { format!("{GITHUB}:aud"): AUDIENCE },
                "StringLike": { format!("{GITHUB}:sub"): subjects(github) },
            },
        }));
    }
    if let Some(service) = &spec.service {
        statements.push(json!({
            "Sid": "BackstayService",
            "Effect": "Allow",
            "Principal": { "Service": service },
            "Action": "sts:AssumeRole",
        }));
    }
    if !spec.principals.is_empty() {
        statements.push(json!({
            "Sid": "BackstayPrincipals",
            "Effect": "Allow",
            "Principal": { "AWS": spec.principals },
            "Action": "sts:AssumeRole",
        }));
    }
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// Both forms of a workflow's subject: by names, and, for repositories made or renamed since July 2026, by names with
/// numbers. Names on GitHub have no `@`, and `:` inside a part is encoded, so the second matches nothing else. A subject
/// holds an environment or a branch, never both, and no policy asks for both.
fn subjects(github: &GithubTrust) -> Vec<String> {
    let (owner, name) = github.repository.split_once('/').unwrap_or((&github.repository, "*"));
    let rest = match (&github.environment, &github.branch) {
        (Some(environment), _) => format!("environment:{}", environment.replace(':', "%3A")),
        (None, Some(branch)) => format!("ref:refs/heads/{branch}"),
        (None, None) => "*".to_owned(),
    };
    vec![format!("repo:{owner}/{name}:{rest}"), format!("repo:{owner}@*/{name}@*:{rest}")]
}
