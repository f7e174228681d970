//! What the YAML library complains about, in our own words.

use crate::diag::{Code, Diagnostic, SourceId, Span, codes};
use serde_saphyr::{Error, Location};

/// True when a map has one key twice.
pub(super) fn is_duplicate(error: &Error) -> bool {
    matches!(error.without_snippet(), Error::DuplicateMappingKey { .. })
}

/// First byte and one past the last of a location. Locations without bytes are found by line and column.
pub(super) fn bytes_of(location: &Location, text: &str) -> (usize, usize) {
    let whole = |offset: usize| {
        let mut offset = offset.min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    };
    let span = location.span();
    if let Some(offset) = span.byte_offset() {
        let start = whole(usize::try_from(offset).unwrap_or(usize::MAX));
        let length = usize::try_from(span.byte_len().unwrap_or(0)).unwrap_or(0);
        return (start, whole(start.saturating_add(length)));
    }
    let lines_before = usize::try_from(location.line().saturating_sub(1)).unwrap_or(0);
    let line_start: usize = text.split_inclusive('\n').take(lines_before).map(str::len).sum();
    let column = usize::try_from(location.column().saturating_sub(1)).unwrap_or(0);
    let rest = &text[line_start.min(text.len())..];
    let line = rest.split(['\n', '\r']).next().unwrap_or_default();
    let (within, length) = line.char_indices().nth(column).map_or((line.len(), 0), |(at, c)| (at, c.len_utf8()));
    (line_start + within, line_start + within + length)
}

/// The diagnostic of an error that ended the reading.
pub(super) fn diagnose(error: &Error, source: SourceId, text: &str) -> Diagnostic {
    let (start, end) = error.location().map_or((0, 0), |location| bytes_of(&location, text));
    let span = Span { source, start, end };
    let line = line_at(text, start);
    let (code, detail, hint) = explain(innermost(error), line, &text[start..]);
    let span = if *code == codes::TAB_INDENTS { first_tab(source, text, start).unwrap_or(span) } else { span };
    let mut diagnostic = Diagnostic::new(code, detail).with_span(Some(span));
    diagnostic.hint = hint;
    diagnostic
}

/// The first tab of the line, which is what has to go.
fn first_tab(source: SourceId, text: &str, byte: usize) -> Option<Span> {
    let line_start = text[..byte].rfind('\n').map_or(0, |at| at + 1);
    let at = line_start + line_at(text, byte).find('\t')?;
    Some(Span { source, start: at, end: at + 1 })
}

fn innermost(error: &Error) -> &Error {
    match error.without_snippet() {
        Error::AliasError { error, .. } => innermost(error),
        other => other,
    }
}

fn line_at(text: &str, byte: usize) -> &str {
    let start = text[..byte].rfind('\n').map_or(0, |at| at + 1);
    text[start..].split(['\n', '\r']).next().unwrap_or_default()
}

