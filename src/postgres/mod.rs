//! PostgreSQL servers and their own client programs. All SQL goes through `psql` and all data through `pg_dump` and
//! `pg_restore`: what libpq understands works here too, and all of it works behind a command such as `docker exec`.
//!
//! [`Server::reach`] comes first. A [`Session`] asks and tells; [`Facts`] are what a manifest says of a database;
//! [`Dump`] and [`Restore`] move bytes. Passwords travel by environment, or by standard input behind a command, and
//! never stand in an argument list. Every program ends with the value that stands for it.

mod amcheck;
mod answer;
mod base_backup;
mod classify;
mod connection;
mod databases;
mod dump;
mod error;
mod exchange;
mod facts;
mod input;
mod online_backup;
mod programs;
pub mod replication;
mod restore;
mod running;
mod scratch;
mod server;
mod session;
mod settings;
mod sizes;
mod sql;
mod start;
mod table_copy;
mod ties;
mod url;
mod wal_summaries;
mod wrapper;

pub use amcheck::amcheck;
pub use answer::{Answer, first_value};
pub use base_backup::{BaseBackup, BaseBackupEnd, ClusterFacts};
pub use connection::Connection;
pub use databases::DatabaseShape;
pub use dump::{Dump, RolePasswords};
pub use error::PostgresError;
pub use exchange::{exchange_databases, shortened};
pub use facts::{DatabaseEntry, Facts};
pub use input::Input;
pub use online_backup::{DataDirectory, OnlineBackup, OnlineBackupEnd};
pub use programs::Programs;
pub use restore::{Restore, RestoreOptions};
pub use scratch::{ScratchServer, server_account};
pub use server::Server;
pub use session::Session;
pub use settings::{DatabaseGrant, DatabaseSettings, SettingValues};
pub use sql::{identifier, literal};
pub use start::{Recovered, start_server, stop_server};
pub use table_copy::{TableShape, copy_table};
pub use ties::{IncomingKey, LiveTable, Published, Ties};
pub use wal_summaries::{ChangedFile, Summarized, Summarizing, WalSummary};
