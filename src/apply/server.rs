//! Changing a setting of a server, for good: as `ALTER SYSTEM` does, and in force at once where that can be.

use super::Hands;
use super::said::said;
use crate::event::StepEnd;
use crate::postgres::{PostgresError, Server, identifier, literal};
use serde::Deserialize;

/// Sets it. May be repeated.
pub(super) async fn set(database: &str, setting: &str, value: &str, hands: &Hands<'_>) -> StepEnd {
    match attempt(database, setting, value, hands).await {
        Ok(true) => StepEnd::Done("in force when the server is restarted".to_owned()),
        Ok(false) => StepEnd::Done(String::new()),
        Err(error) => StepEnd::Failed(said(&error)),
    }
}

/// Whether it waits for a restart.
async fn attempt(database: &str, setting: &str, value: &str, hands: &Hands<'_>) -> Result<bool, PostgresError> {
    #[derive(Deserialize)]
    struct Row {
        pending: bool,
    }
    let Some(spec) = hands.desired.databases.get(database) else { return Ok(false) };
    let mut session = Server::for_session(spec, hands.lookup.as_ref()).await?.session().await?;
    session.execute(&format!("ALTER SYSTEM SET {} = {}", identifier(setting), literal(value))).await?;
    session.execute("SELECT pg_reload_conf()").await?;
    // The server takes it up a moment later.
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let query = format!("SELECT pending_restart AS pending FROM pg_settings WHERE name = {}", literal(setting));
    let row: Row = session.row(&query).await?;
    session.close().await?;
    Ok(row.pending)
}
