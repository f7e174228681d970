//! Roles that a backup speaks of, made on a server of our own: owners, grantees, and those that policies of row
//! security name. Without rights and passwords; the server is thrown away.

use super::Means;
use super::drill::Order;
use crate::catalog::{Manifest, ObjectRole};
use crate::postgres::{PostgresError, Server, identifier};
use crate::repository::layout::object_key;
use crate::restore::RestoreError;
use crate::stream::{Content, Decode, Expected, Progress, decode, keys};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

/// The roles of the cluster that a backup was taken from, as its file of globals names them; none when it has none.
pub(super) async fn backed_up(
    order: &Order<'_>,
    manifest: &Manifest,
    means: &Means<'_>,
    stop: &CancellationToken,
) -> Result<Vec<String>, RestoreError> {
    let Some(object) = manifest.objects.iter().find(|object| object.role == ObjectRole::Globals) else {
        return Ok(Vec::new());
    };
    let Some(repository) = means.repositories.get(&order.choice.copy.storage) else { return Ok(Vec::new()) };
    let (tier, database, id) = (&manifest.tier, &manifest.database, &manifest.id);
    let job = Decode {
        source: repository.open(tier, database, id, object).await?,
        what: object_key(tier, database, id, &object.name),
        layers: manifest.layers.clone(),
        keys: keys(order.desired, means.lookup.as_ref()).0,
        expected: Some(Expected::from(object)),
        content: Content::Digested,
        scan: None,
        progress: Progress::new(means.observer.clone(), format!("roles of {}", order.name), None),
        stop: stop.clone(),
    };
    let sql = decode(job, Vec::new()).await?.sink;
    Ok(created(&String::from_utf8_lossy(&sql)))
}

/// Names of the roles that a file of globals creates: each statement is a line.
fn created(sql: &str) -> Vec<String> {
    let name = |line: &str| {
        let word = line.strip_prefix("CREATE ROLE ")?.strip_suffix(';')?;
        Some(match word.strip_prefix('"').and_then(|word| word.strip_suffix('"')) {
            Some(quoted) => quoted.replace("\"\"", "\""),
            None => word.to_owned(),
        })
    };
    sql.lines().filter_map(name).collect()
}

/// Makes those of these roles that the server does not have.
pub(super) async fn make(server: &Server, roles: &[String]) -> Result<(), PostgresError> {
    #[derive(Deserialize)]
    struct Role {
        name: String,
    }
    let mut session = server.session().await?;
    let known: Vec<Role> = session.rows("SELECT rolname AS name FROM pg_roles").await?;
    // Names that begin with `pg_` belong to the server.
    let is_missing = |role: &&String| !role.starts_with("pg_") && known.iter().all(|known| known.name != **role);
    for role in roles.iter().filter(is_missing) {
        session.execute(&format!("CREATE ROLE {}", identifier(role))).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_quoted() {
        let sql = "SET x = 1;\nCREATE ROLE app;\nALTER ROLE app WITH LOGIN;\nCREATE ROLE \"a \"\"b\"\";c\";\n";
        assert_eq!(created(sql), ["app", "a \"b\";c"]);
    }
}
