//! A database of a test's own, dropped at its end.

use super::{Server, identifier};
use std::sync::atomic::{AtomicU32, Ordering};

/// A database on a shared server. Dropping it drops the database, connections or not.
pub struct Database {
    /// The server.
    pub server: &'static Server,
    /// Its name.
    pub name: String,
}

impl Database {
    /// An empty UTF-8 database whose name begins with `hint` and is used nowhere else.
    pub fn create(server: &'static Server, hint: &str) -> Database {
        Database::create_with(server, hint, "ENCODING 'UTF8'")
    }

    /// The same with other words after `CREATE DATABASE name TEMPLATE template0`.
    pub fn create_with(server: &'static Server, hint: &str, words: &str) -> Database {
        let database = Database::name_only(server, hint);
        server.psql("postgres", &format!("CREATE DATABASE {} TEMPLATE template0 {words}", identifier(&database.name)));
        database
    }

    /// A free name; whatever is created by this name is dropped at the end.
    pub fn name_only(server: &'static Server, hint: &str) -> Database {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let name = format!("{hint}_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        Database { server, name }
    }

    /// Runs SQL in it; see [`Server::psql`].
    pub fn psql(&self, sql: &str) -> String {
        self.server.psql(&self.name, sql)
    }

    /// Its URL, password included.
    pub fn url(&self) -> String {
        self.server.url(&self.name)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", identifier(&self.name));
        // The server may be dead on purpose, and a panic here would hide the test's own.
        let _ = self.server.client("psql", "postgres").args(["-Xq", "-c", &sql]).output();
    }
}
