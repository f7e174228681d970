//! Names of tables as people type them: `users`, `public.users`, `"Odd ""name""".users`.

use std::fmt;

/// A table, its schema perhaps left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableName {
    schema: Option<Part>,
    name: Part,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    text: String,
    is_quoted: bool,
}

/// The text was not the name of a table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the name of a table; write `table`, `schema.table` or `\"Any name\".\"of both\"`")]
pub struct InvalidTableName(pub String);

impl Part {
    /// Quoted names are meant exactly; others also in lower case, as SQL reads them.
    fn fits(&self, actual: &str) -> bool {
        self.text == actual || (!self.is_quoted && self.text.to_lowercase() == actual)
    }
}

impl std::str::FromStr for TableName {
    type Err = InvalidTableName;

    fn from_str(text: &str) -> Result<Self, InvalidTableName> {
        let invalid = || InvalidTableName(text.to_owned());
        let (first, rest) = part(text).ok_or_else(invalid)?;
        if rest.is_empty() {
            return Ok(TableName { schema: None, name: first });
        }
        let (second, rest) = rest.strip_prefix('.').and_then(part).ok_or_else(invalid)?;
        if rest.is_empty() { Ok(TableName { schema: Some(first), name: second }) } else { Err(invalid()) }
    }
}

/// The first part of a name and what follows it.
fn part(text: &str) -> Option<(Part, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find('.').unwrap_or(text.len());
        let (word, rest) = text.split_at(end);
        let is_word = !word.is_empty() && !word.contains('"');
        return is_word.then(|| (Part { text: word.to_owned(), is_quoted: false }, rest));
    };
    let mut name = String::new();
    let mut rest = quoted;
    loop {
        let end = rest.find('"')?;
        name.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(after) => {
                name.push('"');
                rest = after;
            }
            None if name.is_empty() => return None,
            None => return Some((Part { text: name, is_quoted: true }, rest)),
        }
    }
}

impl TableName {
    /// Schema and name as SQL reads them: in lower case unless quoted.
    pub(super) fn as_sql(&self) -> (Option<String>, String) {
        let read = |part: &Part| if part.is_quoted { part.text.clone() } else { part.text.to_lowercase() };
        (self.schema.as_ref().map(read), read(&self.name))
    }

    /// True when a table may be meant.
    pub fn fits(&self, schema: &str, name: &str) -> bool {
        self.name.fits(name) && self.schema.as_ref().is_none_or(|part| part.fits(schema))
    }

    /// True when it is written exactly so, letter case included.
    pub fn is_exactly(&self, schema: &str, name: &str) -> bool {
        self.name.text == name && self.schema.as_ref().is_none_or(|part| part.text == schema)
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(f, "{}.", schema.text)?;
        }
        f.write_str(&self.name.text)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;
    use proptest::prelude::*;

    fn name(text: &str) -> TableName {
        text.parse().unwrap()
    }

    #[test]
    fn names_are_read_as_sql_reads_them() {
        assert!(name("Users").fits("public", "users") && name("Users").fits("public", "Users"));
        assert!(!name("\"Users\"").fits("public", "users"));
        assert!(name("app.users").fits("app", "users") && !name("app.users").fits("public", "users"));
        assert!(name("\"a.b\"\"c\".\"d e\"").fits("a.b\"c", "d e"));
        assert!(name("table 'x' 🐘").fits("s", "table 'x' 🐘"));
        for bad in ["", ".", "a.", ".a", "a.b.c", "\"a", "\"\"", "a\"b", "\"a\"b"] {
            assert!(bad.parse::<TableName>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_quoted_name_is_found(schema in "[^\\x00]{1,12}", table in "[^\\x00]{1,12}") {
            let quote = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
            let parsed = name(&format!("{}.{}", quote(&schema), quote(&table)));
            prop_assert!(parsed.is_exactly(&schema, &table));
        }
    }
}
