//! ARNs and services that a policy names.

use super::storage::{all, clear, wrong};
use crate::diag::{Code, Diagnostic, codes};
use crate::policy::check::names::{entries, items};
use crate::policy::route::Route;
use crate::policy::tree::Node;
use crate::resource::validity::{boundary_problem, principal_problem, role_problem, service_problem};

/// Every ARN that has not the form of what is asked for there.
pub(super) fn check(tree: &Node) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for storage in all(tree).iter().filter(|storage| storage.is_aws()) {
        let route = storage.route.key("credentials").key("role");
        let role = storage.node.get("credentials").and_then(|credentials| credentials.get("role"));
        let Some((node, role)) = clear(role) else { continue };
        let say = |problem| arn(&route, node, &role, problem, "Write `arn:aws:iam::<account>:role/<name>`.");
        found.extend(role_problem(&role).map(say));
    }
    for (route, entry) in entries(tree, &Route::of(["access"])) {
        if let Some((node, boundary)) = entry.get("permissions_boundary").and_then(with_text) {
            let route = route.key("permissions_boundary");
            let hint =
                "Write `arn:aws:iam::<account>:policy/<name>`; `aws iam list-policies --scope Local` shows them.";
            found.extend(boundary_problem(boundary).map(|problem| arn(&route, node, boundary, problem, hint)));
        }
        let Some(trust) = entry.get("trust") else { continue };
        let route = route.key("trust");
        for (index, node) in items(trust.get("principals")) {
            let Some(text) = node.text() else { continue };
            let hint = "Write `arn:aws:iam::<account>:role/<name>`, `…:user/<name>` or `…:root`.";
            let route = route.key("principals").index(index);
            found.extend(principal_problem(text).map(|problem| arn(&route, node, text, problem, hint)));
        }
        if let Some((node, service)) = trust.get("service").and_then(with_text) {
            found.extend(
                service_problem(service).map(|problem| not_a_service(&route.key("service"), node, service, problem)),
            );
        }
    }
    found
}

fn with_text(node: &Node) -> Option<(&Node, &str)> {
    Some((node, node.text()?))
}

pub(super) fn arn(route: &Route, node: &Node, text: &str, problem: &str, hint: &str) -> Diagnostic {
    said(&codes::ARN_INVALID, route, node, text, problem).with_hint(hint)
}

fn not_a_service(route: &Route, node: &Node, service: &str, problem: &str) -> Diagnostic {
    let diagnostic = said(&codes::SERVICE_INVALID, route, node, service, problem);
    let meant = format!("{}.amazonaws.com", service.trim().to_ascii_lowercase());
    match service_problem(&meant) {
        None if !service.contains('.') => {
            diagnostic.with_hint(format!("Did you mean `{meant}`?")).with_fix(Some(node.span), meant)
        }
        _ => diagnostic.with_hint("Write the name that the service's own documentation gives as its principal."),
    }
}

fn said(code: &'static Code, route: &Route, node: &Node, text: &str, problem: &str) -> Diagnostic {
    wrong(code, route, node, format!("`{text}`: {problem}"))
}
