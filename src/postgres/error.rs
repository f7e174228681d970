//! What can go wrong with a server, its programs and the way to them.

use crate::base::UnresolvedReference;
use crate::diag::{Code, Explain, codes};

/// A server, a client program or the way to them failed. Messages never hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PostgresError {
    /// A reference in the connection or the wrapper has no value.
    #[error("the connection is incomplete: {0}")]
    Unresolved(#[from] UnresolvedReference),
    /// The connection cannot be understood.
    #[error("the connection cannot be used: {problem}")]
    InvalidConnection {
        /// What is wrong with it; never the text itself, which may hold a password.
        problem: String,
    },
    /// Nobody answers, or the server does not accept connections now.
    #[error("{server} cannot be reached: {problem}")]
    Unreachable {
        /// Which server.
        server: String,
        /// What the client program said.
        problem: String,
    },
    /// The server does not let this user in.
    #[error("{server} refuses the login: {problem}")]
    LoginRefused {
        /// Which server.
        server: String,
        /// What the server said.
        problem: String,
    },
    /// The server has no such database.
    #[error("database `{database}` does not exist on {server}")]
    DatabaseMissing {
        /// Which server.
        server: String,
        /// The database.
        database: String,
    },
    /// No client program was found.
    #[error("`{program}`{wanted} is not installed; looked in {searched}")]
    ProgramMissing {
        /// The program.
        program: &'static str,
        /// The version needed, such as ` of version 16 or newer`; may be empty.
        wanted: String,
        /// Major version to install, when known.
        major: Option<u32>,
        /// Where it was looked for.
        searched: String,
    },
    /// The client program is older than the server; it would refuse, or miss things.
    #[error("`{program}` {found} is older than the server, which is {server_version}; looked in {searched}")]
    ProgramTooOld {
        /// The program.
        program: &'static str,
        /// Its version.
        found: String,
        /// The server's version.
        server_version: String,
        /// Where it was looked for.
        searched: String,
    },
    /// None of the commands to run client programs behind works.
    #[error("no client program answers behind `exec`: {problem}")]
    WrapperFailed {
        /// What each said.
        problem: String,
    },
    /// The server lets us in and then refuses something.
    #[error("{server} denies permission: {problem}")]
    Denied {
        /// Which server.
        server: String,
        /// What the server said.
        problem: String,
    },
    /// The server does not let this role replicate.
    #[error("{server} does not let this role replicate: {problem}")]
    ReplicationDenied {
        /// Which server.
        server: String,
        /// What the server said.
        problem: String,
    },
    /// Only libpq itself can connect like that.
    #[error("{what} is not supported for replication")]
    NotSupported {
        /// What the connection or the server asks for.
        what: String,
    },
    /// The server has removed WAL that is asked for.
    #[error("{server} does not have that WAL any more: {problem}")]
    WalGone {
        /// Which server.
        server: String,
        /// What the server said.
        problem: String,
    },
    /// The server went away in the middle.
    #[error("the connection to {server} broke: {problem}")]
    Lost {
        /// Which server.
        server: String,
        /// What the client program said.
        problem: String,
    },
    /// A statement or a program failed otherwise.
    #[error("{program} on {server}: {problem}")]
    Failed {
        /// The program.
        program: String,
        /// Which server.
        server: String,
        /// SQLSTATE, when the server said one.
        sqlstate: Option<String>,
        /// What was said.
        problem: String,
    },
}

impl PostgresError {
    /// True when something of the same name exists already, or was made at the same moment.
    pub fn is_name_taken(&self) -> bool {
        matches!(self, PostgresError::Failed { sqlstate: Some(state), .. } if state == "42P04" || state == "23505")
    }
}

