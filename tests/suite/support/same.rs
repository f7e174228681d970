//! What counts as the same database: schema, rows, large objects, sequences, grants, owners, comments, and whether
//! materialized views are populated. Independent of the order that anything is stored in.

use super::Server;
use std::collections::{BTreeMap, BTreeSet};

/// Everything that is compared, as text by title.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Likeness(pub BTreeMap<String, BTreeSet<String>>);

impl Likeness {
    /// Looks at a database.
    pub fn of(server: &Server, database: &str) -> Likeness {
        let mut parts = BTreeMap::new();
        parts.insert("schema".to_owned(), schema(server, database));
        let lines = |sql: &str| server.psql(database, sql).lines().map(str::to_owned).collect::<BTreeSet<_>>();
        let tables = lines(
            "SELECT format('%I.%I', nspname, relname) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace \
             WHERE (relkind = 'r' OR relkind = 'm' AND relispopulated) \
             AND nspname !~ '^pg_' AND nspname <> 'information_schema'",
        );
        let digests: Vec<String> = tables
            .iter()
            .map(|table| {
                let title = table.replace('\'', "''");
                format!(
                    "SELECT '{title}', count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) \
                     FROM ONLY {table} t"
                )
            })
            .collect();
        let rows = if digests.is_empty() { BTreeSet::new() } else { lines(&digests.join(" UNION ALL ")) };
        parts.insert("rows".to_owned(), rows);
        parts.insert(
            "large objects".to_owned(),
            lines(
                "SELECT oid, pg_get_userbyid(lomowner), lomacl, md5(lo_get(oid)), \
                 obj_description(oid, 'pg_largeobject') FROM pg_largeobject_metadata",
            ),
        );
        parts.insert(
            "sequences".to_owned(),
            lines("SELECT format('%I.%I', schemaname, sequencename), last_value FROM pg_sequences"),
        );
        parts.insert(
            "materialized views".to_owned(),
            lines("SELECT oid::regclass, relispopulated FROM pg_class WHERE relkind = 'm'"),
        );
        parts.insert(
            "constraints".to_owned(),
            lines("SELECT conrelid::regclass, conname, convalidated FROM pg_constraint WHERE conrelid <> 0"),
        );
        parts.insert("encoding".to_owned(), lines("SHOW server_encoding"));
        Likeness(parts)
    }
}

/// Statements of the schema dump. Comments, session settings and random tokens say nothing about the database.
fn schema(server: &Server, database: &str) -> BTreeSet<String> {
    let dump = server.output("pg_dump", &["--schema-only"], database);
    let text = String::from_utf8_lossy(&dump);
    let told = |line: &&str| !line.starts_with("--") && !line.starts_with("\\");
    text.split("\n--\n-- Name: ")
        .skip(1)
        .flat_map(|entry| {
            let statement = entry.lines().skip(1).filter(told).collect::<Vec<_>>().join("\n");
            statement.split("\n\n").map(|part| part.trim().to_owned()).collect::<Vec<_>>()
        })
        .filter(|statement| !statement.is_empty() && !statement.starts_with("SET default_"))
        .collect()
}

/// Asserts that two databases are the same, and says in what they differ.
#[track_caller]
pub fn assert_same(left: &Likeness, right: &Likeness) {
    for (title, lines) in &left.0 {
        let others = &right.0[title];
        let only = |a: &BTreeSet<String>, b: &BTreeSet<String>| a.difference(b).cloned().collect::<Vec<_>>().join("\n");
        assert!(
            lines == others,
            "{title} differ\nonly in the first:\n{}\nonly in the second:\n{}",
            only(lines, others),
            only(others, lines)
        );
    }
}
