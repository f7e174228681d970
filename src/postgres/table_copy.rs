//! A table copied from one server to another under a new name: its columns with their types, and its rows.

use super::{PostgresError, Server, Session, identifier, literal};
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Bytes under way at once.
const PIECE: usize = 256 << 10;

/// A table of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableShape {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    columns: Vec<Column>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Column {
    name: String,
    kind: String,
    collation: Option<String>,
}

impl Session {
    /// A table by its name, found by the search path when it names no schema; `None` when there is none.
    pub async fn table_shape(&mut self, schema: Option<&str>, name: &str) -> Result<Option<TableShape>, PostgresError> {
        #[derive(Deserialize)]
        struct Found {
            oid: u64,
            schema: String,
            name: String,
        }
        let said = match schema {
            Some(schema) => format!("{}.{}", identifier(schema), identifier(name)),
            None => identifier(name),
        };
        let found: Vec<Found> = self
            .rows(&format!(
                "SELECT c.oid::bigint AS oid, n.nspname AS schema, c.relname AS name FROM pg_class c \
                 JOIN pg_namespace n ON n.oid = c.relnamespace \
                 WHERE c.oid = to_regclass({}) AND c.relkind IN ('r', 'p', 'm')",
                literal(&said)
            ))
            .await?;
        let Some(found) = found.into_iter().next() else { return Ok(None) };
        let columns: Vec<Column> = self
            .rows(&format!(
                "SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS kind, \
                 CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::regcollation::text END AS collation \
                 FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid \
                 WHERE a.attrelid = {} AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
                found.oid
            ))
            .await?;
        Ok(Some(TableShape { schema: found.schema, name: found.name, columns }))
    }
}

/// Copies the rows of a table into a new one `schema.name` on another server, in one transaction: all of it is there
/// afterwards, or nothing. The new one has columns and rows; indexes, constraints and defaults it has not. Returns how
/// many rows it has.
pub async fn copy_table(
    from: &Server,
    table: &TableShape,
    to: &Server,
    schema: &str,
    name: &str,
) -> Result<u64, PostgresError> {
    let goal = format!("{}.{}", identifier(schema), identifier(name));
    let columns: Vec<String> = table.columns.iter().map(|column| identifier(&column.name)).collect();
    let columns = columns.join(", ");
    let source = format!("{}.{}", identifier(&table.schema), identifier(&table.name));
    let script = |more: &str| ["-XqAt".to_owned(), "--set=ON_ERROR_STOP=1".to_owned(), format!("--command={more}")];
    let mut arguments = script("SET client_encoding = 'UTF8'").to_vec();
    arguments.push(format!("--command=COPY (SELECT {columns} FROM {source}) TO STDOUT"));
    let mut reading = from.start("psql", arguments).await?;
    drop(reading.stdin.take());
    let lines = ["-XqAt".to_owned(), "--set=ON_ERROR_STOP=1".to_owned(), "--set=VERBOSITY=verbose".to_owned()];
    let mut writing = to.start("psql", lines).await?;
    let lost = |problem: &str| PostgresError::Lost { server: to.connection().server(), problem: problem.to_owned() };
    let (Some(mut output), Some(mut input)) = (reading.stdout.take(), writing.stdin.take()) else {
        return Err(lost("psql has no pipes"));
    };
    let begin = format!(
        "SET client_encoding = 'UTF8';\nBEGIN;\nCREATE TABLE {goal} ({});\nCOPY {goal} FROM STDIN;\n",
        table.definitions()
    );
    let mut written = input.write_all(begin.as_bytes()).await;
    let mut piece = vec![0; PIECE];
    while written.is_ok() {
        let n = output.read(&mut piece).await.map_err(|error| lost(&error.to_string()))?;
        if n == 0 {
            break;
        }
        written = input.write_all(&piece[..n]).await;
    }
    if written.is_err() {
        // It went away: its last words say why, and the transaction went with it.
        drop((input, reading));
        return Err(writing.finish().await.err().unwrap_or_else(|| lost("psql ended early")));
    }
    // Rows that came before a failure must not be kept: without this word nothing is.
    drop(output);
    reading.finish().await?;
    let end = format!("\\.\nCOMMIT;\nSELECT count(*) FROM {goal};\n");
    let ended = input.write_all(end.as_bytes()).await;
    drop(input);
    let mut said = String::new();
    if let Some(mut output) = writing.stdout.take() {
        let _ = output.read_to_string(&mut said).await;
    }
    writing.finish().await?;
    ended.map_err(|error| lost(&error.to_string()))?;
    said.trim().parse().map_err(|_| lost("the number of rows is not understood"))
}

impl TableShape {
    fn definitions(&self) -> String {
        let all = self.columns.iter().map(|column| {
            let collation = column.collation.as_ref().map(|name| format!(" COLLATE {name}")).unwrap_or_default();
            format!("{} {}{collation}", identifier(&column.name), column.kind)
        });
        all.collect::<Vec<_>>().join(", ")
    }
}
