//! Where a database is and how to log in: the values of a policy's `connection`, without showing a password.

use super::PostgresError;
use super::url::parse_url;
use crate::base::{Lookup, Secret};
use crate::policy::ConnectionSpec;
use std::collections::BTreeMap;
use std::fmt;

/// The parameters of a connection by libpq's names, and the password apart from them. What is not given is found by
/// libpq as always: environment, service file, password file, defaults.
#[derive(Clone)]
pub struct Connection {
    parameters: BTreeMap<String, String>,
    password: Option<Secret>,
}

/// Parameters of libpq that may be written down where anyone may read them.
const KNOWN: [&str; 38] = [
    "application_name",
    "channel_binding",
    "client_encoding",
    "connect_timeout",
    "dbname",
    "fallback_application_name",
    "gssdelegation",
    "gssencmode",
    "gsslib",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "krbsrvname",
    "load_balance_hosts",
    "options",
    "passfile",
    "port",
    "require_auth",
    "requirepeer",
    "service",
    "ssl_max_protocol_version",
    "ssl_min_protocol_version",
    "sslcert",
    "sslcertmode",
    "sslcompression",
    "sslcrl",
    "sslcrldir",
    "sslkey",
    "sslmode",
    "sslnegotiation",
    "sslrootcert",
    "sslsni",
    "target_session_attrs",
    "tcp_user_timeout",
    "user",
];

/// Parameters that applications' libraries put into the same URL and that mean nothing to a backup.
const OF_APPLICATIONS: [&str; 7] =
    ["schema", "connection_limit", "pool_timeout", "pgbouncer", "statement_cache_size", "socket_timeout", "pool_mode"];

/// What holds unless the connection says otherwise: give up on a dead host, notice a dead network.
const DEFAULTS: [(&str, &str); 5] = [
    ("application_name", "backstay"),
    ("connect_timeout", "10"),
    ("keepalives_idle", "30"),
    ("keepalives_interval", "10"),
    ("keepalives_count", "6"),
];

impl Connection {
    /// The connection that a policy describes, its references looked up.
    pub fn resolve(spec: &ConnectionSpec, lookup: &dyn Lookup) -> Result<Connection, PostgresError> {
        match spec {
            ConnectionSpec::Url(url) => Connection::from_url(&url.resolve(lookup)?),
            ConnectionSpec::Parts(parts) => {
                let mut pairs = Vec::new();
                for (name, value) in parts {
                    let name = if name == "database" { "dbname" } else { name.as_str() };
                    pairs.push((name.to_owned(), value.resolve(lookup)?.expose().to_owned()));
                }
                Connection::from_pairs(pairs)
            }
        }
    }

    /// The connection of a `postgresql://` URL as libpq reads it.
    pub fn from_url(url: &Secret) -> Result<Connection, PostgresError> {
        Connection::from_pairs(parse_url(url.expose()).map_err(invalid)?)
    }

    /// A connection by libpq's names of parameters, the password apart.
    pub fn of_parameters(
        parameters: impl IntoIterator<Item = (String, String)>,
        password: Option<Secret>,
    ) -> Result<Connection, PostgresError> {
        let connection = Connection::from_pairs(parameters.into_iter().collect())?;
        Ok(Connection { password, ..connection })
    }

    fn from_pairs(pairs: Vec<(String, String)>) -> Result<Connection, PostgresError> {
        let mut connection = Connection { parameters: BTreeMap::new(), password: None };
        for (name, value) in pairs {
            if value.contains(['\0', '\n', '\r']) {
                return Err(invalid(format!("`{name}` holds a line break")));
            }
            match name.as_str() {
                "password" => connection.password = (!value.is_empty()).then(|| Secret::new(value)),
                // JDBC's spelling, which libpq accepts, too.
                "ssl" if value == "true" => {
                    connection.parameters.insert("sslmode".to_owned(), "require".to_owned());
                }
                known if KNOWN.contains(&known) => {
                    if !value.is_empty() {
                        connection.parameters.insert(name, value);
                    }
                }
                other if OF_APPLICATIONS.contains(&other) => {}
                "sslpassword" => {
                    return Err(invalid(
                        "`sslpassword` would be visible in the list of processes; use a key without a passphrase"
                            .to_owned(),
                    ));
                }
                _ => return Err(invalid(format!("`{name}` is not a parameter of a PostgreSQL connection"))),
            }
        }
        Ok(connection)
    }

