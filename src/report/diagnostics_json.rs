//! Diagnostics for machines. The views are the format: what a program reads does not change when a type of ours does.

use crate::diag::{Diagnostic, Diagnostics, Severity, Sources, Span};
use serde::Serialize;

/// Version of this format; grows when a key changes its meaning or goes away.
const FORMAT_VERSION: u32 = 1;

#[derive(Serialize)]
struct DiagnosticsView<'a> {
    format_version: u32,
    valid: bool,
    error_count: usize,
    warning_count: usize,
    info_count: usize,
    diagnostics: Vec<DiagnosticView<'a>>,
}

#[derive(Serialize)]
struct DiagnosticView<'a> {
    code: &'static str,
    severity: Severity,
    title: &'static str,
    detail: &'a str,
    path: &'a str,
    file: Option<&'a str>,
    line: Option<usize>,
    column: Option<usize>,
    end_line: Option<usize>,
    end_column: Option<usize>,
    labels: Vec<LabelView<'a>>,
    why: Option<&'a str>,
    hint: Option<&'a str>,
    fix: Option<FixView<'a>>,
    docs: String,
}

#[derive(Serialize)]
struct PlaceView<'a> {
    file: &'a str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
}

#[derive(Serialize)]
struct LabelView<'a> {
    text: &'a str,
    #[serde(flatten)]
    place: PlaceView<'a>,
}

#[derive(Serialize)]
struct FixView<'a> {
    replacement: &'a str,
    #[serde(flatten)]
    place: PlaceView<'a>,
}

/// All diagnostics as one JSON document, ending with a line feed. Lines and columns count from 1, columns in
/// characters; `end_column` is one past the last.
pub fn diagnostics_json(diagnostics: &Diagnostics, sources: &Sources) -> String {
    let view = DiagnosticsView {
        format_version: FORMAT_VERSION,
        valid: !diagnostics.has_errors(),
        error_count: diagnostics.count(Severity::Error),
        warning_count: diagnostics.count(Severity::Warning),
        info_count: diagnostics.count(Severity::Info),
        diagnostics: diagnostics.iter().map(|diagnostic| one(diagnostic, sources)).collect(),
    };
    // Views hold only texts and numbers, which JSON can always say.
    serde_json::to_string_pretty(&view).unwrap_or_default() + "\n"
}

fn one<'a>(diagnostic: &'a Diagnostic, sources: &'a Sources) -> DiagnosticView<'a> {
    let here = diagnostic.span.map(|span| place(span, sources));
    DiagnosticView {
        code: diagnostic.code.id,
        severity: diagnostic.code.severity,
        title: diagnostic.code.title,
        detail: &diagnostic.detail,
        path: &diagnostic.path,
        file: here.as_ref().map(|place| place.file),
        line: here.as_ref().map(|place| place.line),
        column: here.as_ref().map(|place| place.column),
        end_line: here.as_ref().map(|place| place.end_line),
        end_column: here.as_ref().map(|place| place.end_column),
        labels: diagnostic
            .labels
            .iter()
            .map(|label| LabelView { text: &label.text, place: place(label.span, sources) })
            .collect(),
        why: diagnostic.why.as_deref(),
        hint: diagnostic.hint.as_deref(),
        fix: diagnostic
            .fix
            .as_ref()
            .map(|fix| FixView { replacement: &fix.replacement, place: place(fix.span, sources) }),
        docs: format!("docs/rules.md#{}", anchor(diagnostic)),
    }
}

fn place(span: Span, sources: &Sources) -> PlaceView<'_> {
    let (start, end) = (sources.start(span), sources.position(span.source, span.end));
    PlaceView {
        file: &sources.get(span.source).name,
        line: start.line,
        column: start.column,
        end_line: end.line,
        end_column: end.column,
    }
}

/// The anchor that Markdown readers give to the section's heading.
fn anchor(diagnostic: &Diagnostic) -> String {
    let heading = format!("{}: {}", diagnostic.code.id, diagnostic.code.title);
    heading
        .chars()
        .filter_map(|c| match c {
            ' ' => Some('-'),
            c if c.is_alphanumeric() || matches!(c, '-' | '_') => Some(c.to_ascii_lowercase()),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::codes;

    #[test]
    fn a_machine_reads_places_and_fixes() {
        let mut sources = Sources::default();
        let source = sources.add("a.yaml", "ä:\n  shedule: 1\n");
        let span = Some(Span { source, start: 6, end: 13 });
        let found = Diagnostics(vec![
            Diagnostic::new(&codes::KEY_UNKNOWN, "`shedule`").with_span(span).with_fix(span, "schedule"),
            Diagnostic::new(&codes::YAML_MALFORMED, "no place"),
        ]);
        insta::assert_snapshot!(diagnostics_json(&found, &sources), @r#"
        {
          "format_version": 1,
          "valid": false,
          "error_count": 2,
          "warning_count": 0,
          "info_count": 0,
          "diagnostics": [
            {
              "code": "BS101",
              "severity": "error",
              "title": "a key is not known",
              "detail": "`shedule`",
              "path": "",
              "file": "a.yaml",
              "line": 2,
              "column": 3,
              "end_line": 2,
              "end_column": 10,
              "labels": [],
              "why": null,
              "hint": null,
              "fix": {
                "replacement": "schedule",
                "file": "a.yaml",
                "line": 2,
                "column": 3,
                "end_line": 2,
                "end_column": 10
              },
              "docs": "docs/rules.md#bs101-a-key-is-not-known"
            },
            {
              "code": "BS004",
              "severity": "error",
              "title": "the YAML is malformed",
              "detail": "no place",
              "path": "",
              "file": null,
              "line": null,
              "column": null,
              "end_line": null,
              "end_column": null,
              "labels": [],
              "why": null,
              "hint": null,
              "fix": null,
              "docs": "docs/rules.md#bs004-the-yaml-is-malformed"
            }
          ]
        }
        "#);
    }
}
