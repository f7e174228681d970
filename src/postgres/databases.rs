//! Databases as a whole: made, dropped, renamed, emptied of connections.

use super::sql::{identifier, literal};
use super::{PostgresError, Session};
use serde::Deserialize;

/// What `CREATE DATABASE` has to say so that a copy sorts and compares as the original did.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DatabaseShape {
    /// Character encoding, such as `UTF8`.
    pub encoding: String,
    /// Sort order, such as `C.UTF-8`; `None`: the server's default.
    pub collate: Option<String>,
    /// Character classes; `None`: the server's default.
    pub ctype: Option<String>,
    /// `icu` or `builtin` when the C library does not provide the locale; servers from 15.
    pub provider: Option<String>,
    /// Locale of that provider.
    pub locale: Option<String>,
    /// Name of the owner; `None`: who creates it.
    pub owner: Option<String>,
    /// Name of the tablespace; `None`: the server's default, which takes no right to name.
    pub tablespace: Option<String>,
}

impl DatabaseShape {
    /// A database of this encoding, all else as the server does by default.
    pub fn of_encoding(encoding: &str) -> DatabaseShape {
        DatabaseShape {
            encoding: encoding.to_owned(),
            collate: None,
            ctype: None,
            provider: None,
            locale: None,
            owner: None,
            tablespace: None,
        }
    }
}

impl Session {
    /// True when the server has a database of this name.
    pub async fn database_exists(&mut self, name: &str) -> Result<bool, PostgresError> {
        let found: Vec<serde_json::Value> =
            self.rows(&format!("SELECT 1 AS one FROM pg_database WHERE datname = {}", literal(name))).await?;
        Ok(!found.is_empty())
    }

    /// The shape of a database; `None` when there is none of this name.
    pub async fn database_shape(&mut self, name: &str) -> Result<Option<DatabaseShape>, PostgresError> {
        // Columns came and changed their names with versions; a row as JSON has whatever this one has.
        let query = format!(
            "SELECT pg_encoding_to_char(d.encoding) AS encoding, d.datcollate AS collate, d.datctype AS ctype, \
             CASE to_json(d) ->> 'datlocprovider' WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' END AS provider, \
             coalesce(to_json(d) ->> 'datlocale', to_json(d) ->> 'daticulocale') AS locale, \
             pg_get_userbyid(d.datdba) AS owner, nullif(t.spcname, 'pg_default') AS tablespace FROM pg_database d \
             JOIN pg_tablespace t ON t.oid = d.dattablespace WHERE d.datname = {}",
            literal(name)
        );
        Ok(self.rows(&query).await?.pop())
    }

    /// Makes an empty database, with a comment if one is given. An error when the name is taken. A process that is
    /// killed meanwhile leaves it with its comment: both statements are at `psql` before the first one runs.
    pub async fn create_database(
        &mut self,
        name: &str,
        shape: &DatabaseShape,
        comment: Option<&str>,
    ) -> Result<(), PostgresError> {
        let mut sql = format!("CREATE DATABASE {} TEMPLATE template0", identifier(name));
        let mut add = |words: &str, value: Option<&String>| {
            if let Some(value) = value {
                sql.push_str(&format!(" {words} {}", literal(value)));
            }
        };
        add("ENCODING", Some(&shape.encoding));
        add("LC_COLLATE", shape.collate.as_ref());
        add("LC_CTYPE", shape.ctype.as_ref());
        add("LOCALE_PROVIDER", shape.provider.as_ref());
        match shape.provider.as_deref() {
            Some("icu") => add("ICU_LOCALE", shape.locale.as_ref()),
            Some("builtin") => add("BUILTIN_LOCALE", shape.locale.as_ref()),
            _ => {}
        }
        let names = [("OWNER", &shape.owner), ("TABLESPACE", &shape.tablespace)];
        for (words, name) in names.iter().filter_map(|(words, name)| Some((words, name.as_ref()?))) {
            sql.push_str(&format!(" {words} {}", identifier(name)));
        }
        if let Some(comment) = comment {
            sql.push_str(&format!("\n;\nCOMMENT ON DATABASE {} IS {}", identifier(name), literal(comment)));
        }
        self.execute(&sql).await
    }

    /// Drops a database if there is one; an error when it is in use.
    pub async fn drop_database(&mut self, name: &str) -> Result<(), PostgresError> {
        self.execute(&format!("DROP DATABASE IF EXISTS {}", identifier(name))).await
    }

    /// Gives a database another name. An error when it is in use or the new name is taken.
    pub async fn rename_database(&mut self, from: &str, to: &str) -> Result<(), PostgresError> {
        self.execute(&format!("ALTER DATABASE {} RENAME TO {}", identifier(from), identifier(to))).await
    }

    /// Lets new sessions into a database, or keeps everybody out, superusers included.
    pub async fn allow_connections(&mut self, name: &str, allowed: bool) -> Result<(), PostgresError> {
        self.execute(&format!("ALTER DATABASE {} ALLOW_CONNECTIONS {allowed}", identifier(name))).await
    }

    /// Ends all sessions with a database but this one. New ones may come at once; the server's own workers, which only
    /// superusers may end, give way by themselves.
    pub async fn end_connections(&mut self, name: &str) -> Result<(), PostgresError> {
        self.execute(&format!(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = {} \
             AND pid <> pg_backend_pid() AND usesysid IS NOT NULL",
            literal(name)
        ))
        .await
    }
}
