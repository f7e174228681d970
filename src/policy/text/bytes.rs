//! Bytes of a policy file become a text, or a clear word why not.

use crate::diag::{Diagnostic, Diagnostics, SourceId, Sources, Span, codes};

/// No policy is larger; more is a wrong file.
const LARGEST: usize = 10_000_000;

/// Adds the text to the sources. `None` after an error; the sources then hold what can be shown of it.
pub(super) fn read_text(sources: &mut Sources, name: &str, bytes: &[u8], found: &mut Diagnostics) -> Option<SourceId> {
    if bytes.len() > LARGEST {
        let source = sources.add(name, "");
        let detail = format!("{} bytes; {LARGEST} is the most", bytes.len());
        found.push(
            Diagnostic::new(&codes::TEXT_TOO_LARGE, detail)
                .with_span(Some(Span { source, start: 0, end: 0 }))
                .with_hint("Check that the path names a policy; split a real one with `extends`."),
        );
        return None;
    }
    let body = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(body) {
        Ok(text) => {
            let source = sources.add(name, text);
            let blank = text.lines().all(|line| {
                let line = line.trim();
                line.is_empty() || line.starts_with('#') || line == "---" || line == "..."
            });
            if blank {
                found.push(
                    Diagnostic::new(&codes::TEXT_EMPTY, "there is nothing but white space and comments")
                        .with_span(Some(Span { source, start: 0, end: 0 }))
                        .with_hint("Write a first policy with `backstay init postgresql://localhost/app`."),
                );
            }
            (!blank).then_some(source)
        }
        Err(error) => {
            let at = error.valid_up_to();
            let source = sources.add(name, String::from_utf8_lossy(body));
            let wide = body.starts_with(b"\xff\xfe") || body.starts_with(b"\xfe\xff");
            let detail = if wide {
                "it is UTF-16".to_owned()
            } else {
                format!("byte {at} is 0x{:02x}", body.get(at).copied().unwrap_or_default())
            };
            found.push(
                Diagnostic::new(&codes::TEXT_NOT_UTF8, detail)
                    .with_span(Some(Span { source, start: at, end: at + '\u{fffd}'.len_utf8() }))
                    .with_hint("Save the file as UTF-8."),
            );
            None
        }
    }
}
