//! Markdown for comments on pull requests: what others wrote stays text, and a comment stays within what a forge takes.

use crate::base::visible;

/// A comment of GitHub takes 65,536 characters; this many bytes always fit, with room for what a workflow adds.
pub(super) const COMMENT_BYTES: usize = 60_000;

/// Text for a line of Markdown: what stands in backticks becomes code, in which nothing means anything; everything else
/// is escaped, so that no mark-up, no mention and no link comes of it.
pub(super) fn inline(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    // An odd backtick opens nothing.
    let is_balanced = parts.len() % 2 == 1;
    let mut out = String::new();
    for (index, part) in parts.iter().enumerate() {
        match (index % 2 == 1 && is_balanced, index) {
            (true, _) => out.push_str(&code(part)),
            (false, 0) => out.push_str(&escaped(part)),
            (false, _) if is_balanced => out.push_str(&escaped(part)),
            (false, _) => out.push_str(&escaped(&format!("`{part}"))),
        }
    }
    out
}

/// Text as code: nothing in it means anything. It is safe in a cell of a table too.
pub(super) fn code(text: &str) -> String {
    // A code span must hold something; and GitHub ends a cell at a bar even inside one.
    let text = visible(text).replace('|', "\\|");
    if text.trim().is_empty() { "` `".to_owned() } else { format!("`{text}`") }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // An empty comment splits what would be a mention or a reference to an issue.
            '@' => out.push_str("@<!-- -->"),
            '#' => out.push_str("\\#<!-- -->"),
            '\\' | '*' | '_' | '[' | ']' | '|' | '~' | '!' | '$' | '`' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out.replace("://", ":<!-- -->//").replace("www.", "www<!-- -->.")
}

/// Lines in a fence that none of them can close.
pub(super) fn fence(language: &str, lines: &[String]) -> String {
    let longest = lines.iter().flat_map(|line| line.split(|c| c != '`')).map(str::len).max().unwrap_or(0);
    let ticks = "`".repeat(longest.max(2) + 1);
    let one_line = |line: &String| line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>();
    let body: Vec<String> = lines.iter().map(one_line).collect();
    format!("{ticks}{language}\n{}\n{ticks}\n", body.join("\n"))
}

/// A comment that grows block by block, as long as it fits.
pub(super) struct Comment {
    text: String,
    left: usize,
}

impl Comment {
    /// A comment that keeps so many bytes for its end.
    pub(super) fn new(kept: usize) -> Comment {
        Comment { text: String::new(), left: COMMENT_BYTES.saturating_sub(kept) }
    }

    /// Adds a block if it fits; false otherwise.
    pub(super) fn add(&mut self, block: &str) -> bool {
        let fits = block.len() <= self.left;
        if fits {
            self.text.push_str(block);
            self.left -= block.len();
        }
        fits
    }

    /// Gives room back that was kept.
    pub(super) fn give(&mut self, bytes: usize) {
        self.left += bytes;
    }

    /// The comment with its end, for which room was kept.
    pub(super) fn end(mut self, block: &str) -> String {
        self.text.push_str(block);
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_others_wrote_stays_text() {
        assert_eq!(inline("a `b|c` <b> @team #12"), "a `b\\|c` &lt;b&gt; @<!-- -->team \\#<!-- -->12");
        assert_eq!(inline("an odd ` tick"), "an odd \\` tick");
        assert_eq!(code("x`y\n@z"), "`x\\u{60}y\\n@z`");
        assert_eq!(fence("diff", &["+ ```".to_owned(), "- a\nb".to_owned()]), "````diff\n+ ```\n- a b\n````\n");
    }

    proptest! {
        /// Outside of code no sign is left that begins something; inside of it no backtick.
        #[test]
        fn nothing_breaks_out(text in "[a-z`@<>|#\\[\\]!\\n*_~&: ]{0,40}") {
            let shown = inline(&text);
            prop_assert!(!shown.contains('\n'));
            let mut outside = String::new();
            let mut is_code = false;
            let mut before = ' ';
            for c in shown.chars() {
                if c == '`' && before != '\\' {
                    is_code = !is_code;
                } else if !is_code {
                    outside.push(c);
                }
                before = c;
            }
            prop_assert!(!is_code, "{}", shown);
            let outside = outside.replace("<!-- -->", "\u{0}");
            prop_assert!(!outside.contains(['<', '>']), "{}", shown);
            prop_assert!(outside.match_indices('@').all(|(at, _)| outside[at + 1..].starts_with('\u{0}')), "{}", shown);
        }
    }
}
