//! Runs every rule over a policy.

use super::rule::Subject;
use super::rules::RULES;
use crate::diag::Diagnostics;

/// What all rules advise, by place.
pub fn lint(subject: &Subject<'_>) -> Diagnostics {
    let mut found = Diagnostics(RULES.iter().flat_map(|rule| (rule.judge)(subject)).collect());
    found.sort();
    found
}