impl Explain for PostgresError {
    fn code(&self) -> &'static Code {
        match self {
            PostgresError::Unresolved(_) => &codes::REFERENCE_UNRESOLVED,
            PostgresError::InvalidConnection { .. } => &codes::CONNECTION_INVALID,
            PostgresError::Unreachable { .. } => &codes::SERVER_UNREACHABLE,
            PostgresError::LoginRefused { .. } => &codes::LOGIN_REFUSED,
            PostgresError::DatabaseMissing { .. } => &codes::DATABASE_MISSING,
            PostgresError::ProgramMissing { .. } => &codes::PROGRAM_MISSING,
            PostgresError::ProgramTooOld { .. } => &codes::PROGRAM_TOO_OLD,
            PostgresError::WrapperFailed { .. } => &codes::WRAPPER_FAILED,
            PostgresError::Denied { .. } => &codes::PERMISSION_DENIED,
            PostgresError::ReplicationDenied { .. } => &codes::REPLICATION_DENIED,
            PostgresError::NotSupported { .. } => &codes::REPLICATION_UNSUPPORTED,
            PostgresError::WalGone { .. } => &codes::WAL_GONE,
            PostgresError::Lost { .. } => &codes::CONNECTION_LOST,
            PostgresError::Failed { .. } => &codes::STATEMENT_FAILED,
        }
    }

    fn hint(&self) -> Option<String> {
        let install = |major: u32| {
            format!(
                "Install it: `apt-get install postgresql-client-{major}`, `dnf install postgresql{major}` or \
                 `brew install postgresql@{major}`; or set `BACKSTAY_PG_BIN` to the folder that has it."
            )
        };
        Some(match self {
            PostgresError::Unresolved(UnresolvedReference::Env(name)) => {
                format!("Set it where backstay runs: `export {name}=…`.")
            }
            PostgresError::Unresolved(UnresolvedReference::File { .. }) => {
                "Create the file, readable by the user who runs backstay.".to_owned()
            }
            PostgresError::InvalidConnection { .. } => {
                "Write it as `postgresql://user:password@host:5432/database`; special characters of the parts as `%XX`."
                    .to_owned()
            }
            PostgresError::Unreachable { .. } => {
                "Check host and port, and that the server runs: `pg_isready -h HOST -p PORT`.".to_owned()
            }
            PostgresError::LoginRefused { problem, .. } if problem.contains("replication connection") => {
                "Add a line such as `host replication the_user samenet scram-sha-256` to the server's `pg_hba.conf`, \
                 then run `SELECT pg_reload_conf()`."
                    .to_owned()
            }
            PostgresError::LoginRefused { .. } => {
                "Check user and password of `connection`, and the server's `pg_hba.conf`.".to_owned()
            }
            PostgresError::DatabaseMissing { .. } => {
                "Correct the database's name in `connection`, or bring it back with `backstay restore`.".to_owned()
            }
            PostgresError::ProgramMissing { major: Some(major), .. } => install(*major),
            PostgresError::ProgramMissing { .. } => {
                "Install the PostgreSQL client programs (`apt-get install postgresql-client`), or set \
                 `BACKSTAY_PG_BIN` to the folder that has them."
                    .to_owned()
            }
            PostgresError::ProgramTooOld { server_version, .. } => {
                let major = server_version.split('.').next().and_then(|major| major.parse().ok());
                major.map(install)?
            }
            PostgresError::WrapperFailed { .. } => {
                "Run the command of `exec` by hand followed by `psql --version`; docker and kubectl need `-i`."
                    .to_owned()
            }
            PostgresError::Denied { .. } => {
                "Connect as a superuser or the owner, or run `GRANT pg_read_all_data TO the_user`.".to_owned()
            }
            PostgresError::ReplicationDenied { .. } => {
                "Run `ALTER ROLE the_user REPLICATION` as a superuser.".to_owned()
            }
            PostgresError::NotSupported { .. } => {
                "Give this database a `connection` with a password or a client certificate.".to_owned()
            }
            PostgresError::WalGone { .. } => {
                "Take a base backup, then go on after the gap with `backstay wal receive --from-now`; `--slot NAME` keeps WAL \
                 from then on."
                    .to_owned()
            }
            PostgresError::Lost { .. } => "Look into the server's log, then run the same command again.".to_owned(),
            PostgresError::Failed { .. } => return None,
        })
    }
}
