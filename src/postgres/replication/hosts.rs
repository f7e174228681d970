//! The places where the server may be: hosts, addresses, ports and socket folders, in the order in which they are tried.

use super::login::{Login, invalid};
use crate::postgres::PostgresError;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// One place to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Host {
    /// As the connection names it: for people, certificates and password files.
    pub(super) name: String,
    /// Port, also the number of a socket.
    pub(super) port: u16,
    /// How to get there.
    pub(super) way: Way,
}

/// How to get to a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Way {
    /// A socket file. A path that begins with a zero byte is an abstract one.
    Socket(PathBuf),
    /// A name to be resolved; every address is tried.
    Name(String),
    /// An address.
    Address(IpAddr),
}

/// Folders where servers put their socket, by the habit of packages and of PostgreSQL itself.
const SOCKETS: [&str; 2] = ["/var/run/postgresql", "/tmp"];

impl Host {
    /// Every place that a login names; one at least.
    pub(super) fn all(login: &Login) -> Result<Vec<Host>, PostgresError> {
        let list = |name: &str| login.get(name).map(|value| value.split(',').map(str::to_owned).collect::<Vec<_>>());
        let (names, addresses) = (list("host"), list("hostaddr"));
        let count = addresses.as_ref().or(names.as_ref()).map_or(1, Vec::len);
        if names.as_ref().is_some_and(|names| names.len() != count) {
            return Err(invalid("`host` and `hostaddr` list different numbers of hosts".to_owned()));
        }
        let ports = list("port").unwrap_or_else(|| vec![String::new()]);
        if ports.len() != 1 && ports.len() != count {
            return Err(invalid("`port` lists another number of ports than there are hosts".to_owned()));
        }
        let mut hosts = Vec::new();
        for at in 0..count {
            let port = match ports.get(at).unwrap_or(&ports[0]).trim() {
                "" => 5432,
                text => text
                    .parse()
                    .ok()
                    .filter(|port| *port > 0)
                    .ok_or_else(|| invalid("a port is not a number".to_owned()))?,
            };
            let at_place =
                |list: &Option<Vec<String>>| list.as_ref().map(|list| list[at].clone()).filter(|t| !t.is_empty());
            hosts.push(Host::of(at_place(&names), at_place(&addresses), port)?);
        }
        Ok(hosts)
    }

    fn of(name: Option<String>, address: Option<String>, port: u16) -> Result<Host, PostgresError> {
        if let Some(address) = address {
            let parsed = address.parse().map_err(|_| invalid("`hostaddr` is not an IP address".to_owned()))?;
            return Ok(Host { name: name.unwrap_or(address), port, way: Way::Address(parsed) });
        }
        let name = name.unwrap_or_else(|| usual_socket(port).to_owned());
        let file = format!(".s.PGSQL.{port}");
        let way = if name.starts_with('/') {
            Way::Socket(Path::new(&name).join(file))
        } else if let Some(inside) = name.strip_prefix('@') {
            Way::Socket(PathBuf::from(format!("\0{inside}/{file}")))
        } else {
            Way::Name(name.clone())
        };
        Ok(Host { name, port, way })
    }

    /// As a password file names it.
    pub(super) fn in_password_file(&self) -> &str {
        if SOCKETS.contains(&self.name.as_str()) { "localhost" } else { &self.name }
    }

    /// For people.
    pub(super) fn describe(&self) -> String {
        format!("{}:{}", self.name, self.port)
    }
}

/// The folder that has the socket of this port, or else the one that most packages would use.
fn usual_socket(port: u16) -> &'static str {
    let has = |folder: &&&str| Path::new(folder).join(format!(".s.PGSQL.{port}")).exists();
    SOCKETS.iter().find(has).unwrap_or(&SOCKETS[0])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;
    use crate::base::{Lookup, Secret};
    use crate::postgres::Connection;

    struct Nothing;

    impl Lookup for Nothing {
        fn env(&self, _: &str) -> Option<String> {
            None
        }

        fn file(&self, _: &str) -> Result<String, String> {
            Err(String::new())
        }
    }

    fn of(url: &str) -> Result<Vec<Host>, PostgresError> {
        Host::all(&Login::gather(&Connection::from_url(&Secret::new(url)).unwrap(), &Nothing).unwrap())
    }

    #[test]
    fn several_hosts_share_a_port_or_have_their_own() {
        let hosts = of("postgresql://a:1,[::1]:2,%2Frun/d").unwrap();
        let seen: Vec<String> = hosts.iter().map(Host::describe).collect();
        assert_eq!(seen, ["a:1", "::1:2", "/run:5432"]);
        assert_eq!(hosts[2].way, Way::Socket("/run/.s.PGSQL.5432".into()));
        let hosts = of("postgresql://a,b/d?port=7").unwrap();
        assert!(hosts.iter().all(|host| host.port == 7));
        assert_eq!(
            of("postgresql://db1/d?hostaddr=10.0.0.1").unwrap()[0].way,
            Way::Address("10.0.0.1".parse().unwrap())
        );
        assert_eq!(of("postgresql:///d?host=@x").unwrap()[0].way, Way::Socket("\0x/.s.PGSQL.5432".into()));
        assert_eq!(of("postgresql:///d?host=/tmp").unwrap()[0].in_password_file(), "localhost");
    }

    #[test]
    fn lists_that_do_not_match_are_refused() {
        for url in
            ["postgresql://a,b,c/d?port=1,2", "postgresql://a,b/d?hostaddr=10.0.0.1", "postgresql://a/d?hostaddr=a"]
        {
            assert!(of(url).is_err(), "{url}");
        }
    }
}
