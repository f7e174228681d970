//! From the words of a client program to what they mean.

use super::{Connection, PostgresError};

/// The error that a program's standard error tells of.
pub(super) fn classify(program: &str, connection: &Connection, said: &str) -> PostgresError {
    let server = connection.server();
    let problem = summary(said);
    let sqlstate = sqlstate(said);
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    let state = sqlstate.as_deref().unwrap_or_default();
    if said.contains("FATAL:  database \"") && said.contains("does not exist") {
        let database = connection.database().unwrap_or_default().to_owned();
        return PostgresError::DatabaseMissing { server, database };
    }
    if has(&[
        "authentication failed",
        "no password supplied",
        "no pg_hba.conf entry",
        "pg_hba.conf rejects",
        "FATAL:  role \"",
        "is not permitted to log in",
        "does not have CONNECT privilege",
    ]) {
        return PostgresError::LoginRefused { server, problem };
    }
    if matches!(state, "57P01" | "57P02" | "08006" | "08003" | "08000")
        || has(&[
            "server closed the connection unexpectedly",
            "terminating connection",
            "connection to server was lost",
            "SSL connection has been closed unexpectedly",
            "could not receive data from server",
            "no connection to the server",
        ]) && !has(&["failed: server closed the connection", "failed: FATAL:  the database system"])
    {
        return PostgresError::Lost { server, problem };
    }
    if has(&["connection to server at", "connection to server on socket", "could not connect to server"])
        || has(&["could not translate host name", "definition of service", "the database system is"])
    {
        return PostgresError::Unreachable { server, problem };
    }
    if state == "42501"
        || has(&[
            "ERROR:  permission denied",
            "ERROR:  must be owner",
            "ERROR:  must be superuser",
            "row-level security policy",
        ])
    {
        return PostgresError::Denied { server, problem };
    }
    PostgresError::Failed { program: program.to_owned(), server: connection.describe(), sqlstate, problem }
}

/// The first SQLSTATE that psql's verbose messages give.
fn sqlstate(said: &str) -> Option<String> {
    said.lines().find_map(|line| {
        let (before, after) = line.split_once(":  ")?;
        let level = before.rsplit(' ').next()?;
        let state = after.get(..5)?;
        let is_state = state.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
        let follows = after.get(5..)?.starts_with(": ");
        (is_state && follows && level.chars().all(char::is_uppercase)).then(|| state.to_owned())
    })
}

/// The lines that matter, in one: errors without the program's name, positions in its input, and source locations.
fn summary(said: &str) -> String {
    let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let noise =
        |line: &&&str| line.starts_with("LOCATION:") || line.starts_with("NOTICE:") || line.contains(": warning: ");
    let telling: Vec<String> = lines
        .iter()
        .filter(|line| !noise(line))
        .map(|line| {
            let line = line.strip_prefix("psql:<stdin>:").and_then(|rest| rest.split_once(": ")).map_or(*line, |l| l.1);
            let line = ["psql: error: ", "pg_dump: error: ", "pg_dumpall: error: ", "pg_restore: error: "]
                .iter()
                .find_map(|prefix| line.strip_prefix(prefix))
                .unwrap_or(line);
            line.to_owned()
        })
        .take(6)
        .collect();
    if telling.is_empty() { lines.join("; ") } else { telling.join("; ") }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;
    use crate::base::Secret;
    use crate::diag::Explain;

    fn code(said: &str) -> &'static str {
        let connection = Connection::from_url(&Secret::new("postgresql://u@h:1/d")).unwrap();
        classify("psql", &connection, said).code().id
    }

    #[test]
    fn every_family_is_recognised() {
        for (said, expected) in [
            (
                "psql: error: connection to server at \"127.0.0.1\", port 1 failed: Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?",
                "BS520",
            ),
            ("psql: error: could not translate host name \"nope\" to address: Name or service not known", "BS520"),
            ("psql: error: connection to server at \"h\" failed: FATAL:  the database system is starting up", "BS520"),
            ("psql: error: connection to server at \"h\" failed: FATAL:  sorry, too many clients already", "BS520"),
            ("psql: error: connection to server at \"h\" failed: server closed the connection unexpectedly", "BS520"),
            (
                "psql: error: connection to server failed: FATAL:  password authentication failed for user \"u\"",
                "BS521",
            ),
            ("psql: error: connection to server failed: FATAL:  role \"u\" does not exist", "BS521"),
            ("psql: error: connection to server failed: fe_sendauth: no password supplied", "BS521"),
            ("psql: error: connection to server failed: FATAL:  database \"d\" does not exist", "BS522"),
            ("psql:<stdin>:3: ERROR:  42501: permission denied for table t\nLOCATION:  x, y.c:1", "BS526"),
            ("pg_dump: error: query failed: ERROR:  permission denied for table t", "BS526"),
            (
                "pg_dump: error: query failed: ERROR:  query would be affected by row-level security policy for table \"t\"",
                "BS526",
            ),
            ("FATAL:  57P01: terminating connection due to administrator command", "BS527"),
            (
                "pg_dump: error: Dumping the contents of table \"t\" failed: PQgetResult() failed.\npg_dump: detail: Error message from server: server closed the connection unexpectedly",
                "BS527",
            ),
            ("psql:<stdin>:1: ERROR:  42P01: relation \"x\" does not exist", "BS528"),
            ("pg_dump: error: no matching tables were found", "BS528"),
        ] {
            assert_eq!(code(said), expected, "{said}");
        }
    }

    #[test]
    fn the_state_and_the_telling_lines_are_found() {
        let said =
            "psql:<stdin>:12: ERROR:  42P01: relation \"x\" does not exist\nLINE 1: SELECT\nLOCATION:  parse, a.c:1\n";
        assert_eq!(sqlstate(said).as_deref(), Some("42P01"));
        assert_eq!(summary(said), "ERROR:  42P01: relation \"x\" does not exist; LINE 1: SELECT");
        assert_eq!(sqlstate("ERROR:  hello: x"), None);
        assert_eq!(summary("pg_dump: warning: w\n"), "pg_dump: warning: w");
    }
}
