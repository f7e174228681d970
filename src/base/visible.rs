//! Text that somebody else wrote, as it can be shown anywhere.

/// More characters than these are cut off.
const LONGEST: usize = 300;

/// The text on one line, with everything written out that a reader would not see or that could reach beyond it: control
/// characters, marks that reorder or hide text, and backticks (`\u{60}`). Very long texts are cut.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (index, c) in text.chars().enumerate() {
        if index == LONGEST {
            out.push('…');
            break;
        }
        match c {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if hides(c) => out.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

/// The same in backticks, which the text itself then has none of.
pub fn quoted(text: &str) -> String {
    format!("`{}`", visible(text))
}

/// True for what a reader does not see as it is.
fn hides(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '`' | '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hides_is_written_out() {
        assert_eq!(visible("a\nb\x1b[31m\u{202e}`é😀"), "a\\nb\\u{1b}[31m\\u{202e}\\u{60}é😀");
        assert_eq!(quoted("x`y"), "`x\\u{60}y`");
        assert_eq!(visible(&"ä".repeat(400)).chars().count(), LONGEST + 1);
    }
}
