//! One database takes the place of another, in one transaction; and databases that vanish whoever uses them.

use super::sql::{identifier, literal};
use super::{PostgresError, Server, Session};
use std::time::Duration;

/// Pause between two rounds of ending sessions.
const ROUND: Duration = Duration::from_millis(50);
/// Rounds of trying to take a name: pools that connect again at once need a few.
const ATTEMPTS: usize = 6;

/// Renames `live` to `aside`, if there is one, and `fresh` to `live`, and gives that one its comment: all or nothing,
/// ending all sessions with both.
///
/// The first rename holds off new sessions of `live` until the end of the transaction, so nobody gets in between; a
/// process that dies in the middle leaves everything as it was. `maintenance` is a session's server with a database
/// that is neither.
pub async fn exchange_databases(
    maintenance: &Server,
    live: &str,
    fresh: &str,
    aside: Option<&str>,
    comment: Option<&str>,
) -> Result<(), PostgresError> {
    let rename = |from: &str, to: &str| format!("ALTER DATABASE {} RENAME TO {};\n", identifier(from), identifier(to));
    let away = aside.map(|aside| rename(live, aside)).unwrap_or_default();
    let comment = comment.map_or_else(|| "NULL".to_owned(), literal);
    let comment = format!("COMMENT ON DATABASE {} IS {comment}", identifier(live));
    let sql = format!("BEGIN;\n{away}{}{comment};\nCOMMIT", rename(fresh, live));
    let mut last = None;
    for _ in 0..ATTEMPTS {
        let mut ending = maintenance.session().await?;
        let mut renaming = maintenance.session().await?;
        // Sessions are ended while the rename waits for them; it holds the lock that keeps others out.
        let end = async {
            loop {
                ending.end_connections(live).await?;
                ending.end_connections(fresh).await?;
                tokio::time::sleep(ROUND).await;
            }
        };
        let renamed = tokio::select! {
            renamed = renaming.execute(&sql) => renamed,
            ended = end => ended,
        };
        match renamed {
            // Somebody was faster than we; the transaction is rolled back.
            Err(error) if is_in_use(&error) => last = Some(error),
            other => return other,
        }
    }
    last.map_or(Ok(()), Err)
}

/// `object_in_use` of the server.
fn is_in_use(error: &PostgresError) -> bool {
    matches!(error, PostgresError::Failed { sqlstate: Some(state), .. } if state == "55006")
}

impl Session {
    /// Drops a database if there is one, ending all sessions with it.
    pub async fn drop_database_in_use(&mut self, name: &str) -> Result<(), PostgresError> {
        let (_, version) = self.version().await?;
        if version >= 130_000 {
            return self.execute(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", identifier(name))).await;
        }
        if self.database_exists(name).await? {
            self.allow_connections(name, false).await?;
            self.end_connections(name).await?;
        }
        self.drop_database(name).await
    }

    /// The comment of a database; `None` when it has none, or there is none of this name.
    pub async fn database_comment(&mut self, name: &str) -> Result<Option<String>, PostgresError> {
        #[derive(serde::Deserialize)]
        struct Comment {
            text: Option<String>,
        }
        let query = format!(
            "SELECT shobj_description(oid, 'pg_database') AS text FROM pg_database WHERE datname = {}",
            literal(name)
        );
        Ok(self.rows::<Comment>(&query).await?.pop().and_then(|comment| comment.text))
    }

    /// Sets the comment of a database, or removes it.
    pub async fn comment_on_database(&mut self, name: &str, text: Option<&str>) -> Result<(), PostgresError> {
        let text = text.map_or_else(|| "NULL".to_owned(), literal);
        self.execute(&format!("COMMENT ON DATABASE {} IS {text}", identifier(name))).await
    }

    /// A name of at most 63 bytes that no database has: `stem`, shortened if need be, and `ending`, then with numbers.
    pub async fn free_database_name(&mut self, stem: &str, ending: &str) -> Result<String, PostgresError> {
        for number in 1_u32.. {
            let ending = if number == 1 { ending.to_owned() } else { format!("{ending}_{number}") };
            let name = shortened(stem, &ending);
            if !self.database_exists(&name).await? {
                return Ok(name);
            }
        }
        Ok(shortened(stem, ending))
    }
}

impl Session {
    /// `name`, or `name` with a number, that no schema of the connected database has.
    pub async fn free_schema_name(&mut self, name: &str) -> Result<String, PostgresError> {
        for number in 1_u32.. {
            let candidate = if number == 1 { shortened(name, "") } else { shortened(name, &format!("_{number}")) };
            let query = format!("SELECT 1 AS one FROM pg_namespace WHERE nspname = {}", literal(&candidate));
            if self.rows::<serde_json::Value>(&query).await?.is_empty() {
                return Ok(candidate);
            }
        }
        Ok(shortened(name, ""))
    }
}

/// The longest name that PostgreSQL keeps, in bytes.
const LONGEST_NAME: usize = 63;

/// `stem` and `ending` in 63 bytes; the stem gives way, at a character's border.
pub fn shortened(stem: &str, ending: &str) -> String {
    let room = LONGEST_NAME.saturating_sub(ending.len());
    let end = (0..=room.min(stem.len())).rev().find(|at| stem.is_char_boundary(*at)).unwrap_or(0);
    format!("{}{ending}", &stem[..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_stem_gives_way() {
        assert_eq!(shortened("app", "_before_x"), "app_before_x");
        let long = "é".repeat(40);
        let name = shortened(&long, "_restoring_20261120T020000Z-k3f9");
        assert!(name.len() <= 63 && name.ends_with("_restoring_20261120T020000Z-k3f9"), "{name}");
    }

    proptest! {
        #[test]
        fn every_name_fits(stem in "\\PC{0,80}", ending in "[a-z_]{0,40}") {
            let name = shortened(&stem, &ending);
            prop_assert!(name.len() <= 63 && name.ends_with(&ending));
        }
    }
}
