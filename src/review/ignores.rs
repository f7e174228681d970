//! Comments that silence advice.

use super::draft::Draft;
use super::pair::Pair;
use super::review::Reviewed;
use crate::base::quoted;
use crate::diag::{Sources, Span, codes};
use crate::policy::{Route, silenced};

/// What is silenced after and was not before, with the place of the comment.
pub(super) fn compare(pair: &Pair<'_>, sources: &Sources) -> Vec<(Draft, Span)> {
    let text =
        |span: Span| sources.get(span.source).text.get(span.start..span.end).unwrap_or_default().trim().to_owned();
    let all = |side: Reviewed<'_>| -> Vec<(&'static str, String, Span)> {
        let comments = silenced(side.document, sources).into_iter();
        comments.map(|one| (one.code, text(one.comment), one.comment)).collect()
    };
    let mut before = all(pair.base);
    let mut found = Vec::new();
    for (code, comment, span) in all(pair.head) {
        if let Some(same) = before.iter().position(|(old, text, _)| *old == code && *text == comment) {
            before.swap_remove(same);
            continue;
        }
        let reason = comment.split_once(']').map_or("", |(_, reason)| reason.trim());
        let detail = format!("{code}, because {}", quoted(reason));
        found.push((Draft::new(&codes::IGNORE_ADDED, detail, Route::top()), span));
    }
    found
}
