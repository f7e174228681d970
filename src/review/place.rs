//! From drafts to findings: where each is written, and what says the same of many databases told once.

use super::draft::Draft;
use super::finding::{Finding, Place};
use super::pair::Pair;
use crate::base::visible;
use crate::diag::{Diagnostic, Sources, Span};
use crate::policy::Route;
use std::collections::HashMap;

/// The findings of drafts, in their order.
pub(super) fn findings(drafts: Vec<Draft>, pair: &Pair<'_>, sources: &Sources) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    let mut same: HashMap<_, usize> = HashMap::new();
    for draft in drafts {
        let (route, is_after, span) = written(&draft, pair);
        let key = (draft.code.id, draft.detail.clone(), draft.before.clone(), draft.after.clone(), is_after, span);
        if let Some(index) = same.get(&key).filter(|_| draft.lost.is_empty() && !draft.databases.is_empty()) {
            let known: &mut Vec<String> = &mut findings[*index].databases;
            known.extend(draft.databases);
            continue;
        }
        same.insert(key, findings.len());
        let near = (!is_after).then(|| pair.head.document.place_of(&route)).flatten();
        findings.push(Finding {
            code: draft.code,
            detail: draft.detail,
            databases: draft.databases,
            before: draft.before.map(|text| visible(&text)),
            after: draft.after.map(|text| visible(&text)),
            place: span.map(|span| place(span, is_after, sources)),
            near: near.map(|span| place(span, true, sources)),
            lost: draft.lost,
            why: None,
            hint: None,
            route,
        });
    }
    findings
}

/// The route at which a draft is written, whether in the policy after, and the place: the first route that stands in
/// either policy, and where none does, what is above it.
fn written(draft: &Draft, pair: &Pair<'_>) -> (Route, bool, Option<Span>) {
    for route in draft.routes.iter().filter(|route| !route.steps().is_empty()) {
        for (is_after, side) in [(true, pair.head), (false, pair.base)] {
            if let Some(node) = side.document.tree.at(route) {
                return (route.clone(), is_after, Some(node.place()));
            }
        }
    }
    let first = draft.routes.first().cloned().unwrap_or_default();
    let above = pair.head.document.place_of(&first);
    (first, true, above)
}

/// A finding that is a problem or an advice about the policy after.
pub(super) fn of_diagnostic(diagnostic: &Diagnostic, sources: &Sources) -> Finding {
    Finding {
        code: diagnostic.code,
        detail: one_line(&diagnostic.detail),
        route: Route::top(),
        databases: Vec::new(),
        before: None,
        after: None,
        place: diagnostic.span.map(|span| place(span, true, sources)),
        near: None,
        lost: Vec::new(),
        why: diagnostic.why.as_deref().map(one_line),
        hint: diagnostic.hint.as_deref().map(one_line),
    }
}

fn one_line(text: &str) -> String {
    text.split('`').map(visible).collect::<Vec<_>>().join("`")
}

/// The place of a stretch.
pub(super) fn place(span: Span, is_after: bool, sources: &Sources) -> Place {
    let text = &sources.get(span.source).text;
    // What covers many lines is shown by its first.
    let end = text[span.start..span.end].find(['\n', '\r']).map_or(span.end, |at| span.start + at);
    Place {
        is_after,
        file: sources.get(span.source).name.clone(),
        start: sources.position(span.source, span.start),
        end: sources.position(span.source, end),
    }
}
