//! What libpq would connect with: the connection's own parameters, then those of a service file, then the environment.

use super::account::Account;
use super::service::read_service;
use crate::base::{Lookup, Secret};
use crate::postgres::{Connection, PostgresError};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The parameters of one login by libpq's names, gathered from everywhere, and what is needed to find a password.
pub(super) struct Login {
    values: BTreeMap<String, String>,
    password: Option<Secret>,
    /// Who runs this program.
    pub(super) account: Account,
}

/// libpq's parameters and the variables that give them when nothing else does.
const VARIABLES: [(&str, &str); 29] = [
    ("application_name", "PGAPPNAME"),
    ("channel_binding", "PGCHANNELBINDING"),
    ("connect_timeout", "PGCONNECT_TIMEOUT"),
    ("dbname", "PGDATABASE"),
    ("gssencmode", "PGGSSENCMODE"),
    ("host", "PGHOST"),
    ("hostaddr", "PGHOSTADDR"),
    ("load_balance_hosts", "PGLOADBALANCEHOSTS"),
    ("options", "PGOPTIONS"),
    ("passfile", "PGPASSFILE"),
    ("password", "PGPASSWORD"),
    ("port", "PGPORT"),
    ("require_auth", "PGREQUIREAUTH"),
    ("requirepeer", "PGREQUIREPEER"),
    ("service", "PGSERVICE"),
    ("ssl_max_protocol_version", "PGSSLMAXPROTOCOLVERSION"),
    ("ssl_min_protocol_version", "PGSSLMINPROTOCOLVERSION"),
    ("sslcert", "PGSSLCERT"),
    ("sslcertmode", "PGSSLCERTMODE"),
    ("sslcompression", "PGSSLCOMPRESSION"),
    ("sslcrl", "PGSSLCRL"),
    ("sslcrldir", "PGSSLCRLDIR"),
    ("sslkey", "PGSSLKEY"),
    ("sslmode", "PGSSLMODE"),
    ("sslnegotiation", "PGSSLNEGOTIATION"),
    ("sslrootcert", "PGSSLROOTCERT"),
    ("sslsni", "PGSSLSNI"),
    ("target_session_attrs", "PGTARGETSESSIONATTRS"),
    ("user", "PGUSER"),
];

impl Login {
    /// Gathers everything. Fails when a service is named that no file describes, and on what only libpq itself can do.
    pub(super) fn gather(connection: &Connection, lookup: &dyn Lookup) -> Result<Login, PostgresError> {
        let account = Account::current(lookup);
        let mut values = connection.with_defaults();
        let mut password = connection.password().cloned();
        let set = |values: &mut BTreeMap<String, String>, password: &mut Option<Secret>, name: &str, value: String| {
            if value.is_empty() {
            } else if name == "password" {
                password.get_or_insert_with(|| Secret::new(value));
            } else {
                values.entry(name.to_owned()).or_insert(value);
            }
        };
        let service =
            values.get("service").cloned().or_else(|| lookup.env("PGSERVICE").filter(|name| !name.is_empty()));
        if let Some(service) = service {
            for (name, value) in read_service(&service, &account, lookup)? {
                set(&mut values, &mut password, &name, value);
            }
        }
        for (name, variable) in VARIABLES {
            // It would redirect a connection whose host the policy names.
            if name == "hostaddr" && connection.names_host() {
                continue;
            }
            if let Some(value) = lookup.env(variable) {
                set(&mut values, &mut password, name, value);
            }
        }
        let login = Login { values, password, account };
        login.refuse_what_is_missing_here()?;
        Ok(login)
    }

