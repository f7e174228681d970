//! What belongs to a database as a whole and no dump of its contents carries: grants, settings, comment, limits.

use super::sql::{identifier, literal};
use super::{PostgresError, Session};
use serde::Deserialize;

/// Everything of a database but its shape and contents.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DatabaseSettings {
    /// Most sessions at once; -1 for no limit.
    pub connection_limit: i64,
    /// True when any user may copy it.
    pub is_template: bool,
    /// Its comment.
    pub comment: Option<String>,
    /// Its owner.
    pub owner: String,
    /// Grants; `None`: those that every database has.
    pub grants: Option<Vec<DatabaseGrant>>,
    /// What `ALTER DATABASE … SET` and `ALTER ROLE … IN DATABASE … SET` said.
    pub values: Vec<SettingValues>,
}

/// A grant on a database.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DatabaseGrant {
    /// To whom; `None`: to everybody.
    pub grantee: Option<String>,
    /// What, such as `CONNECT`.
    pub privilege: String,
    /// Whether it may be passed on.
    pub grantable: bool,
}

/// Settings that sessions with a database begin with.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SettingValues {
    /// Of one role only; `None`: of all.
    pub role: Option<String>,
    /// `name=value`, as the catalog keeps them.
    pub values: Vec<String>,
}

/// Settings whose value is a list of names, kept with quotes of its own.
const LISTS: [&str; 5] = [
    "search_path",
    "temp_tablespaces",
    "session_preload_libraries",
    "local_preload_libraries",
    "shared_preload_libraries",
];

impl Session {
    /// The settings of a database; `None` when there is none of this name.
    pub async fn database_settings(&mut self, name: &str) -> Result<Option<DatabaseSettings>, PostgresError> {
        let query = format!(
            "SELECT d.datconnlimit AS connection_limit, d.datistemplate AS is_template,
                shobj_description(d.oid, 'pg_database') AS comment, pg_get_userbyid(d.datdba) AS owner,
                CASE WHEN d.datacl IS NOT NULL THEN (
                    SELECT coalesce(json_agg(json_build_object(
                        'grantee', CASE WHEN a.grantee <> 0 THEN pg_get_userbyid(a.grantee) END,
                        'privilege', a.privilege_type, 'grantable', a.is_grantable)), '[]')
                    FROM aclexplode(d.datacl) a) END AS grants,
                (SELECT coalesce(json_agg(json_build_object(
                        'role', CASE WHEN s.setrole <> 0 THEN pg_get_userbyid(s.setrole) END,
                        'values', to_json(s.setconfig))), '[]')
                    FROM pg_db_role_setting s WHERE s.setdatabase = d.oid) AS values
            FROM pg_database d WHERE d.datname = {}",
            literal(name)
        );
        Ok(self.rows(&query).await?.pop())
    }

    /// Gives a database settings that another one had, all but the comment.
    pub async fn set_database_settings(
        &mut self,
        name: &str,
        settings: &DatabaseSettings,
    ) -> Result<(), PostgresError> {
        for statement in settings.statements(name) {
            self.execute(&statement).await?;
        }
        Ok(())
    }
}

impl DatabaseSettings {
    /// The statements that give them to a new database of this name, whose owner is set already. The comment is left
    /// out: until the new database is in its place, its own says that it is unfinished.
    pub fn statements(&self, name: &str) -> Vec<String> {
        let database = identifier(name);
        let mut all = Vec::new();
        if let Some(grants) = &self.grants {
            all.push(format!("REVOKE ALL ON DATABASE {database} FROM PUBLIC, {}", identifier(&self.owner)));
            for grant in grants {
                let grantee = grant.grantee.as_deref().map_or_else(|| "PUBLIC".to_owned(), identifier);
                let option = if grant.grantable { " WITH GRANT OPTION" } else { "" };
                all.push(format!("GRANT {} ON DATABASE {database} TO {grantee}{option}", grant.privilege));
            }
        }
        if self.connection_limit != -1 {
            all.push(format!("ALTER DATABASE {database} CONNECTION LIMIT {}", self.connection_limit));
        }
        if self.is_template {
            all.push(format!("ALTER DATABASE {database} IS_TEMPLATE true"));
        }
        for setting in &self.values {
            let of = match &setting.role {
                Some(role) => format!("ROLE {} IN DATABASE {database}", identifier(role)),
                None => format!("DATABASE {database}"),
            };
            let pairs = setting.values.iter().filter_map(|pair| pair.split_once('='));
            all.extend(
                pairs.map(|(name, value)| format!("ALTER {of} SET {} TO {}", parameter(name), written(name, value))),
            );
        }
        all
    }
}

