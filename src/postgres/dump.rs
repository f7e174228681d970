//! Dumps in the making: `pg_dump` of one database, `pg_dumpall` of what belongs to the whole cluster.

use super::running::Running;
use super::{PostgresError, Server};
use crate::policy::DumpSpec;
use std::io::PipeReader;

/// The longest pipe that the kernel gives to anyone.
const PIPE_BYTES: usize = 1 << 20;

/// A running dump. Its bytes are good only when [`Dump::finish`] says so; dropping it kills the program.
pub struct Dump {
    running: Running,
}

/// Whether roles are dumped with their passwords.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RolePasswords {
    /// With them; only a superuser may.
    Kept,
    /// Without.
    LeftOut,
}

impl Dump {
    /// Starts `pg_dump` in custom format without compression. `snapshot` is the name of an exported snapshot.
    pub async fn database(server: &Server, spec: &DumpSpec, snapshot: Option<&str>) -> Result<Dump, PostgresError> {
        let mut arguments = vec!["--format=custom".to_owned(), "--compress=0".to_owned()];
        let options = [
            ("--exclude-table", &spec.exclude_tables),
            ("--exclude-table-data", &spec.exclude_table_data),
            ("--schema", &spec.schemas),
            ("--exclude-schema", &spec.exclude_schemas),
        ];
        for (option, patterns) in options {
            arguments.extend(patterns.iter().map(|pattern| format!("{option}={pattern}")));
        }
        arguments.extend(snapshot.map(|name| format!("--snapshot={name}")));
        Ok(Dump { running: server.start("pg_dump", arguments).await? })
    }

    /// Starts `pg_dumpall` of roles and tablespaces, as SQL.
    pub async fn globals(server: &Server, passwords: RolePasswords) -> Result<Dump, PostgresError> {
        let mut arguments = vec!["--globals-only".to_owned()];
        if passwords == RolePasswords::LeftOut {
            arguments.push("--no-role-passwords".to_owned());
        }
        Ok(Dump { running: server.start("pg_dumpall", arguments).await? })
    }

    /// The bytes, to be read to the end by a thread; `None` the second time, or when the pipe is broken.
    pub fn output(&mut self) -> Option<PipeReader> {
        // The program reads nothing; an open pipe would only keep a wrapper waiting.
        drop(self.running.stdin.take());
        let output = self.running.stdout.take()?;
        let output = output.into_owned_fd().ok()?;
        // A longer pipe saves the two programs most of their waits for each other; the usual length works as well.
        let _ = rustix::pipe::fcntl_setpipe_size(&output, PIPE_BYTES);
        Some(PipeReader::from(output))
    }

    /// Waits for the program's end, after its bytes were read to theirs. Ok: every byte was written, and these are
    /// the program's warnings, often none.
    pub async fn finish(self) -> Result<Vec<String>, PostgresError> {
        let said = self.running.finish().await?;
        Ok(said.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect())
    }
}
