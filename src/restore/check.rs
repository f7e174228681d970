//! Whether what came back is what was backed up.

use super::error::RestoreError;
use crate::base::total;
use crate::catalog::{Manifest, TableRows};
use crate::postgres::{Server, Session, identifier, literal};
use serde::Deserialize;
use std::collections::HashMap;

/// Tables counted by one query.
const BATCH: usize = 100;
/// How often and how long processes of the server are waited for that are about to end.
const MOMENTS: usize = 40;
const MOMENT: std::time::Duration = std::time::Duration::from_millis(25);
/// Differences named before the rest is only counted.
const NAMED: usize = 10;

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct Constraint {
    name: String,
    is_valid: bool,
}

#[derive(Deserialize)]
struct Counted {
    place: usize,
    rows: u64,
}

#[derive(Deserialize)]
struct Table {
    schema: String,
    name: String,
    schema_bytes: String,
    name_bytes: String,
}

/// How rows are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counting {
    /// By reading every table.
    Exactly,
    /// By what the server says it loaded, and only where that is not as many as it should be by reading.
    AsLoaded,
}

/// Compares a restored database with a manifest: rows of the tables that were restored, constraints that are not
/// valid, and every index. Returns how many tables and rows were compared.
pub(super) async fn check(
    server: &Server,
    manifest: Option<&Manifest>,
    only: Option<&[(String, String)]>,
    counting: Counting,
) -> Result<Option<(usize, u64)>, RestoreError> {
    let mut session = server.session().await?;
    let mut problems = invalid_indexes(&mut session).await?;
    let mut compared = None;
    if let Some(manifest) = manifest.filter(|manifest| manifest.counts_rows()) {
        let wanted: Vec<&TableRows> = manifest
            .tables
            .iter()
            .filter(|table| only.is_none_or(|only| only.iter().any(|(s, n)| *s == table.schema && *n == table.name)))
            .collect();
        compared = Some((wanted.len(), total(wanted.iter().map(|table| table.rows))));
        problems.extend(rows(&mut session, &wanted, counting).await?);
        // A dump of another tool does not say which constraints were valid.
        if only.is_none() && manifest.adopted.is_none() {
            problems.extend(constraints(&mut session, manifest).await?);
        }
    }
    if problems.is_empty() {
        return Ok(compared);
    }
    let more = problems.len().saturating_sub(NAMED);
    problems.truncate(NAMED);
    if more > 0 {
        problems.push(format!("and {more} more"));
    }
    Err(RestoreError::Differs(problems))
}

async fn invalid_indexes(session: &mut Session) -> Result<Vec<String>, RestoreError> {
    // An index of a partitioned table may be invalid in the original, too, and is made so again.
    let found: Vec<Named> = session
        .rows(
            "SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid \
             JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE c.relkind = 'i' AND NOT (i.indisvalid AND i.indisready) ORDER BY 1",
        )
        .await?;
    Ok(found.into_iter().map(|index| format!("index {} is not valid", index.name)).collect())
}

async fn rows(session: &mut Session, wanted: &[&TableRows], counting: Counting) -> Result<Vec<String>, RestoreError> {
    // Policies of row security must not hide rows from the count.
    session.execute("SET row_security = off").await?;
    let tables = tables(session).await?;
    let loaded = if counting == Counting::AsLoaded { loaded(session).await? } else { HashMap::new() };
    let is_loaded = |table: &&&TableRows| {
        let name = (table.schema.clone(), table.name.clone());
        tables.get(&name).and_then(|found| loaded.get(found)) == Some(&table.rows)
    };
    let wanted: Vec<&TableRows> = wanted.iter().filter(|table| !is_loaded(table)).copied().collect();
    let mut problems = Vec::new();
    for batch in wanted.chunks(BATCH) {
        let mut queries = Vec::new();
        for (place, table) in batch.iter().enumerate() {
            match tables.get(&(table.schema.clone(), table.name.clone())) {
                Some(found) => queries.push(format!("SELECT {place} AS place, count(*) AS rows FROM ONLY {found}")),
                None => problems.push(format!("table {}.{} is missing", table.schema, table.name)),
            }
        }
        if queries.is_empty() {
            continue;
        }
        let counted: Vec<Counted> = session.rows(&queries.join(" UNION ALL ")).await?;
        for Counted { place, rows } in counted {
            let table = batch[place];
            if rows != table.rows {
                problems
                    .push(format!("table {}.{} has {rows} rows instead of {}", table.schema, table.name, table.rows));
            }
        }
    }
    Ok(problems)
}