/// A parameter's name; those of extensions have a dot inside.
fn parameter(name: &str) -> String {
    name.split('.').map(identifier).collect::<Vec<_>>().join(".")
}

/// A value as `SET` takes it.
fn written(name: &str, value: &str) -> String {
    if !LISTS.contains(&name.to_ascii_lowercase().as_str()) {
        return literal(value);
    }
    let names = list(value);
    if names.is_empty() {
        "''".to_owned()
    } else {
        names.iter().map(|name| literal(name)).collect::<Vec<_>>().join(", ")
    }
}

/// The names of a list that is separated by commas, each perhaps in double quotes.
fn list(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let mut name = String::new();
        if let Some(mut inside) = rest.strip_prefix('"') {
            loop {
                let end = inside.find('"').unwrap_or(inside.len());
                name.push_str(&inside[..end]);
                inside = inside.get(end + 1..).unwrap_or_default();
                match inside.strip_prefix('"') {
                    Some(after) => {
                        name.push('"');
                        inside = after;
                    }
                    None => break,
                }
            }
            rest = inside.trim_start().trim_start_matches(',').trim_start();
        } else {
            let (word, after) = rest.split_once(',').unwrap_or((rest, ""));
            name.push_str(word.trim_end());
            rest = after.trim_start();
        }
        names.push(name);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_quote_names_and_values() {
        let settings = DatabaseSettings {
            connection_limit: 7,
            is_template: false,
            comment: Some("it's".to_owned()),
            owner: "the owner".to_owned(),
            grants: Some(vec![
                DatabaseGrant { grantee: None, privilege: "CONNECT".to_owned(), grantable: false },
                DatabaseGrant { grantee: Some("a b".to_owned()), privilege: "CREATE".to_owned(), grantable: true },
            ]),
            values: vec![
                SettingValues {
                    role: None,
                    values: vec!["search_path=app, \"$user\", \"a \"\"b\"".to_owned(), "my.var=x=y".to_owned()],
                },
                SettingValues { role: Some("r".to_owned()), values: vec!["work_mem=8MB".to_owned()] },
            ],
        };
        assert_eq!(
            settings.statements("new db"),
            [
                "REVOKE ALL ON DATABASE \"new db\" FROM PUBLIC, \"the owner\"",
                "GRANT CONNECT ON DATABASE \"new db\" TO PUBLIC",
                "GRANT CREATE ON DATABASE \"new db\" TO \"a b\" WITH GRANT OPTION",
                "ALTER DATABASE \"new db\" CONNECTION LIMIT 7",
                "ALTER DATABASE \"new db\" SET \"search_path\" TO 'app', '$user', 'a \"b'",
                "ALTER DATABASE \"new db\" SET \"my\".\"var\" TO 'x=y'",
                "ALTER ROLE \"r\" IN DATABASE \"new db\" SET \"work_mem\" TO '8MB'",
            ]
        );
    }

    #[test]
    fn an_empty_list_stays_empty() {
        assert_eq!(written("search_path", ""), "''");
        assert_eq!(written("search_path", "\"\""), "''");
        assert_eq!(written("datestyle", "ISO, DMY"), "'ISO, DMY'");
    }
}
