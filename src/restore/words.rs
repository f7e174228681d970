//! SQL of `pg_dump`, cut into words: enough to read the few statements that a restore must understand. Pure.

use crate::postgres::DatabaseShape;
use std::collections::BTreeSet;

/// A word of SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Word {
    /// A keyword or a name without quotes.
    Plain(String),
    /// A name in quotes.
    Name(String),
    /// A text.
    Text(String),
    /// Anything else.
    Mark(char),
}

fn words(sql: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        if first == '\'' || first == '"' {
            let (content, after) = quoted(&rest[1..], first);
            words.push(if first == '"' { Word::Name(content) } else { Word::Text(content) });
            rest = after;
        } else if first.is_alphanumeric() || first == '_' {
            let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).unwrap_or(rest.len());
            words.push(Word::Plain(rest[..end].to_owned()));
            rest = &rest[end..];
        } else {
            if !first.is_whitespace() {
                words.push(Word::Mark(first));
            }
            rest = &rest[first.len_utf8()..];
        }
    }
    words
}

/// What stands before the closing quote, doubled ones inside, and what follows it.
fn quoted(text: &str, quote: char) -> (String, &str) {
    let mut content = String::new();
    let mut rest = text;
    loop {
        let Some(end) = rest.find(quote) else { return (content + rest, "") };
        content.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        let Some(after) = rest.strip_prefix(quote) else { return (content, rest) };
        content.push(quote);
        rest = after;
    }
}

/// Roles that statements of `GRANT`, `REVOKE` and `ALTER DEFAULT PRIVILEGES` name.
pub(super) fn granted_roles(sql: &str) -> BTreeSet<String> {
    let mut roles = BTreeSet::new();
    let words = words(sql);
    for statement in words.split(|word| *word == Word::Mark(';')) {
        let is = |word: Option<&Word>, keyword: &str| matches!(word, Some(Word::Plain(text)) if text == keyword);
        for (index, word) in statement.iter().enumerate() {
            // The last `TO` or `FROM` of a statement stands before the roles; names that read so are quoted.
            let starts = is(Some(word), "TO")
                || is(Some(word), "FROM")
                || is(Some(word), "AUTHORIZATION")
                || (is(Some(word), "ROLE") && is(index.checked_sub(1).and_then(|i| statement.get(i)), "FOR"));
            if !starts {
                continue;
            }
            let mut rest = &statement[index + 1..];
            while let [name, after @ ..] = rest {
                match name {
                    Word::Name(name) => drop(roles.insert(name.clone())),
                    Word::Plain(name) if name != "PUBLIC" && name != "DEFAULT" => drop(roles.insert(name.clone())),
                    _ => {}
                }
                match after {
                    [Word::Mark(','), more @ ..] => rest = more,
                    _ => break,
                }
            }
        }
    }
    roles
}

/// The shape that a dump's `CREATE DATABASE` gives.
pub(super) fn database_shape(sql: &str) -> Option<DatabaseShape> {
    let words = words(sql);
    let value = |keyword: &str| {
        words.windows(3).find_map(|three| match three {
            [Word::Plain(name), Word::Mark('='), Word::Text(value) | Word::Plain(value)] if name == keyword => {
                Some(value.clone())
            }
            _ => None,
        })
    };
    let mut shape = DatabaseShape::of_encoding(&value("ENCODING")?);
    shape.collate = value("LC_COLLATE").or_else(|| value("LOCALE"));
    shape.ctype = value("LC_CTYPE").or_else(|| value("LOCALE"));
    shape.provider = value("LOCALE_PROVIDER").filter(|provider| provider != "libc");
    if shape.provider.is_some() {
        shape.locale = value("ICU_LOCALE").or_else(|| value("BUILTIN_LOCALE")).or_else(|| value("LOCALE"));
    }
    Some(shape)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;

    #[test]
    fn roles_of_grants_are_found() {
        let sql = "REVOKE ALL ON FUNCTION public.\"TO x\"(n integer) FROM PUBLIC;\n\
            GRANT SELECT(id) ON TABLE public.columns TO \"torture reader\" WITH GRANT OPTION;\n\
            SET SESSION AUTHORIZATION app;\n\
            ALTER DEFAULT PRIVILEGES FOR ROLE torture_owner IN SCHEMA public GRANT SELECT ON TABLES TO a, \"b\"\"c\";";
        let roles: Vec<String> = granted_roles(sql).into_iter().collect();
        assert_eq!(roles, ["a", "app", "b\"c", "torture reader", "torture_owner"]);
    }

    #[test]
    fn shapes_of_all_versions_are_read() {
        let new = database_shape(
            "CREATE DATABASE \"a b\" WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE_PROVIDER = libc LOCALE = 'C.UTF-8';",
        );
        let new = new.unwrap();
        assert_eq!((new.encoding.as_str(), new.collate.as_deref(), new.provider), ("UTF8", Some("C.UTF-8"), None));
        let old = "CREATE DATABASE x WITH TEMPLATE = template0 ENCODING = 'LATIN1' LC_COLLATE = 'C' LC_CTYPE = 'de';";
        assert_eq!(database_shape(old).unwrap().ctype.as_deref(), Some("de"));
        let icu = "CREATE DATABASE x WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE_PROVIDER = icu \
            LOCALE = 'C' ICU_LOCALE = 'de-DE';";
        let icu = database_shape(icu).unwrap();
        assert_eq!((icu.provider.as_deref(), icu.locale.as_deref()), (Some("icu"), Some("de-DE")));
        assert_eq!(database_shape(""), None);
    }
}
