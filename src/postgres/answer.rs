//! The first value that a query of the user's answers, read without knowing anything of its columns.

use super::{PostgresError, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// What a query answered first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// No row.
    NoRow,
    /// A row whose first value is null.
    Null,
    /// The first value of the first row.
    Value(String),
}

/// How null is printed: no text of a database is known to read like this.
const NULL: &str = "\u{1}null\u{1}";

/// Most bytes that are kept of a value.
const MOST: usize = 64 << 10;

/// Asks a query in a transaction that can change nothing, in a session of its own. Dropping the future ends the query.
pub async fn first_value(server: &Server, sql: &str) -> Result<Answer, PostgresError> {
    let connection = server.connection();
    let arguments = [
        "--no-password".to_owned(),
        format!("--dbname={}", connection.conninfo(&[("client_encoding", "UTF8")])),
        "--no-psqlrc".to_owned(),
        "-qAt".to_owned(),
        "--set=ON_ERROR_STOP=1".to_owned(),
        "--field-separator-zero".to_owned(),
        "--record-separator-zero".to_owned(),
        format!("--pset=null={NULL}"),
    ];
    let mut running = server.programs().start("psql", &arguments, connection).await?;
    if let Some(mut stdin) = running.stdin.take() {
        let text = format!("SET default_transaction_read_only = on;\n{sql}\n;\n");
        // A program that is gone already says why on its standard error.
        let _ = stdin.write_all(text.as_bytes()).await;
    }
    let mut kept = Vec::new();
    if let Some(mut stdout) = running.stdout.take() {
        let mut piece = vec![0; 8 << 10];
        // To the end, so that the program never waits for a reader.
        while let Ok(length @ 1..) = stdout.read(&mut piece).await {
            let room = MOST.saturating_sub(kept.len()).min(length);
            kept.extend_from_slice(&piece[..room]);
        }
    }
    running.finish().await?;
    Ok(understood(&kept))
}

/// Values stand one after the other, a zero byte behind each.
fn understood(printed: &[u8]) -> Answer {
    if printed.is_empty() {
        return Answer::NoRow;
    }
    let end = printed.iter().position(|byte| *byte == 0).unwrap_or(printed.len());
    match String::from_utf8_lossy(&printed[..end]).into_owned() {
        text if text == NULL => Answer::Null,
        text => Answer::Value(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_value_is_told_from_no_row_and_from_null() {
        let value = |text: &str| Answer::Value(text.to_owned());
        assert_eq!(understood(b""), Answer::NoRow);
        assert_eq!(understood(b"\0"), value(""));
        assert_eq!(understood(b"42\0x\0seven\0"), value("42"));
        assert_eq!(understood("\u{1}null\u{1}\0x\0".as_bytes()), Answer::Null);
    }
}
