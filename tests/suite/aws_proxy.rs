//! A proxy that the environment names is gone through, also where a file says who vouches for servers, as in companies that
//! have both.

use crate::support::{Account, Moto};
use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

const POLICY: &str = r"
version: 1
name: shop
storage:
  vault: { type: s3, bucket: shop-proxied, region: eu-west-1, manage: { create: true } }
tiers:
  daily: { schedule: manual, copies: [{ to: vault, keep: 7d }] }
databases:
  app: { connection: '${env:DATABASE_URL}', tiers: [daily] }
";

/// A proxy that connects whom it is asked for, and remembers whom. Its threads end with the process.
struct Tunnel {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Tunnel {
    fn start() -> Tunnel {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let tunnel = Tunnel { port: listener.local_addr().unwrap().port(), asked: Arc::default() };
        let asked = tunnel.asked.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let asked = asked.clone();
                std::thread::spawn(move || carry(client, &asked));
            }
        });
        tunnel
    }
}

fn carry(mut client: TcpStream, asked: &Mutex<Vec<String>>) -> Option<()> {
    let mut lines = BufReader::new(client.try_clone().ok()?).lines();
    let line = lines.next()?.ok()?;
    let server = line.strip_prefix("CONNECT ")?.split(' ').next()?.to_owned();
    asked.lock().unwrap().push(server.clone());
    // The client says nothing more before it is answered.
    lines.by_ref().map_while(Result::ok).take_while(|line| !line.is_empty()).for_each(drop);
    let server = TcpStream::connect(server).ok()?;
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok()?;
    let (mut from, mut to) = (client.try_clone().ok()?, server.try_clone().ok()?);
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    let _ = std::io::copy(&mut &server, &mut client);
    client.shutdown(Shutdown::Both).ok()
}

#[test]
fn a_proxy_is_gone_through_also_with_an_authority_of_ones_own() {
    let account = Account::in_emulation(Moto::start_with_tls(), POLICY);
    let tunnel = Tunnel::start();
    let proxy = format!("http://127.0.0.1:{}", tunnel.port);
    let root = crate::support::Login::root();
    let apply =
        |proxy: &str| account.call(&root, &["apply", "--yes", "--only", "infra"]).env("HTTPS_PROXY", proxy).run();
    apply(&proxy).expect(0);
    let asked = tunnel.asked.lock().unwrap();
    let server = format!("127.0.0.1:{}", account.moto.port);
    assert!(!asked.is_empty() && asked.iter().all(|name| *name == server), "{asked:?}");
    // And not around one that is away.
    let away = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    apply(&format!("http://127.0.0.1:{away}")).expect(1);
}
