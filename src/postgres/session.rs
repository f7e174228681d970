//! One session with a server through `psql`: statements in, JSON out. What libpq can do, it can.

use super::running::Running;
use super::{Connection, PostgresError, Programs};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::ChildStdout;

/// An open session. Dropping it ends it; a transaction in progress is rolled back.
pub struct Session {
    running: Option<Running>,
    lines: Lines<BufReader<ChildStdout>>,
    server: String,
}

/// What ends the answer to a statement. A line of JSON never reads like this.
const END: &str = "--end of answer--";

impl Session {
    /// Connects. Time limits that a role or database may have set do not hold for what we do.
    pub(super) async fn open(programs: &Programs, connection: &Connection) -> Result<Session, PostgresError> {
        let arguments = [
            "--no-password".to_owned(),
            format!("--dbname={}", connection.conninfo(&[("client_encoding", "UTF8")])),
            "--no-psqlrc".to_owned(),
            "-qAt".to_owned(),
            "--set=ON_ERROR_STOP=1".to_owned(),
            "--set=VERBOSITY=verbose".to_owned(),
        ];
        let mut running = programs.start("psql", &arguments, connection).await?;
        let stdout = running.stdout.take().ok_or_else(|| PostgresError::Lost {
            server: connection.server(),
            problem: "psql has no standard output".to_owned(),
        })?;
        let lines = BufReader::new(stdout).lines();
        let mut session = Session { running: Some(running), lines, server: connection.server() };
        session
            .execute(
                "SELECT count(set_config(name, '0', false)) FROM pg_settings WHERE name IN ('statement_timeout', \
                 'lock_timeout', 'idle_in_transaction_session_timeout', 'idle_session_timeout', 'transaction_timeout')",
            )
            .await?;
        Ok(session)
    }

    /// Runs statements and forgets what they answer. After an error the session is over.
    pub async fn execute(&mut self, sql: &str) -> Result<(), PostgresError> {
        self.ask(sql).await.map(drop)
    }

    /// The rows of one query, each read from a JSON object whose members are the columns. Repeatable like the query
    /// itself; after an error the session is over.
    pub async fn rows<T: DeserializeOwned>(&mut self, query: &str) -> Result<Vec<T>, PostgresError> {
        let wrapped = format!("SELECT coalesce(json_agg(row_to_json(q)), '[]') FROM (\n{query}\n) q");
        let answer = self.ask(&wrapped).await?;
        serde_json::from_str(&answer).map_err(|error| PostgresError::Failed {
            program: "psql".to_owned(),
            server: self.server.clone(),
            sqlstate: None,
            problem: format!("its answer is not understood: {error}"),
        })
    }

    /// The only row of a query, as [`Session::rows`] reads it.
    pub async fn row<T: DeserializeOwned>(&mut self, query: &str) -> Result<T, PostgresError> {
        self.rows(query).await?.pop().ok_or_else(|| PostgresError::Failed {
            program: "psql".to_owned(),
            server: self.server.clone(),
            sqlstate: None,
            problem: "a query that always has a row had none".to_owned(),
        })
    }

    /// Version of the server as text and number.
    pub(super) async fn version(&mut self) -> Result<(String, u32), PostgresError> {
        #[derive(Deserialize)]
        struct Version {
            text: String,
            number: u32,
        }
        let version: Version = self
            .row(
                "SELECT split_part(current_setting('server_version'), ' ', 1) AS text, \
                 current_setting('server_version_num')::int AS number",
            )
            .await?;
        Ok((version.text, version.number))
    }

    /// Begins a transaction that sees one state of the database, read-only, and gives that state a name for
    /// `pg_dump --snapshot`. The name is good while this session lives.
    pub async fn export_snapshot(&mut self) -> Result<String, PostgresError> {
        #[derive(Deserialize)]
        struct Snapshot {
            name: String,
        }
        self.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
        let snapshot: Snapshot = self.row("SELECT pg_export_snapshot() AS name").await?;
        Ok(snapshot.name)
    }

    /// Ends the session and tells how it went.
    pub async fn close(mut self) -> Result<(), PostgresError> {
        match self.running.take() {
            Some(running) => running.finish().await.map(drop),
            None => Ok(()),
        }
    }

    async fn ask(&mut self, sql: &str) -> Result<String, PostgresError> {
        let over = || PostgresError::Lost { server: self.server.clone(), problem: "the session is over".to_owned() };
        let running = self.running.as_mut().ok_or_else(over)?;
        let stdin = running.stdin.as_mut().ok_or_else(over)?;
        let text = format!("{sql}\n;\nSELECT '{END}';\n");
        let written = stdin.write_all(text.as_bytes()).await;
        let mut answer = String::new();
        let mut ended = false;
        if written.is_ok() {
            while let Ok(Some(line)) = self.lines.next_line().await {
                if line == END {
                    ended = true;
                    break;
                }
                answer.push_str(&line);
                answer.push('\n');
            }
        }
        if ended {
            return Ok(answer);
        }
        // psql went away: its last words say why.
        match self.running.take() {
            Some(running) => Err(match running.finish().await {
                Err(error) => error,
                Ok(said) => PostgresError::Lost { server: self.server.clone(), problem: said.trim().to_owned() },
            }),
            None => Err(over()),
        }
    }
}
