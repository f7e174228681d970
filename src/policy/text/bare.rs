//! References without quotes inside braces and brackets: `{ webhook: ${env:URL} }`.
//!
//! YAML ends a plain text at `{` there, so the line is malformed to a YAML reader. People write it all the same, and
//! what they mean is never in doubt. Such references are masked by other characters of the same length before
//! parsing, and the original text is put back afterwards, so every place stays right.

use std::ops::Range;

/// The text with every reference outside quotes and comments masked, and where; `None` when there is none.
pub(super) fn mask(text: &str) -> Option<(String, Vec<Range<usize>>)> {
    let bytes = text.as_bytes();
    let mut masked = bytes.to_vec();
    let mut ranges = Vec::new();
    let mut at = 0;
    let opens = |at: usize| at == 0 || matches!(bytes[at - 1], b' ' | b'\n' | b'\t' | b'[' | b'{' | b',');
    while at < bytes.len() {
        match bytes[at] {
            b'#' if opens(at) => at += line_length(&bytes[at..]),
            quote @ (b'"' | b'\'') if opens(at) => at = after_quoted(bytes, at, quote),
            b'$' if bytes[at..].starts_with(b"${") => {
                let length = bytes[at..].iter().take_while(|b| !matches!(b, b'}' | b'\n' | b' ' | b'"')).count();
                let end = at + length + 1;
                if bytes.get(end - 1) == Some(&b'}') {
                    for byte in &mut masked[at..end] {
                        *byte = match *byte {
                            b'{' | b'[' => b'(',
                            b'}' | b']' => b')',
                            b',' => b';',
                            other => other,
                        };
                    }
                    ranges.push(at..end);
                    at = end;
                } else {
                    at += 2;
                }
            }
            _ => at += 1,
        }
    }
    // Only ASCII was replaced by ASCII.
    String::from_utf8(masked).ok().filter(|_| !ranges.is_empty()).map(|masked| (masked, ranges))
}

/// Puts the original references back into a scalar that was read from `place` of the masked text.
pub(super) fn unmask(
    scalar: String,
    place: Range<usize>,
    original: &str,
    masked: &str,
    ranges: &[Range<usize>],
) -> String {
    let mut scalar = scalar;
    let mut from = 0;
    for range in ranges.iter().filter(|range| place.start <= range.start && range.end <= place.end) {
        if let Some(at) = scalar[from..].find(&masked[range.clone()]) {
            let at = from + at;
            scalar.replace_range(at..at + range.len(), &original[range.clone()]);
            from = at + range.len();
        }
    }
    scalar
}

fn line_length(bytes: &[u8]) -> usize {
    bytes.iter().position(|b| *b == b'\n').unwrap_or(bytes.len())
}

fn after_quoted(bytes: &[u8], open: usize, quote: u8) -> usize {
    let mut at = open + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if quote == b'"' => at += 2,
            b'\'' if quote == b'\'' && bytes.get(at + 1) == Some(&b'\'') => at += 2,
            b if b == quote => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_only_what_has_no_quotes() {
        let text = "a: { b: ${env:X}, c: \"${env:Y}\", d: 'it''s ${env:Z}' } # ${env:C}\n";
        let (masked, ranges) = mask(text).unwrap_or_default();
        assert_eq!(masked, "a: { b: $(env:X), c: \"${env:Y}\", d: 'it''s ${env:Z}' } # ${env:C}\n");
        assert_eq!(ranges, vec![8..16]);
        assert_eq!(unmask("$(env:X)".to_owned(), 8..16, text, &masked, &ranges), "${env:X}");
        assert_eq!(mask("a: ${never closed\nb: \"${env:X}\""), None);
        assert_eq!(mask("$"), None);
        assert_eq!(mask("${"), None);
    }
}