    /// A parameter, when anything gives it.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// A parameter that is one of some words, the first of which is the default.
    pub(super) fn word(&self, name: &'static str, words: &[&'static str]) -> Result<&'static str, PostgresError> {
        let Some(value) = self.get(name) else { return Ok(words[0]) };
        let found = words.iter().find(|word| **word == value);
        found.copied().ok_or_else(|| invalid(format!("`{name}` is none of {}", words.join(", "))))
    }

    /// A parameter that is a number, when anything gives it.
    pub(super) fn number(&self, name: &'static str) -> Result<Option<i64>, PostgresError> {
        let number = |value: &str| value.trim().parse().map_err(|_| invalid(format!("`{name}` is not a number")));
        self.get(name).map(number).transpose()
    }

    /// The password that the connection, its service or the environment gives.
    pub(super) fn password(&self) -> Option<&Secret> {
        self.password.as_ref()
    }

    /// The user: who runs this program, unless anything says otherwise.
    pub(super) fn user(&self) -> Result<String, PostgresError> {
        let named = self.get("user").map(str::to_owned).or_else(|| self.account.name.clone());
        named.ok_or_else(|| invalid("it names no `user`, and the account of this process has no name".to_owned()))
    }

    /// A file that a parameter names, or that lies below `~/.postgresql` by default.
    pub(super) fn file(&self, parameter: &str, usual: &str) -> Option<PathBuf> {
        match self.get(parameter) {
            Some(path) => Some(PathBuf::from(path)),
            None => self.account.home.as_ref().map(|home| home.join(".postgresql").join(usual)),
        }
    }

    fn refuse_what_is_missing_here(&self) -> Result<(), PostgresError> {
        let lacks = |what: &str| Err(PostgresError::NotSupported { what: what.to_owned() });
        if self.word("gssencmode", &["prefer", "disable", "require"])? == "require" {
            return lacks("`gssencmode=require`, encryption by GSSAPI,");
        }
        if self.word("sslcertmode", &["allow", "disable", "require"])? == "require" {
            return lacks("`sslcertmode=require`");
        }
        Ok(())
    }
}

/// The connection cannot be used as it is written.
pub(super) fn invalid(problem: String) -> PostgresError {
    PostgresError::InvalidConnection { problem }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

    use super::*;

    pub(super) struct Variables(pub(super) &'static [(&'static str, &'static str)]);

    impl Lookup for Variables {
        fn env(&self, name: &str) -> Option<String> {
            self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        }

        fn file(&self, path: &str) -> Result<String, String> {
            match path {
                "/services" => {
                    Ok("# ours\n[db]\nhost = db1\nport=5433\npassword=of-service\n[other]\nhost=x\n".to_owned())
                }
                "/broken" => Ok("[db]\nldap://directory/\n".to_owned()),
                _ => Err("No such file or directory".to_owned()),
            }
        }
    }

    fn of(url: &str, variables: &'static [(&'static str, &'static str)]) -> Result<Login, PostgresError> {
        Login::gather(&Connection::from_url(&Secret::new(url)).unwrap(), &Variables(variables))
    }

    #[test]
    fn the_url_wins_over_the_service_and_that_over_the_environment() {
        let variables = &[
            ("PGSERVICE", "db"),
            ("PGSERVICEFILE", "/services"),
            ("PGPORT", "1"),
            ("PGSSLMODE", "require"),
            ("PGUSER", "of-env"),
            ("PGPASSWORD", "of-env"),
        ];
        let login = of("postgresql://u@/d", variables).unwrap();
        let seen =
            ["host", "port", "user", "sslmode", "dbname", "application_name"].map(|name| login.get(name).unwrap());
        assert_eq!(seen, ["db1", "5433", "u", "require", "d", "backstay"]);
        assert_eq!(login.password().map(Secret::expose), Some("of-service"));
    }

    #[test]
    fn an_address_of_the_environment_does_not_redirect() {
        let login = of("postgresql://h/d", &[("PGHOSTADDR", "10.0.0.1")]).unwrap();
        assert_eq!(login.get("hostaddr"), None);
        assert_eq!(of("postgresql:///d", &[("PGHOSTADDR", "10.0.0.1")]).unwrap().get("hostaddr"), Some("10.0.0.1"));
    }

    #[test]
    fn what_cannot_be_done_is_named() {
        for (variables, word) in [
            (&[("PGGSSENCMODE", "require")] as &'static [_], "GSSAPI"),
            (&[("PGSERVICE", "none"), ("PGSERVICEFILE", "/services")], "service `none`"),
            (&[("PGSERVICE", "db"), ("PGSERVICEFILE", "/broken")], "LDAP"),
            (&[("PGSSLCERTMODE", "maybe")], "`sslcertmode`"),
        ] {
            let error = of("postgresql://h/d", variables).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains(word), "{error}");
        }
    }
}
