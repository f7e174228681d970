//! Tables in place of themselves: one transaction in the live database, so that others see the old or the new.

use super::carry_out::{Done, Teller, counted, interruptible};
use super::error::RestoreError;
use super::fill::{drain, pour_selection};
use super::prepare::Prepared;
use super::request::{Hands, Old, Owners};
use crate::base::total;
use crate::catalog::Manifest;
use crate::plan::{OldOne, RestoreDeed};
use crate::postgres::{LiveTable, Restore, Ties, identifier, literal};
use tokio::io::AsyncReadExt;

/// Bytes that are moved at once from `pg_restore` to `psql`.
const PIECE: usize = 256 << 10;

/// Moves the tables aside, restores them, ties them to the rest again, compares their rows, and commits.
pub(super) async fn replace_tables(
    prepared: &mut Prepared<'_>,
    teller: &Teller<'_>,
    hands: &Hands<'_>,
) -> Result<Done, RestoreError> {
    teller.begin(RestoreDeed::Fill);
    let warnings = interruptible(hands, transaction(prepared)).await?;
    let compared = compared(prepared);
    if let Some((tables, rows)) = compared {
        teller.done(counted(tables, rows));
    }
    let old = prepared.aside.clone().filter(|_| prepared.request.old == Old::Kept);
    Ok(Done { compared, old: old.map(OldOne::Schema), warnings })
}

fn compared(prepared: &Prepared<'_>) -> Option<(usize, u64)> {
    let rows = rows(prepared)?;
    Some((rows.len(), total(rows.iter().map(|(_, rows)| *rows))))
}

/// The tables that the manifest counts, quoted, with their rows.
fn rows(prepared: &Prepared<'_>) -> Option<Vec<(String, u64)>> {
    let selection = prepared.selection.as_ref()?;
    let manifest: &Manifest = prepared.origin.manifest.as_ref()?;
    let counted = manifest.tables.iter().filter(|table| {
        let is_readable = !table.schema.contains('\u{FFFD}') && !table.name.contains('\u{FFFD}');
        is_readable && selection.tables.iter().any(|(schema, name)| *schema == table.schema && *name == table.name)
    });
    Some(counted.map(|table| (qualified(&table.schema, &table.name), table.rows)).collect())
}

async fn transaction(prepared: &mut Prepared<'_>) -> Result<Vec<String>, RestoreError> {
    let server = prepared.site.server();
    let (tables, ties) = prepared.live.clone().unwrap_or_default();
    let before = before(&tables, &ties, prepared.aside.as_deref());
    let after = after(prepared, &ties);
    let mut arguments = vec!["--file=-".to_owned()];
    if prepared.request.owners == Owners::LeftOut {
        arguments.extend(["--no-owner".to_owned(), "--no-privileges".to_owned()]);
    }
    let mut psql = Restore::sql(&server).await?;
    let printed = psql.output().map(drain);
    let mut into = psql.input();
    let mut printer = Restore::print(&server, arguments).await?;
    let archive = printer.input();
    let script = printer.output();
    let Some(selection) = prepared.selection.clone() else { return Ok(Vec::new()) };
    let moved = async {
        let (Some(into), Some(mut script)) = (&mut into, script) else { return };
        let mut is_open = into.write_all(before.as_bytes()).await.is_ok();
        let mut piece = vec![0; PIECE];
        // All of the script is read even when psql is gone: pg_restore must not be the one that is blamed.
        while let Ok(n @ 1..) = script.read(&mut piece).await {
            is_open = is_open && into.write_all(&piece[..n]).await.is_ok();
        }
    };
    let (poured, ()) = tokio::join!(pour_selection(&mut prepared.origin, &selection, archive), moved);
    // Without the last words psql ends without a commit, and nothing has happened.
    let fed = match poured {
        Ok(()) => printer.finish().await.map_err(RestoreError::from),
        Err(error) => Err(error),
    };
    let commit = match fed {
        Ok(warnings) => {
            if let Some(into) = &mut into {
                // A psql that is gone already says why.
                let _ = into.write_all(after.as_bytes()).await;
            }
            Ok(warnings)
        }
        Err(error) => Err(error),
    };
    drop(into);
    let ended = psql.finish().await;
    if let Some(printed) = printed {
        // It ends with psql.
        let _ = printed.await;
    }
    let mut warnings = commit?;
    warnings.extend(ended?.into_iter().filter(|line| !line.contains("NOTICE")));
    Ok(warnings)
}

