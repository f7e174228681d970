//! Programs that write into a database: `pg_restore` for archives, `psql` for SQL.

use super::running::Running;
use super::{Input, PostgresError, Server};
use std::path::PathBuf;
use tokio::process::ChildStdout;

/// A running restore. Dropping it kills the program; what it wrote so far stays.
pub struct Restore {
    running: Running,
}

/// What `pg_restore` is asked to do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RestoreOptions {
    /// Processes at once; more than one needs `file` and programs on this machine. 0 and 1 mean one.
    pub jobs: u32,
    /// Leave owners and grants as the connecting role makes them.
    pub no_owner: bool,
    /// Leave out which tablespace things are in.
    pub no_tablespaces: bool,
    /// The archive, when it is a file that the program can read; else it is written to [`Restore::input`].
    pub file: Option<PathBuf>,
    /// A list of archive entries, as `pg_restore --list` prints it; only these are restored, in this order.
    pub list: Option<PathBuf>,
    /// Further arguments.
    pub arguments: Vec<String>,
}

impl Restore {
    /// Starts `pg_restore` into the server's database. It stops at the first error.
    pub async fn archive(server: &Server, options: &RestoreOptions) -> Result<Restore, PostgresError> {
        let mut arguments = vec!["--exit-on-error".to_owned()];
        if options.jobs > 1 {
            arguments.push(format!("--jobs={}", options.jobs));
        }
        if options.no_owner {
            arguments.extend(["--no-owner".to_owned(), "--no-privileges".to_owned()]);
        }
        if options.no_tablespaces {
            arguments.push("--no-tablespaces".to_owned());
        }
        arguments.extend(options.list.iter().map(|list| format!("--use-list={}", list.display())));
        arguments.extend(options.arguments.iter().cloned());
        arguments.extend(options.file.iter().map(|file| file.display().to_string()));
        Ok(Restore { running: server.start("pg_restore", arguments).await? })
    }

    /// Starts `psql` for a plain SQL dump, to be written to [`Restore::input`]. It stops at the first error.
    pub async fn sql(server: &Server) -> Result<Restore, PostgresError> {
        let arguments = ["--no-psqlrc", "-q", "--set=ON_ERROR_STOP=1", "--set=VERBOSITY=verbose"].map(str::to_owned);
        Ok(Restore { running: server.start("psql", arguments).await? })
    }

    /// Starts `pg_restore` without a database, to print the archive's contents or its SQL.
    pub async fn print(server: &Server, arguments: Vec<String>) -> Result<Restore, PostgresError> {
        let running = server.programs().start("pg_restore", &arguments, server.connection()).await?;
        Ok(Restore { running })
    }

    /// Where the archive or SQL is written to; `None` the second time. Must be dropped before [`Restore::finish`].
    pub fn input(&mut self) -> Option<Input> {
        self.running.stdin.take().map(Input::new)
    }

    /// What the program prints; to be read while it runs, or dropped.
    pub fn output(&mut self) -> Option<ChildStdout> {
        self.running.stdout.take()
    }

    /// Waits for the program's end. Ok: everything was restored, and these are its warnings.
    pub async fn finish(mut self) -> Result<Vec<String>, PostgresError> {
        drop(self.running.stdin.take());
        if let Some(mut output) = self.running.stdout.take() {
            // A program that prints must find a reader.
            let _ = tokio::io::copy(&mut output, &mut tokio::io::sink()).await;
        }
        let said = self.running.finish().await?;
        Ok(said.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect())
    }
}
