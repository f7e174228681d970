//! Small pieces of wording, and texts without what their references stand for.

use crate::base::Template;

/// Stands for a reference in a masked text; no policy writes it.
pub(in crate::policy) const UNKNOWN: char = '\u{fffc}';

/// Up to three names in backticks, and how many more: `` `a`, `b`, `c` and 2 more``.
pub(in crate::policy) fn listed<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match names.as_slice() {
        [] => "nothing".to_owned(),
        [only] => only.clone(),
        [first @ .., last] if first.len() < 3 => format!("{} and {last}", first.join(", ")),
        many => format!("{} and {} more", many[..3].join(", "), many.len() - 3),
    }
}

/// A count with its noun, which takes an `s` for all counts but one.
pub(in crate::policy) fn plural(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// The text with every reference replaced by [`UNKNOWN`].
pub(in crate::policy) fn masked(template: &Template) -> String {
    let source = template.source();
    let mut masked = String::new();
    let mut rest = source;
    while let Some(at) = rest.find("${") {
        if rest[..at].ends_with('$') {
            masked.push_str(&rest[..at - 1]);
            masked.push_str("${");
            rest = &rest[at + 2..];
            continue;
        }
        masked.push_str(&rest[..at]);
        masked.push(UNKNOWN);
        rest = rest[at..].find('}').map_or("", |end| &rest[at + end + 1..]);
    }
    masked + rest
}

/// The last component of a path.
pub(in crate::policy) fn basename(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn lists_are_short() {
        assert_eq!(listed(["a"]), "`a`");
        assert_eq!(listed(["a", "b", "c"]), "`a`, `b` and `c`");
        assert_eq!(listed(["a", "b", "c", "d", "e"]), "`a`, `b`, `c` and 2 more");
    }

    #[test]
    fn references_are_masked() {
        let text: Template = "a${env:X}b$${c}${file:/d}".parse().unwrap();
        assert_eq!(masked(&text), "a\u{fffc}b${c}\u{fffc}");
    }
}
