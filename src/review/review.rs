//! The review of one policy, put together.

use super::compare::drafts;
use super::cost::cost;
use super::finding::{Finding, PolicyReview};
use super::ignores;
use super::nothing::nothing;
use super::pair::Pair;
use super::place::{findings, of_diagnostic, place};
use super::questions::questions;
use super::recorded::Recorded;
use crate::diag::{Diagnostics, Severity, Sources};
use crate::plan::Prices;
use crate::policy::{self, Desired, Document, Subject};
use jiff::Timestamp;
use std::cmp::{Ordering, Reverse};
use std::collections::BTreeSet;

/// A policy that was read.
#[derive(Debug, Clone, Copy)]
pub struct Reviewed<'a> {
    /// As written.
    pub document: &'a Document,
    /// What it means.
    pub desired: &'a Desired,
}

/// One side of a review.
#[derive(Debug, Clone, Copy)]
pub enum Judged<'a> {
    /// There is no policy.
    Absent,
    /// There is a text that is no policy.
    Invalid {
        /// The file.
        file: &'a str,
        /// What is wrong with it.
        problems: &'a Diagnostics,
    },
    /// There is a policy.
    Valid(Reviewed<'a>),
}

impl<'a> Judged<'a> {
    fn file(&self) -> Option<&'a str> {
        match self {
            Judged::Absent => None,
            Judged::Invalid { file, .. } => Some(file),
            Judged::Valid(reviewed) => Some(&reviewed.desired.file),
        }
    }

    fn valid(&self) -> Option<Reviewed<'a>> {
        match self {
            Judged::Valid(reviewed) => Some(*reviewed),
            _ => None,
        }
    }
}

/// What changes from one policy to another. `sources` holds the texts of both; `recorded` is what existed when someone
/// looked; `prices` are those of the estimate.
pub fn review(
    base: &Judged<'_>,
    head: &Judged<'_>,
    sources: &Sources,
    recorded: Option<&Recorded>,
    prices: &Prices,
    now: Timestamp,
) -> PolicyReview {
    let mut review = PolicyReview {
        name: name(base, head),
        base: base.file().map(str::to_owned),
        head: head.file().map(str::to_owned),
        is_valid: true,
        findings: Vec::new(),
        questions: Vec::new(),
        cost: None,
        notes: Vec::new(),
    };
    let advice =
        |side: Reviewed<'_>| policy::lint(&Subject { document: side.document, desired: side.desired, sources, now });
    if let Judged::Invalid { problems, .. } = head {
        review.findings.extend(problems.iter().map(|problem| of_diagnostic(problem, sources)));
        review.notes.push("The policy after the change cannot be read, so nothing was compared.".to_owned());
        review.is_valid = false;
    }
    if matches!(base, Judged::Invalid { .. }) {
        review.notes.push("The policy before the change cannot be read, so nothing was compared.".to_owned());
    }
    if let Some(head) = head.valid() {
        let before: BTreeSet<_> = base.valid().map(advice).into_iter().flat_map(|found| found.0).map(key).collect();
        let found = advice(head);
        review.is_valid = !found.has_errors();
        // What was advised before is no part of the change; an error stays one.
        let is_new =
            |d: &&crate::diag::Diagnostic| d.code.severity == Severity::Error || !before.contains(&key((*d).clone()));
        review.findings.extend(found.iter().filter(is_new).map(|d| of_diagnostic(d, sources)));
    }
    let (before, after) = (base.valid(), head.valid());
    let is_comparable = !matches!(base, Judged::Invalid { .. }) && !matches!(head, Judged::Invalid { .. });
    if let Some(like) = after.or(before).filter(|_| is_comparable) {
        let empty = nothing(like.document);
        let meaningless = policy::resolve(&empty, "", sources);
        let nobody = Reviewed { document: &empty, desired: &meaningless };
        let pair = Pair::of(before.unwrap_or(nobody), after.unwrap_or(nobody), recorded, now);
        review.findings.extend(findings(drafts(&pair), &pair, sources));
        for (draft, span) in ignores::compare(&pair, sources) {
            let mut found = findings(vec![draft], &pair, sources);
            found.iter_mut().for_each(|finding| finding.place = Some(place(span, true, sources)));
            review.findings.extend(found);
        }
        review.cost = cost(&pair, prices);
    }
    review.findings.sort_by(order);
    review.questions = questions(&review.findings);
    review
}

fn name(base: &Judged<'_>, head: &Judged<'_>) -> String {
    let valid = base.valid().or(head.valid());
    valid.map_or_else(|| "policy".to_owned(), |reviewed| reviewed.desired.name.clone())
}

/// What makes an advice the same one.
fn key(diagnostic: crate::diag::Diagnostic) -> (&'static str, String, String) {
    (diagnostic.code.id, diagnostic.path, diagnostic.detail)
}

/// Worst first; among equals what a change does before what is advised, by code and place.
fn order(a: &Finding, b: &Finding) -> Ordering {
    let is_advice = |finding: &Finding| !finding.code.id.starts_with("BS7");
    let rank = |finding: &Finding| (Reverse(finding.code.severity), is_advice(finding), finding.code.id);
    let line = |finding: &Finding| finding.place.as_ref().map(|place| place.start.line);
    rank(a).cmp(&rank(b)).then_with(|| line(a).cmp(&line(b))).then_with(|| a.route.cmp(&b.route))
}
