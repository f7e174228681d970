//! The replication protocol: what `psql` and `pg_dump` cannot do. Base backups with all tablespaces, the write-ahead
//! log as it is written, and who a server is.
//!
//! [`ReplicationSession::connect`] finds the server as libpq would: URL, service file, environment, password file,
//! certificates, several hosts. GSSAPI, SSPI, LDAP and keys on tokens are refused by name: they need libpq itself. TLS
//! begins at version 1.2; a certificate for `verify-full` must name the host among its alternative names, as a common
//! name alone does not count. Nothing here works behind `exec`: the connection is our own.
//!
//! Needs the `REPLICATION` attribute and a `replication` line in `pg_hba.conf`. Servers 13 to 18.

mod account;
mod archives;
mod authentication;
mod base_backup;
mod binding;
mod commands;
mod connect;
mod dial;
mod hosts;
mod login;
mod passfile;
mod refusal;
mod service;
mod session;
mod streaming;
mod tls;
mod wire;

pub use archives::{Archive, BaseBackup};
pub use base_backup::{BackupEnd, BackupTablespace, BaseBackupOptions, Checkpoint};
pub use commands::{InvalidSlotName, SlotName, SystemIdentity, TimelineHistory};
pub use session::ReplicationSession;
pub use streaming::{Received, Streaming, Successor, WalMessage, WalStream};
