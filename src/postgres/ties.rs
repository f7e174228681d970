//! What holds on to a table from outside: foreign keys, views, publications.

use super::sql::literal;
use super::{PostgresError, Session};
use serde::Deserialize;

/// A table that exists, as the server knows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct LiveTable {
    /// Its number.
    pub oid: u32,
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// The partitioned table it belongs to, as `schema.name`.
    pub partition_of: Option<String>,
}

/// A foreign key of another table that points to one of them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct IncomingKey {
    /// The other table, quoted, with its schema.
    pub table: String,
    /// The key's name.
    pub name: String,
    /// What stands after `ADD CONSTRAINT name`.
    pub definition: String,
    /// Its comment.
    pub comment: Option<String>,
}

/// A publication that names one of them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Published {
    /// The publication.
    pub publication: String,
    /// Schema of the table.
    pub schema: String,
    /// The table.
    pub name: String,
    /// Columns and condition, as they stand after the table in `ALTER PUBLICATION … ADD TABLE`.
    pub words: String,
}

/// Everything that holds on to some tables from outside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ties {
    /// Foreign keys of other tables.
    pub keys: Vec<IncomingKey>,
    /// Publications.
    pub published: Vec<Published>,
    /// All else, such as `view public.totals`: it would go on looking at the old table.
    pub others: Vec<String>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

impl Session {
    /// The tables of these names, by schema and name, and their partitions. Names that do not exist give nothing.
    pub async fn live_tables(&mut self, names: &[(String, String)]) -> Result<Vec<LiveTable>, PostgresError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let pairs: Vec<String> =
            names.iter().map(|(schema, name)| format!("({}, {})", literal(schema), literal(name))).collect();
        self.rows(&format!(
            "WITH RECURSIVE named AS (
                SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE c.relkind IN ('r', 'p', 'f') AND (n.nspname, c.relname) IN ({})
                UNION
                SELECT i.inhrelid FROM named JOIN pg_inherits i ON i.inhparent = named.oid
                JOIN pg_class c ON c.oid = i.inhrelid AND c.relispartition
            )
            SELECT c.oid::int8 AS oid, n.nspname AS schema, c.relname AS name,
                (SELECT format('%s.%s', pn.nspname, p.relname) FROM pg_inherits i
                 JOIN pg_class p ON p.oid = i.inhparent JOIN pg_namespace pn ON pn.oid = p.relnamespace
                 WHERE i.inhrelid = c.oid AND c.relispartition) AS partition_of
            FROM named JOIN pg_class c ON c.oid = named.oid JOIN pg_namespace n ON n.oid = c.relnamespace
            ORDER BY 2, 3",
            pairs.join(", ")
        ))
        .await
    }

    /// Everything outside of these tables that holds on to them. Read-only.
    pub async fn ties(&mut self, tables: &[LiveTable]) -> Result<Ties, PostgresError> {
        if tables.is_empty() {
            return Ok(Ties::default());
        }
        let oids: Vec<String> = tables.iter().map(|table| table.oid.to_string()).collect();
        let oids = oids.join(", ");
        // With no search path, names in definitions are complete.
        self.execute("SELECT set_config('search_path', '', false)").await?;
        let keys = self
            .rows(&format!(
                "SELECT conrelid::regclass::text AS table, conname AS name, pg_get_constraintdef(oid) AS definition,
                    obj_description(oid, 'pg_constraint') AS comment
                FROM pg_constraint WHERE contype = 'f' AND conparentid = 0 AND confrelid IN ({oids})
                AND conrelid NOT IN ({oids}) ORDER BY 1, 2"
            ))
            .await?;
        let (_, version) = self.version().await?;
        // Columns and conditions came with version 15.
        let words = if version >= 150_000 { PUBLISHED_WORDS } else { "''" };
        let published = self
            .rows(&format!(
                "SELECT p.pubname AS publication, n.nspname AS schema, c.relname AS name, {words} AS words
                FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
                JOIN pg_class c ON c.oid = r.prrelid JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE c.oid IN ({oids}) ORDER BY 1, 2, 3"
            ))
            .await?;
        let others: Vec<Named> = self.rows(&others(&oids)).await?;
        Ok(Ties { keys, published, others: others.into_iter().map(|other| other.name).collect() })
    }
}

const PUBLISHED_WORDS: &str = "coalesce(' (' || (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)
    FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = ANY (r.prattrs::int2[])) || ')', '')
    || coalesce(' WHERE (' || pg_get_expr(r.prqual, c.oid) || ')', '')";

/// What depends on the tables or on the types of their rows, and is neither a part of one of them nor a foreign key.
fn others(oids: &str) -> String {
    format!(
        "WITH held AS (
            SELECT 'pg_class'::regclass::oid AS class, oid FROM pg_class WHERE oid IN ({oids})
            UNION ALL SELECT 'pg_type'::regclass::oid, t.oid FROM pg_type t JOIN pg_class c
                ON t.oid = c.reltype OR t.oid = (SELECT typarray FROM pg_type WHERE oid = c.reltype)
                WHERE c.oid IN ({oids})
            UNION ALL SELECT 'pg_class'::regclass::oid, d.objid FROM pg_depend d JOIN pg_class s ON s.oid = d.objid
                WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
                AND d.refobjid IN ({oids}) AND s.relkind = 'S' AND d.deptype IN ('a', 'i')
        )
        SELECT DISTINCT CASE WHEN w.ev_class IS NOT NULL THEN pg_describe_object('pg_class'::regclass, w.ev_class, 0)
            ELSE pg_describe_object(d.classid, d.objid, 0) END AS name
        FROM held h
        JOIN pg_depend d ON d.refclassid = h.class AND d.refobjid = h.oid AND d.deptype IN ('n', 'a')
        LEFT JOIN pg_rewrite w ON d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid
        LEFT JOIN pg_constraint k ON d.classid = 'pg_constraint'::regclass AND k.oid = d.objid
        LEFT JOIN pg_policy p ON d.classid = 'pg_policy'::regclass AND p.oid = d.objid
        LEFT JOIN pg_trigger t ON d.classid = 'pg_trigger'::regclass AND t.oid = d.objid
        LEFT JOIN pg_attrdef f ON d.classid = 'pg_attrdef'::regclass AND f.oid = d.objid
        LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
        WHERE d.classid NOT IN ('pg_statistic_ext'::regclass, 'pg_publication_rel'::regclass, 'pg_type'::regclass)
        AND coalesce(w.ev_class, 0) NOT IN ({oids})
        AND (k.oid IS NULL OR k.contype <> 'f' AND k.conrelid NOT IN ({oids}))
        AND coalesce(p.polrelid, 0) NOT IN ({oids})
        AND coalesce(t.tgrelid, 0) NOT IN ({oids})
        AND coalesce(f.adrelid, 0) NOT IN ({oids})
        AND (c.oid IS NULL OR c.oid NOT IN ({oids}) AND c.relkind NOT IN ('i', 'I', 'S', 't'))
        ORDER BY 1"
    )
}