fn explain(error: &Error, line: &str, rest: &str) -> (&'static Code, String, Option<String>) {
    let indent = &line[..line.len() - line.trim_start().len()];
    let message = match error {
        Error::ExternalMessage { msg, .. } => msg.clone(),
        other => without_place(&other.to_string()),
    };
    if indent.contains('\t') || message.contains("tabs disallowed") {
        return (
            &codes::TAB_INDENTS,
            "YAML counts only spaces".to_owned(),
            Some("Replace the tab by spaces.".to_owned()),
        );
    }
    match error {
        Error::Budget { .. }
        | Error::AliasReplayCounterOverflow { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => (
            &codes::TEXT_EXCESSIVE,
            excess(error),
            Some("Write the policy without so many levels or aliases.".to_owned()),
        ),
        Error::UnknownAnchor { .. } if looks_like_cron(rest) => (
            &codes::QUOTES_NEEDED,
            "`*` begins an alias in YAML".to_owned(),
            Some("Write the cron expression in quotes, such as `\"*/5 * * * *\"`.".to_owned()),
        ),
        Error::UnknownAnchor { .. } => {
            let name: String = rest.chars().take_while(|c| !c.is_whitespace() && !",]}".contains(*c)).collect();
            (
                &codes::ANCHOR_UNKNOWN,
                format!("`{name}` refers to an anchor that is not defined above"),
                Some("Define the anchor with `&` first, or write the text in quotes.".to_owned()),
            )
        }
        Error::DuplicateMappingKey { .. } => (
            &codes::KEY_TWICE,
            "this key stands in the same map already".to_owned(),
            Some("Remove one of the two, or merge them.".to_owned()),
        ),
        Error::MultipleDocuments { .. } => (
            &codes::SEVERAL_DOCUMENTS,
            "a second document begins here".to_owned(),
            Some("Put each policy into a file of its own and name the folder with `--policy`.".to_owned()),
        ),
        Error::NullIntoString { .. } => (
            &codes::KEY_NOT_TEXT,
            "an empty key or `null` cannot name anything".to_owned(),
            Some("Write the key in quotes.".to_owned()),
        ),
        Error::Unexpected { expected, .. } if expected.contains("scalar") => (
            &codes::KEY_NOT_TEXT,
            "a list or map cannot be a key".to_owned(),
            Some("Write a text before the colon.".to_owned()),
        ),
        Error::NonFiniteFloat { value, .. } => (
            &codes::NUMBER_AMBIGUOUS,
            format!("`{value}` is no number that can be used"),
            Some(format!("Write `\"{value}\"` for a text.")),
        ),
        _ if message.contains("tag") => {
            (&codes::TAG_UNKNOWN, message, Some("Remove the tag; the format says which type each key has.".to_owned()))
        }
        _ if message.contains("recursion limit") || message.contains("nesting") || message.contains("depth") => (
            &codes::TEXT_EXCESSIVE,
            "lists or maps stand more than 32 deep in each other".to_owned(),
            Some("Check for brackets that are never closed.".to_owned()),
        ),
        _ => malformed(message, line, rest),
    }
}

fn malformed(message: String, line: &str, rest: &str) -> (&'static Code, String, Option<String>) {
    if let Some(first @ ('@' | '`' | '%')) = rest.chars().next() {
        let written = rest.split([' ', '\n', '\r', ',', '}', ']']).next().unwrap_or_default();
        return (
            &codes::QUOTES_NEEDED,
            format!("`{first}` cannot begin a plain text in YAML"),
            Some(format!("Write `\"{written}\"`.")),
        );
    }
    if message.contains("block scalar") {
        return (
            &codes::QUOTES_NEEDED,
            "`>` and `|` begin a text of several lines in YAML".to_owned(),
            Some(format!("Write `\"{}\"`.", rest.split(['\n', '\r', ',', '}']).next().unwrap_or_default().trim())),
        );
    }
    let hint = if message.contains("mapping values are not allowed") {
        Some("Check the indentation of this line and the one above; write texts that contain `: ` in quotes.")
    } else if message.contains("quoted scalar") || message.contains("unexpected end of stream") {
        Some("Check for a quote that is never closed above this line.")
    } else if message.contains("flow") || message.contains("unclosed") || message.contains("illegal placement") {
        Some("Check for a bracket, brace or comma that is missing above this line.")
    } else if line.trim_start().starts_with("- ") || message.contains("expected key") {
        Some("Check the indentation of this line and the one above.")
    } else {
        None
    };
    (&codes::YAML_MALFORMED, message, hint.map(str::to_owned))
}

fn excess(error: &Error) -> String {
    match error {
        Error::Budget { .. } => {
            let message = without_place(&error.to_string());
            if message.contains("Depth") {
                "lists or maps stand more than 32 deep in each other".to_owned()
            } else {
                format!("more than any policy needs ({})", message.trim_start_matches("budget breached: "))
            }
        }
        _ => "its aliases repeat each other until the text would fill the memory".to_owned(),
    }
}

fn looks_like_cron(rest: &str) -> bool {
    let value = rest.split(['\n', '\r', '#', '}', ',']).next().unwrap_or_default().trim();
    value.split(' ').count() == 5 || value.starts_with("*/") || value.starts_with("* ")
}

/// The library ends its messages with a place, which we say ourselves.
fn without_place(message: &str) -> String {
    message.rfind(" at line ").map_or(message, |at| &message[..at]).to_owned()
}
