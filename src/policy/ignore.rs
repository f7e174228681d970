//! `# backstay: ignore[CODE] reason`: comments that silence advice in one place.

use super::document::Document;
use super::tree::{Content, Node};
use crate::diag::{CODES, Diagnostic, Diagnostics, Severity, SourceId, Sources, Span, codes};
use std::ops::Range;

const MARK: &str = "# backstay:";

/// One code that one comment silences, and where.
struct Ignore {
    code: &'static str,
    comment: Span,
    reach: Range<usize>,
    used: bool,
}

/// Advice that a comment silences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silenced {
    /// The code.
    pub code: &'static str,
    /// Where the comment stands.
    pub comment: Span,
}

/// What the comments of a policy silence, one entry a code and comment, in the order of the texts.
pub fn silenced(document: &Document, sources: &Sources) -> Vec<Silenced> {
    let (mut ignores, mut said) = (Vec::new(), Diagnostics::default());
    for source in &document.sources {
        read_comments(&document.tree, *source, &sources.get(*source).text, &mut ignores, &mut said);
    }
    ignores.into_iter().map(|ignore| Silenced { code: ignore.code, comment: ignore.comment }).collect()
}

/// What is said about the comments themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remarks {
    /// Comments that silence nothing or are not understood are reported.
    Report,
    /// Nothing: not everything that they may silence was looked for.
    Skip,
}

/// The advice that no comment silences. Errors stay whatever a comment says.
pub(super) fn silence(
    tree: &Node,
    texts: &[SourceId],
    sources: &Sources,
    advice: Diagnostics,
    remarks: Remarks,
) -> Diagnostics {
    let mut said = Diagnostics::default();
    let mut ignores = Vec::new();
    for source in texts {
        read_comments(tree, *source, &sources.get(*source).text, &mut ignores, &mut said);
    }
    let mut left = Diagnostics::default();
    for diagnostic in advice.0 {
        let silenced = ignores.iter_mut().find(|ignore| {
            diagnostic.code.severity != Severity::Error
                && ignore.code == diagnostic.code.id
                && diagnostic
                    .span
                    .is_some_and(|span| span.source == ignore.comment.source && ignore.reach.contains(&span.start))
        });
        match silenced {
            Some(ignore) => ignore.used = true,
            None => left.push(diagnostic),
        }
    }
    if remarks == Remarks::Report {
        for ignore in ignores.iter().filter(|ignore| !ignore.used) {
            said.push(
                Diagnostic::new(&codes::IGNORE_UNUSED, format!("nothing here raises {}", ignore.code))
                    .with_span(Some(ignore.comment))
                    .with_hint("Remove the comment, or move it to the line that it is about."),
            );
        }
        left.extend(said);
    }
    left.sort();
    left
}

fn read_comments(tree: &Node, source: SourceId, text: &str, ignores: &mut Vec<Ignore>, said: &mut Diagnostics) {
    if !text.contains(MARK) {
        return;
    }
    let mut nodes = Vec::new();
    flatten(tree, source, &mut nodes);
    let mut line_start = 0;
    for line in text.split_inclusive('\n') {
        let body = line.trim_end_matches(['\n', '\r']);
        let in_text =
            |byte: usize| nodes.iter().any(|node| node.is_text && node.span.start < byte && byte < node.span.end);
        let begins = |at: &usize| (*at == 0 || body[..*at].ends_with([' ', '\t'])) && !in_text(line_start + at);
        let comment_at = body.match_indices('#').map(|(at, _)| at).find(begins);
        if let Some(at) = comment_at.filter(|at| body[*at..].starts_with(MARK)) {
            let begin = line_start + at;
            let comment = Span { source, start: begin, end: line_start + body.len() };
            match parse(&body[at + MARK.len()..]) {
                Ok(found) => {
                    let target = if body[..at].trim().is_empty() {
                        next_line(text, line_start + line.len())
                    } else {
                        Some(line_start..line_start + line.len())
                    };
                    let reach = target.map_or(begin..begin, |target| reach(&nodes, target));
                    let silenced = |code| Ignore { code, comment, reach: reach.clone(), used: false };
                    ignores.extend(found.into_iter().map(silenced));
                }
                Err(diagnostic) => said.push(diagnostic.with_span(Some(comment))),
            }
        }
        line_start += line.len();
    }
}

/// The codes of ` ignore[CODE, CODE] reason`.
fn parse(comment: &str) -> Result<Vec<&'static str>, Box<Diagnostic>> {
    let malformed = |detail: String| {
        Box::new(
            Diagnostic::new(&codes::IGNORE_MALFORMED, detail)
                .with_hint("Write `# backstay: ignore[BS212] why it is right here`."),
        )
    };
    let inside = comment.trim().strip_prefix("ignore[").and_then(|rest| rest.split_once(']'));
    let (list, reason) = inside.ok_or_else(|| malformed(format!("`{}`", comment.trim())))?;
    let mut found = Vec::new();
    for id in list.split(',').map(str::trim) {
        let code = CODES.iter().find(|code| code.id == id).ok_or_else(|| malformed(format!("`{id}` is no code")))?;
        if code.severity == Severity::Error {
            return Err(malformed(format!("{id} is an error, which cannot be ignored")));
        }
        found.push(code.id);
    }
    if reason.trim().is_empty() {
        return Err(Box::new(
            Diagnostic::new(&codes::IGNORE_UNREASONED, format!("nothing after `ignore[{list}]`"))
                .with_hint("Say after the bracket why the advice does not hold here."),
        ));
    }
    Ok(found)
}

/// The first line from `from` on that is neither blank nor a comment.
fn next_line(text: &str, from: usize) -> Option<Range<usize>> {
    let mut start = from;
    for line in text.get(from..)?.split_inclusive('\n') {
        let body = line.trim();
        if !body.is_empty() && !body.starts_with('#') {
            return Some(start..start + line.len());
        }
        start += line.len();
    }
    None
}

/// The line, and everything inside keys and entries that begin on it.
fn reach(nodes: &[Extent], line: Range<usize>) -> Range<usize> {
    let begun = nodes.iter().filter(|node| line.contains(&node.begin));
    let end = begun.map(|node| node.span.end).max().unwrap_or(line.end);
    line.start..end.max(line.end)
}

struct Extent {
    begin: usize,
    span: Span,
    is_text: bool,
}

/// Every node of one source below the top.
fn flatten(node: &Node, source: SourceId, out: &mut Vec<Extent>) {
    let mut add = |child: &Node| {
        if child.span.source == source {
            let begin = child.key.filter(|key| key.source == source).map_or(child.span.start, |key| key.start);
            out.push(Extent { begin, span: child.span, is_text: matches!(child.content, Content::Text(_)) });
        }
        flatten(child, source, out);
    };
    match &node.content {
        Content::List(items) => items.iter().for_each(&mut add),
        Content::Map(entries) => entries.values().for_each(&mut add),
        _ => {}
    }
}
