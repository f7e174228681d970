//! The permissions that a plan takes, for people.

use super::Style;
use super::identity::name;
use crate::plan::{Asked, Needs, Plan};
use std::fmt::Write as _;

/// So many actions are named before the rest is counted.
const ACTIONS: usize = 4;

/// How many permissions the steps take, and which of them the caller lacks.
pub(super) fn permissions(out: &mut String, plan: &Plan, style: Style) {
    if plan.outlook.permissions.is_empty() {
        return;
    }
    // Writing into a String cannot fail, so the results of `writeln!` are dropped throughout.
    let _ = writeln!(out, "\n{} {}", style.bold("Permissions"), style.dim("(all of them: `backstay plan --explain`)"));
    for needs in &plan.outlook.permissions {
        let actions: Vec<&str> = needs.permissions.iter().map(|one| one.action.as_str()).collect();
        let shown = actions.iter().take(ACTIONS).copied().collect::<Vec<_>>().join(", ");
        let more = match actions.len().saturating_sub(ACTIONS) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let _ = writeln!(out, "  {}: {shown}{more}{}", name(&needs.of), verdict(needs, style));
        for lacking in needs.lacking() {
            let (steps, resources) = (lacking.steps.join(", "), lacking.resources.join(", "));
            let _ = writeln!(out, "      {} {} on {resources}, for {steps}", style.red("!"), lacking.action);
        }
    }
}

fn verdict(needs: &Needs, style: Style) -> String {
    match &needs.asked {
        Asked::No => String::new(),
        Asked::Failed { problem } => style.dim(&format!("; whether we have them could not be asked: {problem}")),
        Asked::Answered => match needs.lacking().count() {
            0 => "; we have them, as far as IAM knows".to_owned(),
            n => format!("; {} {n} of them, as far as IAM knows:", style.red("we lack")),
        },
    }
}

/// Every permission with its resources and what it is for, for `plan --explain`.
pub fn permission_list(plan: &Plan, style: Style) -> String {
    let mut out = String::new();
    for needs in &plan.outlook.permissions {
        let _ = writeln!(out, "\n{} {}", style.bold("Permissions at"), style.bold(name(&needs.of)));
        for one in &needs.permissions {
            let _ = writeln!(out, "  {}  {}", one.action, style.dim(&format!("(for {})", one.steps.join(", "))));
            for resource in &one.resources {
                let _ = writeln!(out, "      {resource}");
            }
        }
    }
    out
}