/// What is said before the script: the old tables go aside.
fn before(tables: &[LiveTable], ties: &Ties, aside: Option<&str>) -> String {
    let mut sql = String::from(
        "BEGIN;\nSET LOCAL client_min_messages = warning;\nSET client_encoding = 'UTF8';\n\
         SELECT pg_catalog.set_config('search_path', '', true);\n",
    );
    let Some(aside) = aside else { return sql };
    let schema = identifier(aside);
    sql.push_str(&format!("CREATE SCHEMA {schema};\n"));
    for published in &ties.published {
        let table = qualified(&published.schema, &published.name);
        sql.push_str(&format!("ALTER PUBLICATION {} DROP TABLE ONLY {table};\n", identifier(&published.publication)));
    }
    for key in &ties.keys {
        sql.push_str(&format!("ALTER TABLE {} DROP CONSTRAINT {};\n", key.table, identifier(&key.name)));
    }
    // Extended statistics stay where they are when their table moves, and would stand in the way by name.
    let oids: Vec<String> = tables.iter().map(|table| table.oid.to_string()).collect();
    let statistics = format!(
        "DECLARE s record; BEGIN FOR s IN SELECT n.nspname, e.stxname FROM pg_catalog.pg_statistic_ext e \
         JOIN pg_catalog.pg_namespace n ON n.oid = e.stxnamespace WHERE e.stxrelid IN ({}) LOOP \
         EXECUTE pg_catalog.format('ALTER STATISTICS %I.%I SET SCHEMA %I', s.nspname, s.stxname, {}); END LOOP; END",
        oids.join(", "),
        literal(aside)
    );
    sql.push_str(&format!("DO {};\n", literal(&statistics)));
    for table in tables {
        sql.push_str(&format!("ALTER TABLE {} SET SCHEMA {schema};\n", qualified(&table.schema, &table.name)));
    }
    sql
}

/// What is said after the script: the new tables are tied to the rest, compared, and made visible.
fn after(prepared: &Prepared<'_>, ties: &Ties) -> String {
    let mut sql = String::from(
        "\nSET client_encoding = 'UTF8';\nSELECT pg_catalog.set_config('search_path', '', true);\n\
         SET LOCAL row_security = off;\n",
    );
    for key in &ties.keys {
        let name = identifier(&key.name);
        sql.push_str(&format!("ALTER TABLE {} ADD CONSTRAINT {name} {};\n", key.table, key.definition));
        if let Some(comment) = &key.comment {
            sql.push_str(&format!("COMMENT ON CONSTRAINT {name} ON {} IS {};\n", key.table, literal(comment)));
        }
    }
    for published in &ties.published {
        let table = qualified(&published.schema, &published.name);
        let publication = identifier(&published.publication);
        sql.push_str(&format!("ALTER PUBLICATION {publication} ADD TABLE ONLY {table}{};\n", published.words));
    }
    for (table, rows) in rows(prepared).unwrap_or_default() {
        let body = format!(
            "DECLARE n bigint; BEGIN SELECT count(*) INTO n FROM ONLY {table}; IF n <> {rows} THEN \
             RAISE EXCEPTION USING message = {} || n || ' rows instead of {rows}'; END IF; END",
            literal(&format!("the restored table {table} has "))
        );
        sql.push_str(&format!("DO {};\n", literal(&body)));
    }
    if let (Some(aside), Old::Dropped) = (&prepared.aside, prepared.request.old) {
        sql.push_str(&format!("DROP SCHEMA {} CASCADE;\n", identifier(aside)));
    }
    sql.push_str("COMMIT;\n");
    sql
}

fn qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", identifier(schema), identifier(name))
}
