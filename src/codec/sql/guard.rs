//! Watches a dump in SQL: one that leaves its database or ends too early must not run. Counts its rows on the way.

use super::copy_target::copy_target;
use super::text::{SqlText, Token};
use std::collections::BTreeMap;

/// Looks at a dump as it passes.
#[derive(Debug, Default)]
pub struct SqlGuard {
    text: SqlText,
    statement: Statement,
    has_statements: bool,
    completion: Completion,
    summary: SqlSummary,
    /// Rows of the table whose data is passing.
    open: Option<((String, String), u64)>,
}

/// What a dump in SQL says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SqlSummary {
    /// Version of the server, when `pg_dump` wrote it down.
    pub server_version: Option<String>,
    /// Version of `pg_dump`, when it wrote it down.
    pub dump_version: Option<String>,
    /// Number of tables it makes.
    pub n_tables: u64,
    /// Rows by schema and name, when all of them come through `COPY` and can be counted.
    pub rows: Option<BTreeMap<(String, String), u64>>,
}

/// The words of the statement that is being read, as far as they matter.
#[derive(Debug, Default)]
struct Statement {
    n_words: u64,
    first: String,
    last: String,
    reads_input: bool,
    makes_table: bool,
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
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), String> {
        let SqlGuard { text, statement, has_statements, completion, summary, open } = self;
        text.feed(bytes, |token| match token {
            Token::Word(word) => statement.take(word),
            Token::End(written) => {
                *has_statements |= !statement.first.is_empty();
                let statement = std::mem::take(statement);
                summary.n_tables += u64::from(statement.makes_table);
                if statement.first == "INSERT" {
                    summary.rows = None;
                }
                close(open, &mut summary.rows);
                if statement.reads_input {
                    match copy_target(written) {
                        Some(table) => *open = Some((table, 0)),
                        None => summary.rows = None,
                    }
                }
                Ok(statement.reads_input)
            }
            Token::Row => {
                if let Some((_, rows)) = open {
                    *rows += 1;
                }
                Ok(false)
            }
            Token::Comment(comment) => {
                let comment = comment.trim();
                match comment {
                    "PostgreSQL database dump" => {
                        *completion = Completion::Begun;
                        summary.rows.get_or_insert_default();
                    }
                    "PostgreSQL database dump complete" => *completion = Completion::Complete,
                    _ => {}
                }
                let version = |said: &str| comment.strip_prefix(said).map(str::to_owned);
                if let Some(version) = version("Dumped from database version ") {
                    summary.server_version = Some(version);
                } else if let Some(version) = version("Dumped by pg_dump version ") {
                    summary.dump_version = Some(version);
                }
                Ok(false)
            }
            Token::Command(command) => judge_command(command).map(|()| false),
        })
    }

    /// What stands against what passed, now that it has ended.
    pub fn finish(&mut self) -> Result<SqlSummary, String> {
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
        close(&mut self.open, &mut self.summary.rows);
        Ok(std::mem::take(&mut self.summary))
    }
}

/// Notes the rows of the table whose data has passed.
fn close(open: &mut Option<((String, String), u64)>, rows: &mut Option<BTreeMap<(String, String), u64>>) {
    if let (Some((table, n)), Some(rows)) = (open.take(), rows) {
        *rows.entry(table).or_default() += n;
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
        self.makes_table |= self.first == "CREATE" && word == "TABLE" && self.n_words <= 3;
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
                guard.finish().map(drop)
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
    fn rows_are_counted_where_all_come_by_copy() {
        let dump = |body: &str| {
            format!(
                "--\n-- PostgreSQL database dump\n--\n\n-- Dumped from database version 15.4\n{body}\n--\n-- PostgreSQL database dump complete\n--\n"
            )
        };
        let summary = |text: String| {
            let mut guard = SqlGuard::default();
            text.as_bytes().chunks(7).try_for_each(|chunk| guard.feed(chunk))?;
            guard.finish()
        };
        let copies = "CREATE TABLE public.t (a int);\n/* x */ COPY public.t (a) FROM stdin;\n1\n2\n\\.\n\n-- note\nCOPY \"S.x\".\"a \"\"b\" (\"c\") FROM stdin;\n\\.\n";
        let found = summary(dump(copies)).unwrap();
        let key = |schema: &str, name: &str| (schema.to_owned(), name.to_owned());
        assert_eq!(found.rows, Some(BTreeMap::from([(key("public", "t"), 2), (key("S.x", "a \"b"), 0)])));
        assert_eq!((found.server_version.as_deref(), found.n_tables), (Some("15.4"), 1));
        let inserts = "CREATE TABLE t (a int);\nINSERT INTO t VALUES ('COPY public.t (a) FROM stdin;');\n";
        assert_eq!(summary(dump(inserts)).unwrap().rows, None);
        assert_eq!(
            summary("CREATE TABLE t (a int);".to_owned()).unwrap().rows,
            None,
            "nothing is known of others' dumps"
        );
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
