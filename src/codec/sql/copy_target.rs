//! Which table a `COPY … FROM stdin` fills.

/// Schema and name of the table in the text of a statement that begins with `COPY`. A name without a schema, as dumps
/// of old versions have it, is taken for one of `public`.
pub(super) fn copy_target(statement: &[u8]) -> Option<(String, String)> {
    let text = String::from_utf8_lossy(statement);
    let rest = text.trim_start();
    let rest = rest.get(..5).filter(|word| word.eq_ignore_ascii_case("COPY ")).map(|_| rest[5..].trim_start())?;
    let (first, rest) = identifier(rest)?;
    match rest.strip_prefix('.') {
        Some(rest) => Some((first, identifier(rest)?.0)),
        None => Some(("public".to_owned(), first)),
    }
}

/// An identifier and what follows it.
fn identifier(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(|c: char| c == '.' || c == '(' || c == ';' || c.is_whitespace()).unwrap_or(text.len());
        return (end > 0).then(|| (text[..end].to_lowercase(), &text[end..]));
    };
    let mut name = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        if c != '"' {
            name.push(c);
        } else if quoted[at + 1..].starts_with('"') {
            name.push('"');
            chars.next();
        } else {
            return Some((name, &quoted[at + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_sql_reads_them() {
        let of = |text: &str| copy_target(text.as_bytes()).map(|(schema, name)| format!("{schema}|{name}"));
        assert_eq!(of("COPY public.t (a) FROM stdin;").as_deref(), Some("public|t"));
        assert_eq!(of("\n\nCOPY t FROM stdin").as_deref(), Some("public|t"));
        assert_eq!(of("copy \"A.b\".\"c\"\"d\" FROM stdin").as_deref(), Some("A.b|c\"d"));
        for bad in ["", "COPY ", "COPY \"x", "SELECT 1", "é COPY x"] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }
}
