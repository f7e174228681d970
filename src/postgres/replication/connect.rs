//! From a connection's parameters to a session that replicates: every host, every address, with and without TLS.

use super::authentication::{Credentials, authenticate};
use super::dial::{Address, Liveness, Socket, Transport, addresses, dial};
use super::hosts::Host;
use super::login::Login;
use super::passfile::{Found, Wanted, look_up};
use super::session::ReplicationSession;
use super::tls::{Mode, Security};
use super::wire::{Wire, tags};
use crate::base::Lookup;
use crate::postgres::{Connection, PostgresError};
use bytes::BytesMut;
use postgres_protocol::message::frontend;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// What database a session for replication says that it wants: the server ignores it, password files name it.
const DATABASE: &str = "replication";

/// Everything that is the same for every host.
struct Attempt<'a> {
    login: &'a Login,
    lookup: &'a dyn Lookup,
    security: Security,
    liveness: Liveness,
    user: String,
}

/// Whether one try speaks TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tls {
    Never,
    IfOffered,
    Always,
}

/// Connects to the first host that lets us in and is of the kind that `target_session_attrs` asks for.
pub(super) async fn connect(connection: &Connection, lookup: &dyn Lookup) -> Result<ReplicationSession, PostgresError> {
    let login = Login::gather(connection, lookup)?;
    let mut hosts = Host::all(&login)?;
    if login.word("load_balance_hosts", &["disable", "random"])? == "random" {
        shuffle(&mut hosts);
    }
    let words = ["any", "read-write", "read-only", "primary", "standby", "prefer-standby"];
    let wanted = login.word("target_session_attrs", &words)?;
    let (security, liveness) = (Security::of(&login)?, Liveness::of(&login)?);
    let user = login.user()?;
    let attempt = Attempt { login: &login, lookup, security, liveness, user };
    let rounds: &[&str] = if wanted == "prefer-standby" { &["standby", "any"] } else { &[wanted] };
    let mut last = None;
    for wanted in rounds {
        for host in &hosts {
            match attempt.host(host, wanted).await {
                Ok(session) => return Ok(session),
                Err(error) => last = Some(error),
            }
        }
    }
    Err(last.unwrap_or_else(|| super::login::invalid("it names no host".to_owned())))
}

