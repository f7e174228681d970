//! Diagnostics for people: code, title, place, snippet, reason and what to do.

use super::Style;
use crate::diag::{Diagnostic, Diagnostics, Severity, SourceId, Sources, Span};
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use std::borrow::Cow;
use std::ops::Range;

/// All diagnostics as text, one after the other with an empty line between, ending with a line feed. Empty when there
/// is none.
pub fn diagnostics(diagnostics: &Diagnostics, sources: &Sources, style: Style) -> String {
    let renderer = if style.colour { Renderer::styled() } else { Renderer::plain() }.term_width(style.width);
    let mut out = String::new();
    for diagnostic in diagnostics.iter() {
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(&renderer.render(&[group(diagnostic, sources)]));
        out.push('\n');
    }
    out
}

/// One line: `2 errors, 1 warning`; `no problems` when there is none.
pub fn count_diagnostics(diagnostics: &Diagnostics) -> String {
    let words: Vec<String> = [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Info, "remark")]
        .into_iter()
        .map(|(severity, word)| (diagnostics.count(severity), word))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}{}", if count == 1 { "" } else { "s" }))
        .collect();
    if words.is_empty() { "no problems".to_owned() } else { words.join(", ") }
}

fn group<'a>(diagnostic: &'a Diagnostic, sources: &'a Sources) -> Group<'a> {
    let level = match diagnostic.code.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Info => Level::INFO,
    };
    let title = format!("{}: {}", diagnostic.code.title, one_line(&diagnostic.detail));
    let mut group = level.primary_title(title).id(diagnostic.code.id).elements(snippets(diagnostic, sources));
    if diagnostic.span.is_none() && !diagnostic.path.is_empty() {
        group = group.element(Level::NOTE.with_name("at").message(diagnostic.path.as_str()));
    }
    if let Some(why) = &diagnostic.why {
        group = group.element(Level::NOTE.with_name("why").message(why.as_str()));
    }
    if let Some(hint) = &diagnostic.hint {
        group = group.element(Level::HELP.with_name("hint").message(hint.as_str()));
    }
    group
}

/// One snippet for each text that has a place in the story, the main one first.
fn snippets<'a>(diagnostic: &'a Diagnostic, sources: &'a Sources) -> Vec<annotate_snippets::Element<'a>> {
    let Some(main) = diagnostic.span else { return Vec::new() };
    let mut order: Vec<SourceId> = vec![main.source];
    for label in &diagnostic.labels {
        if !order.contains(&label.span.source) {
            order.push(label.span.source);
        }
    }
    order.into_iter().map(|source| snippet(diagnostic, main, source, sources)).collect()
}

fn snippet<'a>(
    diagnostic: &'a Diagnostic,
    main: Span,
    source: SourceId,
    sources: &'a Sources,
) -> annotate_snippets::Element<'a> {
    let text = sources.get(source);
    if text.text.is_empty() {
        return Origin::path(text.name.as_str()).into();
    }
    let labels = || diagnostic.labels.iter().filter(|label| label.span.source == source);
    let shown = || (main.source == source).then_some(main).into_iter().chain(labels().map(|label| label.span));
    // Only the lines that are spoken of are handed over: the renderer would read the whole text for each diagnostic.
    let first = shown().map(|span| span.start).min().unwrap_or(0);
    let last = shown().map(|span| first_line(span, &text.text).end).max().unwrap_or(0);
    let start = text.text[..first].rfind('\n').map_or(0, |at| at + 1);
    let end = text.text[last..].find('\n').map_or(text.text.len(), |at| last + at);
    let within = |span: Span| {
        let line = first_line(span, &text.text);
        line.start - start..line.end - start
    };
    let primary = (main.source == source).then(|| AnnotationKind::Primary.span(within(main)));
    let context = labels().map(|label| AnnotationKind::Context.span(within(label.span)).label(label.text.as_str()));
    let lines = match sources.shown(source) {
        Cow::Borrowed(text) => Cow::Borrowed(&text[start..end]),
        Cow::Owned(text) => Cow::Owned(text[start..end].to_owned()),
    };
    Snippet::source(lines)
        .line_start(sources.position(source, start).line)
        .path(text.name.as_str())
        .annotations(primary.into_iter().chain(context))
        .into()
}

/// A place that covers many lines is shown by its first.
fn first_line(span: Span, text: &str) -> Range<usize> {
    let end = text[span.start..span.end].find(['\n', '\r']).map_or(span.end, |at| span.start + at);
    span.start..end
}

/// Control characters of a text must not reach a terminal.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::codes;

    #[test]
    fn looks_like_a_compiler() {
        let mut sources = Sources::default();
        let source = sources.add("a.yaml", "tiers:\n  daily:\n    shedule: \"0 2 * * *\"\n");
        let span = Span { source, start: 20, end: 27 };
        let found = Diagnostics(vec![
            Diagnostic::new(&codes::KEY_UNKNOWN, "`shedule` in `tiers.daily`")
                .with_span(Some(span))
                .with_why("Nothing would be backed up.")
                .with_label(Some(Span { source, start: 0, end: 5 }), "in this section")
                .with_hint("Did you mean `schedule`?"),
        ]);
        insta::assert_snapshot!(diagnostics(&found, &sources, Style::PLAIN), @r#"
        error[BS101]: a key is not known: `shedule` in `tiers.daily`
         --> a.yaml:3:5
          |
        1 | tiers:
          | ----- in this section
        2 |   daily:
        3 |     shedule: "0 2 * * *"
          |     ^^^^^^^
          |
          = why: Nothing would be backed up.
          = hint: Did you mean `schedule`?
        "#);
        assert_eq!(count_diagnostics(&found), "1 error");
    }
}