    /// The same server and login, another database.
    #[must_use]
    pub fn with_database(&self, name: &str) -> Connection {
        let mut other = self.clone();
        other.parameters.insert("dbname".to_owned(), name.to_owned());
        other
    }

    /// The database, when the connection names it.
    pub fn database(&self) -> Option<&str> {
        self.parameters.get("dbname").map(String::as_str)
    }

    /// The user, when the connection names it.
    pub fn user(&self) -> Option<&str> {
        self.parameters.get("user").map(String::as_str)
    }

    /// Host, socket directory or service, for people and manifests.
    pub fn host(&self) -> String {
        let parameter = |name: &str| self.parameters.get(name).cloned();
        parameter("host")
            .or_else(|| parameter("hostaddr"))
            .or_else(|| parameter("service").map(|service| format!("service {service}")))
            .unwrap_or_else(|| "the default server".to_owned())
    }

    /// Host and port, for people.
    pub fn server(&self) -> String {
        match self.parameters.get("port") {
            Some(port) => format!("{}:{port}", self.host()),
            None => self.host(),
        }
    }

    /// Database, host and port, for people: `app on db1:5432`.
    pub fn describe(&self) -> String {
        match self.database() {
            Some(database) => format!("{database} on {}", self.server()),
            None => self.server(),
        }
    }

    /// The password, when the connection gives one.
    pub(super) fn password(&self) -> Option<&Secret> {
        self.password.as_ref()
    }

    /// Every parameter but the password, with what holds unless the connection says otherwise.
    pub(super) fn with_defaults(&self) -> BTreeMap<String, String> {
        let defaults = DEFAULTS.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut all: BTreeMap<String, String> = defaults.collect();
        all.extend(self.parameters.clone());
        all
    }

    /// True when the connection itself says where the server is.
    pub(super) fn names_host(&self) -> bool {
        self.parameters.contains_key("host") || self.parameters.contains_key("hostaddr")
    }

    /// The connection string to hand to a client program: everything but the password.
    pub(super) fn conninfo(&self, extra: &[(&str, &str)]) -> String {
        let mut all: BTreeMap<&str, &str> = DEFAULTS.into_iter().collect();
        all.extend(self.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        all.extend(extra.iter().copied());
        let quote = |value: &str| value.replace('\\', "\\\\").replace('\'', "\\'");
        all.iter().map(|(name, value)| format!("{name}='{}'", quote(value))).collect::<Vec<_>>().join(" ")
    }

    /// A text that a program said, the password struck out should it ever appear.
    pub(super) fn redact(&self, text: &str) -> String {
        match &self.password {
            Some(password) if password.expose().len() > 3 => text.replace(password.expose(), "•••"),
            _ => text.to_owned(),
        }
    }
}

fn invalid(problem: String) -> PostgresError {
    PostgresError::InvalidConnection { problem }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connection({})", self.describe())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

    use super::*;

    fn of(url: &str) -> Connection {
        Connection::from_url(&Secret::new(url)).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn the_password_stands_apart() {
        let connection = of("postgresql://u:p%27w%2540@db1:5433/my%20db?sslmode=require&schema=public");
        assert_eq!(connection.password().map(Secret::expose), Some("p'w%40"));
        let conninfo = connection.conninfo(&[("client_encoding", "UTF8")]);
        assert!(conninfo.contains("dbname='my db'") && conninfo.contains("sslmode='require'"), "{conninfo}");
        assert!(!conninfo.contains("p'w") && !format!("{connection:?}").contains("p'w"));
        assert_eq!(connection.describe(), "my db on db1:5433");
        assert_eq!(connection.redact("bad p'w%40!"), "bad •••!");
    }

    #[test]
    fn values_are_quoted_for_libpq() {
        let connection = of("postgresql:///x").with_database("it's a \\ 😀");
        assert!(connection.conninfo(&[]).contains("dbname='it\\'s a \\\\ 😀'"));
        assert_eq!(connection.host(), "the default server");
    }

    #[test]
    fn what_libpq_does_not_know_is_named() {
        for (url, word) in [
            ("postgresql://h/d?sslmod=require", "`sslmod`"),
            ("postgresql://h/d?sslpassword=x", "list of processes"),
            ("mysql://h/d", "postgresql://"),
            ("postgresql://h/d%0Ax", "line break"),
        ] {
            let error = Connection::from_url(&Secret::new(url)).err().map(|error| error.to_string());
            assert!(error.as_ref().is_some_and(|error| error.contains(word)), "{url}: {error:?}");
        }
    }
}
