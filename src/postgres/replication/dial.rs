//! From a place to an open socket.

use super::account::name_of;
use super::hosts::{Host, Way};
use super::login::{Login, invalid};
use crate::base::Lookup;
use crate::postgres::PostgresError;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

/// What carries bytes to a server and back.
pub(super) trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}

/// One address that a host stands for, tried by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    /// A socket file.
    Socket(std::path::PathBuf),
    /// An address and port.
    Tcp(SocketAddr),
}

/// What keeps a connection from hanging on a peer that is gone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Liveness {
    /// Gives up an attempt after this; `None` waits for ever.
    pub(super) connect: Option<Duration>,
    keepalive: Option<(Option<Duration>, Option<Duration>, Option<u32>)>,
    user_timeout: Option<Duration>,
}

impl Liveness {
    /// As the parameters of a login say, with libpq's meaning of zero.
    pub(super) fn of(login: &Login) -> Result<Liveness, PostgresError> {
        let seconds = |name| {
            let number = login.number(name)?.filter(|number| *number > 0);
            Ok::<_, PostgresError>(number.map(|number| Duration::from_secs(number.unsigned_abs())))
        };
        let wanted = login.number("keepalives")?.unwrap_or(1) != 0;
        let count =
            login.number("keepalives_count")?.and_then(|count| u32::try_from(count).ok()).filter(|count| *count > 0);
        let user_timeout = login.number("tcp_user_timeout")?.filter(|number| *number > 0);
        Ok(Liveness {
            // One second is taken for two, as by libpq: clocks are coarse.
            connect: seconds("connect_timeout")?.map(|limit| limit.max(Duration::from_secs(2))),
            keepalive: if wanted {
                Some((seconds("keepalives_idle")?, seconds("keepalives_interval")?, count))
            } else {
                None
            },
            user_timeout: user_timeout.map(|number| Duration::from_millis(number.unsigned_abs())),
        })
    }

    fn set(&self, stream: &TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let socket = socket2::SockRef::from(stream);
        if let Some((idle, interval, count)) = self.keepalive {
            let mut wanted = socket2::TcpKeepalive::new();
            if let Some(idle) = idle {
                wanted = wanted.with_time(idle);
            }
            if let Some(interval) = interval {
                wanted = wanted.with_interval(interval);
            }
            if let Some(count) = count {
                wanted = wanted.with_retries(count);
            }
            socket.set_tcp_keepalive(&wanted)?;
        }
        #[cfg(target_os = "linux")]
        if self.user_timeout.is_some() {
            socket.set_tcp_user_timeout(self.user_timeout)?;
        }
        Ok(())
    }
}

/// Every address of a host. Asks the name service.
pub(super) async fn addresses(host: &Host) -> Result<Vec<Address>, PostgresError> {
    let unreachable = |problem: String| PostgresError::Unreachable { server: host.describe(), problem };
    let of_ip = |ip: IpAddr| Address::Tcp(SocketAddr::new(ip, host.port));
    Ok(match &host.way {
        Way::Socket(path) => vec![Address::Socket(path.clone())],
        Way::Address(ip) => vec![of_ip(*ip)],
        Way::Name(name) => {
            let found = tokio::net::lookup_host((name.as_str(), host.port)).await;
            let found: Vec<Address> = found
                .map_err(|e| unreachable(format!("its name cannot be resolved: {e}")))?
                .map(Address::Tcp)
                .collect();
            if found.is_empty() {
                return Err(unreachable("its name has no address".to_owned()));
            }
            found
        }
    })
}

/// A socket to an address.
pub(super) enum Socket {
    /// On this machine.
    Unix(UnixStream),
    /// Over the network.
    Tcp(TcpStream),
}

/// Opens a socket to an address and checks whom it leads to, where `requirepeer` asks for that.
pub(super) async fn dial(
    address: &Address,
    liveness: &Liveness,
    login: &Login,
    lookup: &dyn Lookup,
    server: &str,
) -> Result<Socket, PostgresError> {
    let unreachable = |problem: String| PostgresError::Unreachable { server: server.to_owned(), problem };
    match address {
        Address::Tcp(address) => {
            let stream = TcpStream::connect(address).await.map_err(|e| unreachable(e.to_string()))?;
            liveness.set(&stream).map_err(|e| unreachable(e.to_string()))?;
            Ok(Socket::Tcp(stream))
        }
        Address::Socket(path) => {
            let told = path.display().to_string().replace('\0', "@");
            let stream = UnixStream::connect(path).await.map_err(|e| unreachable(format!("{told}: {e}")))?;
            if let Some(wanted) = login.get("requirepeer") {
                let peer = stream.peer_cred().map_err(|e| unreachable(e.to_string()))?;
                let name = name_of(peer.uid(), lookup).unwrap_or_else(|| peer.uid().to_string());
                if name != wanted {
                    return Err(invalid(format!("`requirepeer` wants `{wanted}`, and the server runs as `{name}`")));
                }
            }
            Ok(Socket::Unix(stream))
        }
    }
}
