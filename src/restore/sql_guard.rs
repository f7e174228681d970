//! Watches SQL text on its way to `psql`: a dump that leaves its database or ends too early must not run. Pure.

use super::sql_text::{SqlText, Token};

/// Looks at a dump as it passes.
#[derive(Debug, Default)]
pub(super) struct SqlGuard {
    text: SqlText,
    statement: Statement,
    has_statements: bool,
    completion: Completion,
}

/// The words of the statement that is being read, as far as they matter.
#[derive(Debug, Default)]
struct Statement {
    n_words: u64,
    first: String,
    last: String,
    reads_input: bool,
}

/// What pg_dump writes around its dumps.
#[derive(Debug, Default, PartialEq, Eq)]
enum Completion {
    /// The dump does not begin as pg_dump's do: nothing is known of its end.
    #[default]
    Unknown,
    Begun,
    Complete,
}

/// Things that belong to the whole server: `DROP DATABASE` in a dump drops the one that is meant to be saved.
const OF_THE_SERVER: [&str; 5] = ["DATABASE", "TABLESPACE", "ROLE", "USER", "GROUP"];
/// Commands of psql that stay inside the database.
const HARMLESS: [&str; 9] = ["restrict", "unrestrict", "encoding", "set", "unset", "pset", "echo", "qecho", "timing"];

impl SqlGuard {
    /// Looks at the next bytes; says what stands against running them, before they are run.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<(), String> {
        let SqlGuard { text, statement, has_statements, completion } = self;
        text.feed(bytes, |token| match token {
            Token::Word(word) => statement.take(word),
            Token::End => {
                *has_statements |= !statement.first.is_empty();
                Ok(std::mem::take(statement).reads_input)
            }
            Token::Comment(comment) => {
                match comment.trim() {
                    "PostgreSQL database dump" => *completion = Completion::Begun,
                    "PostgreSQL database dump complete" => *completion = Completion::Complete,
                    _ => {}
                }
                Ok(false)
            }
            Token::Command(command) => judge_command(command).map(|()| false),
        })
    }

    /// What stands against what passed, now that it has ended.
    pub(super) fn finish(&mut self) -> Result<(), String> {
        self.feed(b"\n")?;
        if let Some(open) = self.text.open() {
            return Err(format!("the dump ends within {open}: it was cut off"));
        }
        if !self.statement.first.is_empty() {
            return Err("the dump ends within a statement: it was cut off".to_owned());
        }
        if self.completion == Completion::Begun {
            return Err("the dump lacks the last line that pg_dump writes: it was cut off".to_owned());
        }
        if !self.has_statements {
            return Err("the file holds no SQL statement".to_owned());
        }
        Ok(())
    }
}

impl Statement {
    fn take(&mut self, word: &str) -> Result<bool, String> {
        self.n_words += 1;
        if self.n_words == 1 {
            word.clone_into(&mut self.first);
        } else if self.n_words == 2 && matches!(self.first.as_str(), "CREATE" | "DROP") && OF_THE_SERVER.contains(&word)
        {
            return Err(format!(
                "the dump changes the whole server (`{} {word}`): it was made with `--create` or by pg_dumpall; take \
                 out what makes and drops databases and roles",
                self.first
            ));
        }
        self.reads_input |= self.first == "COPY" && self.last == "FROM" && word == "STDIN";
        word.clone_into(&mut self.last);
        Ok(false)
    }
}

fn judge_command(command: &str) -> Result<(), String> {
    let name = command.split_whitespace().next().unwrap_or_default();
    match name {
        "connect" | "c" => Err(format!(
            "the dump goes to another database by itself (`\\{command}`): it was made with `--create` or by \
             pg_dumpall; take that line and what makes the database out of it"
        )),
        // `\;` and `\:` are parts of SQL.
        _ if HARMLESS.contains(&name) || !name.starts_with(|c: char| c.is_alphabetic() || c == '!') => Ok(()),
        _ => Err(format!("the dump holds a command for psql (`\\{command}`): take it out")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(text: &str) -> Result<(), String> {
        let mut outcomes: Vec<_> = [1, 3, 1000]
            .into_iter()
            .map(|step| {
                let mut guard = SqlGuard::default();
                text.as_bytes().chunks(step).try_for_each(|chunk| guard.feed(chunk))?;
                guard.finish()
            })
            .collect();
        outcomes.dedup();
        assert_eq!(outcomes.len(), 1, "the same in pieces of any size: {outcomes:?}");
        outcomes.remove(0)
    }

    #[test]
    fn a_change_of_database_is_seen_and_data_is_not_mistaken_for_it() {
        assert!(judged("SELECT 1;\n\\connect app\n").unwrap_err().contains("`\\connect app`"));
        assert!(judged("\\c app").unwrap_err().contains("another database"));
        assert!(judged("SELECT 1; \\c app\n").is_err());
        let data = "COPY public.t (a, b) FROM stdin;\n\\connect x\n\\c\nDROP DATABASE x;\n\\.\n\nSELECT 1;\n";
        assert_eq!(judged(data), Ok(()));
        assert!(judged(&format!("{data}\\connect x\n")).is_err());
        assert_eq!(judged("\\restrict abc\nSELECT '\\connect';\n\\unrestrict abc\n"), Ok(()));
        assert_eq!(judged("INSERT INTO t VALUES ('\n\\connect x\nDROP DATABASE x;\n');"), Ok(()));
        assert_eq!(judged("CREATE FUNCTION f() AS $_$\nDROP DATABASE x;\n\\! rm\n$_$;"), Ok(()));
        assert_eq!(judged("SELECT E'\\'; \\c x\n' AS \"a\\c\"; /* /* \\c */ \\c */ SELECT 1; -- \\c x"), Ok(()));
        assert_eq!(judged("SELECT a$b, $1 FROM t;\nSELECT 'it''s';"), Ok(()));
    }

    #[test]
    fn what_is_not_of_the_database_is_seen_before_it_runs() {
        for text in [
            "drop database app;",
            "DROP\n DATABASE IF EXISTS app;",
            "create /* x */ role app;",
            "\\! rm -rf x",
            "\\i other.sql\n",
            "SELECT 1 \\gexec\n",
        ] {
            judged(text).unwrap_err();
        }
        for text in ["DROP TABLE database;", "CREATE TABLE role (x int);", "COMMENT ON DATABASE app IS 'x';"] {
            assert_eq!(judged(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn a_dump_that_was_cut_off_is_seen_at_its_end() {
        let whole = "--\n-- PostgreSQL database dump\n--\n\nCREATE TABLE t (a text);\n\nCOPY t (a) FROM stdin;\nx\n\\.\n\n\
                     SELECT 'it';\n\n--\n-- PostgreSQL database dump complete\n--\n\n";
        assert_eq!(judged(whole), Ok(()));
        let end = whole.find(" complete").unwrap();
        for n in 0..end {
            assert!(judged(&whole[..n]).is_err(), "{:?}", &whole[..n]);
        }
        assert_eq!(judged("CREATE TABLE t (a text);"), Ok(()), "dumps of other tools end as they like");
        for nothing in ["", "\n", "-- only words\n"] {
            assert_eq!(judged(nothing), Err("the file holds no SQL statement".to_owned()));
        }
    }
}
