//! A role that can be assumed from any branch of a repository, or by anyone.

use crate::diag::{Diagnostic, codes};
use crate::policy::model::{Access, GithubTrust};
use crate::policy::route::Route;
use crate::policy::rule::{Rule, Subject};

/// The rule.
pub(super) const RULE: Rule = Rule { code: &codes::TRUST_TOO_WIDE, judge };

fn judge(subject: &Subject<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (name, access) in &subject.document.model.access {
        let Access::IamRole(role) = access else { continue };
        let trust = Route::of(["access", name, "trust"]);
        let is_any = |part: &Option<String>| part.as_ref().is_none_or(|text| text.chars().all(|c| c == '*'));
        let is_open = |github: &&GithubTrust| is_any(&github.environment) && is_any(&github.branch);
        if let Some(github) = role.trust.github.as_ref().filter(is_open) {
            let detail = format!("every workflow of `{}` on any branch can assume `{}`", github.repository, role.name);
            found.push(
                subject
                    .document
                    .diagnostic(&codes::TRUST_TOO_WIDE, &trust.key("github"), detail)
                    .with_why("Whoever can push a branch gets everything that the role may do to the backups.")
                    .with_hint("Add `environment: production` with its own rules of protection, or `branch: main`."),
            );
        }
        for (index, principal) in role.trust.principals.iter().flatten().enumerate() {
            if !principal.contains('*') {
                continue;
            }
            let route = trust.key("principals").index(index);
            found.push(
                subject
                    .document
                    .diagnostic(&codes::TRUST_TOO_WIDE, &route, format!("`{principal}` names more than one principal"))
                    .with_why("A wildcard lets accounts in that nobody has thought of.")
                    .with_hint("Name each user, role or account by its ARN."),
            );
        }
    }
    found
}
