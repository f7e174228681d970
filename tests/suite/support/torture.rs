//! A database with everything in it that dumps and restores get wrong.

use super::{Database, Server};
use std::io::Write;
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};

/// A new database filled from `torture.sql`. Extensions that the server lacks are left out.
pub fn torture(server: &'static Server, hint: &str) -> Database {
    let database = Database::create(server, hint);
    // It creates roles if they are missing, and roles are shared by all databases of a server.
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut child = server
        .client("psql", &database.name)
        .args(["-Xq", "-v", "ON_ERROR_STOP=1", "-o", "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(include_bytes!("torture.sql")).unwrap();
    let output = child.wait_with_output().unwrap();
    drop(turn);
    assert!(output.status.success(), "torture.sql: {}", String::from_utf8_lossy(&output.stderr));
    database
}