/// Rows that the server counted while it loaded them, by quoted name; only of tables of which nothing was changed or
/// taken away since. Its processes report when they end, which may take a moment after their clients did.
async fn loaded(session: &mut Session) -> Result<HashMap<String, u64>, RestoreError> {
    #[derive(Deserialize)]
    struct Loaded {
        schema: String,
        name: String,
        rows: u64,
    }
    for _ in 0..MOMENTS {
        let others: Vec<serde_json::Value> = session
            .rows(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() \
                 AND backend_type = 'client backend'",
            )
            .await?;
        if others.is_empty() {
            break;
        }
        tokio::time::sleep(MOMENT).await;
    }
    let all: Vec<Loaded> = session
        .rows(
            "SELECT schemaname AS schema, relname AS name, n_tup_ins AS rows FROM pg_stat_user_tables \
             WHERE n_tup_upd = 0 AND n_tup_del = 0 AND n_live_tup = n_tup_ins",
        )
        .await?;
    let named = |table: Loaded| (format!("{}.{}", identifier(&table.schema), identifier(&table.name)), table.rows);
    Ok(all.into_iter().map(named).collect())
}

/// The quoted names of all tables, by the names that a manifest gives them: read from bytes of the database's own
/// encoding as if they were UTF-8.
async fn tables(session: &mut Session) -> Result<HashMap<(String, String), String>, RestoreError> {
    let all: Vec<Table> = session
        .rows(
            "SELECT n.nspname AS schema, c.relname AS name, \
             encode(convert_to(n.nspname, getdatabaseencoding()), 'hex') AS schema_bytes, \
             encode(convert_to(c.relname, getdatabaseencoding()), 'hex') AS name_bytes \
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE c.relkind IN ('r', 'p', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'",
        )
        .await?;
    let read = |hex: &str| {
        let digits: Vec<u8> = hex.bytes().filter_map(|b| char::from(b).to_digit(16)).map(|d| d as u8).collect();
        let bytes: Vec<u8> =
            digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let named = |table: Table| {
        let quoted = format!("{}.{}", identifier(&table.schema), identifier(&table.name));
        ((read(&table.schema_bytes), read(&table.name_bytes)), quoted)
    };
    Ok(all.into_iter().map(named).collect())
}

async fn constraints(session: &mut Session, manifest: &Manifest) -> Result<Vec<String>, RestoreError> {
    let known: Vec<String> = manifest.constraints_not_valid.iter().map(|name| literal(name)).collect();
    let known = if known.is_empty() { "NULL".to_owned() } else { known.join(", ") };
    let found: Vec<Constraint> = session
        .rows(&format!(
            "SELECT * FROM (SELECT n.nspname || '.' || c.relname || '.' || con.conname AS name, \
             con.convalidated AS is_valid FROM pg_constraint con JOIN pg_class c ON c.oid = con.conrelid \
             JOIN pg_namespace n ON n.oid = c.relnamespace) q WHERE NOT is_valid OR name IN ({known}) ORDER BY 1"
        ))
        .await?;
    let was_valid = |constraint: &&Constraint| !manifest.constraints_not_valid.contains(&constraint.name);
    let differs = |constraint: &&Constraint| constraint.is_valid || was_valid(constraint);
    let told = |constraint: &Constraint| match constraint.is_valid {
        true => format!("constraint {} is valid and was not", constraint.name),
        false => format!("constraint {} is not valid and was", constraint.name),
    };
    Ok(found.iter().filter(differs).map(told).collect())
}
