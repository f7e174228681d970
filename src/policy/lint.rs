//! Runs every rule over a policy.

use super::ignore::{Remarks, silence};
use super::rule::Subject;
use super::rules::RULES;
use crate::diag::Diagnostics;

/// What all rules advise and what was remarked while the text was read, by place, without what `ignore` comments
/// silence; and what is wrong with those comments.
pub fn lint(subject: &Subject<'_>) -> Diagnostics {
    let mut advice = subject.document.remarks.clone();
    advice.0.extend(RULES.iter().flat_map(|rule| (rule.judge)(subject)));
    let document = subject.document;
    silence(&document.tree, &document.sources, subject.sources, advice, Remarks::Report)
}
