//! Whether tables and indexes of a cluster are sound inside, by PostgreSQL's own `pg_amcheck`.

use super::{PostgresError, Server};

/// Most lines of what it found that are told.
const SHOWN: usize = 5;

/// Looks through every table and index of every database, for which the extension `amcheck` is made where it is missing:
/// for servers that are thrown away. What is wrong, or `None`. An error when it could not look, such as before version 14,
/// which has no such program.
pub async fn amcheck(server: &Server) -> Result<Option<String>, PostgresError> {
    server.programs().version_line("pg_amcheck").await?;
    // It is connected by another option than its sisters.
    let mut arguments = vec![format!("--maintenance-db={}", server.connection().conninfo(&[]))];
    arguments.extend(["--no-password", "--all", "--install-missing", "--no-strict-names"].map(str::to_owned));
    let mut running = server.programs().start("pg_amcheck", &arguments, server.connection()).await?;
    let mut found = String::new();
    if let Some(mut output) = running.stdout.take() {
        // What cannot be read is told by the program's end.
        let _ = tokio::io::AsyncReadExt::read_to_string(&mut output, &mut found).await;
    }
    let ended = running.finish().await;
    let lines: Vec<&str> = found.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    match ended {
        Ok(_) => Ok(None),
        Err(_) if !lines.is_empty() => {
            let shown = &lines[..lines.len().min(SHOWN)];
            Ok(Some(format!("pg_amcheck found damage: {}", shown.join(" / "))))
        }
        Err(error) => Err(error),
    }
}
