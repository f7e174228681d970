//! Runs every rule over a policy.

use super::ignore::{Remarks, silence};
use super::rule::Subject;
use super::rules::{ALONE, RULES};
use crate::diag::Diagnostics;

/// What all rules advise and what was remarked while the text was read, by place, without what `ignore` comments
/// silence; and what is wrong with those comments.
pub fn lint(subject: &Subject<'_>) -> Diagnostics {
    let mut advice = subject.document.remarks.clone();
    advice.0.extend(RULES.iter().flat_map(|rule| (rule.judge)(subject)));
    let document = subject.document;
    silence(&document.tree, &document.sources, subject.sources, advice, Remarks::Report)
}

/// What the rules that judge one entry by itself advise on the rest of an invalid policy. The other rules look at how
/// entries go together, and what was taken out would mislead them; comments that silence nothing are not told either.
pub fn lint_rest(subject: &Subject<'_>) -> Diagnostics {
    let mut advice = Diagnostics::default();
    advice.0.extend(ALONE.iter().flat_map(|rule| (rule.judge)(subject)));
    let document = subject.document;
    silence(&document.tree, &document.sources, subject.sources, advice, Remarks::Skip)
}