impl Attempt<'_> {
    async fn host(&self, host: &Host, wanted: &str) -> Result<ReplicationSession, PostgresError> {
        let mut last = None;
        for address in addresses(host).await? {
            let tries = match (&address, self.security.mode) {
                (Address::Socket(_), _) | (_, Mode::Disable) => &[Tls::Never][..],
                (_, Mode::Allow) => &[Tls::Never, Tls::Always],
                (_, Mode::Prefer) => &[Tls::IfOffered, Tls::Never],
                _ => &[Tls::Always],
            };
            for (at, tls) in tries.iter().enumerate() {
                match self.within(host, &address, *tls, wanted).await {
                    Ok(session) => return Ok(session),
                    Err(error) => {
                        let is_over = at + 1 == tries.len() || !may_differ_with_tls(&error);
                        last = Some(error);
                        if is_over {
                            break;
                        }
                    }
                }
            }
        }
        Err(last.unwrap_or_else(|| self.unreachable(host, "its name has no address")))
    }

    async fn within(
        &self,
        host: &Host,
        address: &Address,
        tls: Tls,
        wanted: &str,
    ) -> Result<ReplicationSession, PostgresError> {
        let once = self.once(host, address, tls, wanted);
        match self.liveness.connect {
            None => once.await,
            Some(limit) => tokio::time::timeout(limit, once)
                .await
                .unwrap_or_else(|_| Err(self.unreachable(host, &format!("no answer within {} s", limit.as_secs())))),
        }
    }

    async fn once(
        &self,
        host: &Host,
        address: &Address,
        tls: Tls,
        wanted: &str,
    ) -> Result<ReplicationSession, PostgresError> {
        let server = host.describe();
        let socket = dial(address, &self.liveness, self.login, self.lookup, &server).await?;
        let (io, end_point, is_secured) = self.secured(socket, host, tls, &server).await?;
        let mut wire = Wire::new(io, server);
        let mut out = BytesMut::new();
        let mut parameters = vec![("user", self.user.as_str()), ("database", DATABASE), ("replication", "true")];
        let name = self.login.get("application_name").or_else(|| self.login.get("fallback_application_name"));
        parameters.extend(name.map(|name| ("application_name", name)));
        parameters.extend(self.login.get("options").map(|options| ("options", options)));
        frontend::startup_message(parameters, &mut out).map_err(|e| super::login::invalid(e.to_string()))?;
        wire.send(&out).await?;
        let credentials = self.credentials(host, end_point, is_secured);
        authenticate(&mut wire, self.login, &credentials).await?;
        wire.trust();
        loop {
            let message = wire.expect().await?;
            match message.tag {
                tags::KEY_DATA => {}
                tags::READY => break,
                _ => return Err(wire.confused(&message)),
            }
        }
        let mut session = ReplicationSession::new(wire)?;
        if let Some(problem) = session.mismatch(wanted).await? {
            return Err(self.unreachable(host, problem));
        }
        Ok(session)
    }

    fn credentials(&self, host: &Host, end_point: Option<Vec<u8>>, is_secured: bool) -> Credentials<'_> {
        let mut password = self.login.password().cloned();
        let mut open_file = None;
        if password.is_none() {
            // A file that has a line for the database only is meant for us, too.
            let named = self.login.get("dbname").unwrap_or(&self.user);
            let databases = [DATABASE, named];
            let wanted =
                Wanted { host: host.in_password_file(), port: host.port, databases: &databases, user: &self.user };
            match look_up(self.login, &wanted) {
                Found::Password(found) => password = Some(found),
                Found::Open(path) => open_file = Some(path),
                Found::Nothing => {}
            }
        }
        Credentials { user: &self.user, password, open_file, end_point, is_secured }
    }

    async fn secured(
        &self,
        socket: Socket,
        host: &Host,
        tls: Tls,
        server: &str,
    ) -> Result<(Box<dyn Transport>, Option<Vec<u8>>, bool), PostgresError> {
        let mut socket = match socket {
            Socket::Unix(socket) => return Ok((Box::new(socket), None, false)),
            Socket::Tcp(socket) if tls == Tls::Never => return Ok((Box::new(socket), None, false)),
            Socket::Tcp(socket) => socket,
        };
        if !self.security.is_direct {
            let mut out = BytesMut::new();
            frontend::ssl_request(&mut out);
            let asked = async {
                socket.write_all(&out).await?;
                // One byte and no more: what follows must not come from before the handshake.
                socket.read_u8().await
            };
            let answer = asked.await.map_err(|e| self.unreachable(host, &e.to_string()))?;
            match answer {
                b'S' => {}
                b'N' if tls == Tls::IfOffered => return Ok((Box::new(socket), None, false)),
                b'N' => return Err(self.unreachable(host, "it does not speak TLS, which `sslmode` requires")),
                _ => return Err(self.unreachable(host, "what answers is not a PostgreSQL server")),
            }
        }
        let (stream, end_point) = self.security.secure(socket, &host.name, server).await?;
        Ok((Box::new(stream), end_point, true))
    }

    fn unreachable(&self, host: &Host, problem: &str) -> PostgresError {
        PostgresError::Unreachable { server: host.describe(), problem: problem.to_owned() }
    }
}

/// True when the same host may answer otherwise with or without TLS: no rule of `pg_hba.conf` fitted, or TLS itself
/// failed. A wrong password stays wrong and is not sent again in clear.
fn may_differ_with_tls(error: &PostgresError) -> bool {
    match error {
        PostgresError::LoginRefused { problem, .. } => problem.contains("pg_hba.conf"),
        PostgresError::Unreachable { problem, .. } => problem.starts_with("TLS: "),
        _ => false,
    }
}

fn shuffle(hosts: &mut [Host]) {
    for at in (1..hosts.len()).rev() {
        // Without randomness the order stays, which is only less fair.
        let other = getrandom::u32().unwrap_or(u32::MAX) as usize % (at + 1);
        hosts.swap(at, other);
    }
}
