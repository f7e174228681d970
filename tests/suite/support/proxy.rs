//! What lies between a client and a server of HTTP: a proxy that counts requests and lets a test choose, request by
//! request, what becomes of it.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It passes.
    Pass,
    /// So many of its bytes pass, then the line is cut.
    CutRequest(usize),
    /// It passes, and so many bytes of the answer, then the line is cut.
    CutAnswer(usize),
    /// It passes, is carried out, and the answer is lost.
    LoseAnswer,
    /// The proxy answers in the server's place.
    Status(u16),
    /// It passes after a while.
    Wait(Duration),
}

type Choose = Box<dyn FnMut(usize, &str) -> Fate + Send>;

struct Shared {
    server: u16,
    choose: Mutex<Choose>,
    lines: Mutex<Vec<String>>,
    is_down: AtomicBool,
    forgotten: Mutex<Vec<String>>,
}

/// A running proxy; its threads end with the process.
pub struct Proxy {
    /// Where it listens.
    pub port: u16,
    shared: Arc<Shared>,
}

impl Proxy {
    /// Starts one in front of a server of this machine; everything passes.
    pub fn before(server: u16) -> Proxy {
        let shared = Arc::new(Shared {
            server,
            choose: Mutex::new(Box::new(|_, _| Fate::Pass)),
            lines: Mutex::default(),
            is_down: AtomicBool::new(false),
            forgotten: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shares = shared.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let shared = shares.clone();
                std::thread::spawn(move || drop(connection(client, &shared)));
            }
        });
        Proxy { port, shared }
    }

    /// From now on the closure chooses; it is given the number of the request from 1, and its first line.
    pub fn choose(&self, choose: impl FnMut(usize, &str) -> Fate + Send + 'static) {
        self.shared.lines.lock().unwrap().clear();
        *self.shared.choose.lock().unwrap() = Box::new(choose);
    }

    /// Cuts every line, and lets nobody through until it is up again.
    pub fn set_down(&self, is_down: bool) {
        self.shared.is_down.store(is_down, Ordering::SeqCst);
    }

    /// From now on these headers, in lower case, do not reach the server under their names, as if it did not know them.
    pub fn forget_headers(&self, names: &[&str]) {
        *self.shared.forgotten.lock().unwrap() = names.iter().map(|name| (*name).to_owned()).collect();
    }

    /// First lines of the requests since `choose`, such as `GET /bucket/key HTTP/1.1`.
    pub fn requests(&self) -> Vec<String> {
        self.shared.lines.lock().unwrap().clone()
    }
}

/// What becomes of the answers on a connection.
struct Answers {
    fate: Mutex<Fate>,
}

fn connection(mut client: TcpStream, shared: &Arc<Shared>) -> std::io::Result<()> {
    if shared.is_down.load(Ordering::SeqCst) {
        return client.shutdown(Shutdown::Both);
    }
    let mut server = TcpStream::connect(("127.0.0.1", shared.server))?;
    let answers = Arc::new(Answers { fate: Mutex::new(Fate::Pass) });
    let back = {
        let (from, to, answers, shared) = (server.try_clone()?, client.try_clone()?, answers.clone(), shared.clone());
        std::thread::spawn(move || answer(from, to, &answers, &shared))
    };
    let passed = requests(&mut client, &mut server, &answers, shared);
    // A client that has said everything still waits for the answer.
    let _ = server.shutdown(if passed.is_ok() { Shutdown::Write } else { Shutdown::Both });
    if passed.is_err() {
        let _ = client.shutdown(Shutdown::Both);
    }
    let _ = back.join();
    Ok(())
}

fn cut() -> std::io::Error {
    std::io::Error::other("cut")
}

/// Reads requests one after the other and does with each as is chosen. An error: the line is to be cut.
fn requests(client: &mut TcpStream, server: &mut TcpStream, answers: &Answers, shared: &Shared) -> std::io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    let mut pending = Vec::new();
    loop {
        let head_end = loop {
            if let Some(at) = pending.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            match client.read(&mut buffer)? {
                0 => return Ok(()),
                n => pending.extend_from_slice(&buffer[..n]),
            }
        };
        let head = String::from_utf8_lossy(&pending[..head_end]).into_owned();
        let line = head.lines().next().unwrap_or_default().to_owned();
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
        });
        let number = {
            let mut lines = shared.lines.lock().unwrap();
            lines.push(line.clone());
            lines.len()
        };
        forget(&mut pending[..head_end], &shared.forgotten.lock().unwrap());
        let fate = (shared.choose.lock().unwrap())(number, &line);
        if let Fate::Wait(time) = fate {
            std::thread::sleep(time);
        }
        *answers.fate.lock().unwrap() = fate;
        let mut allowed = if let Fate::CutRequest(bytes) = fate { bytes } else { usize::MAX };
        let mut left = head_end + length.unwrap_or(0);
        let is_answered_here = matches!(fate, Fate::Status(_));
        while left > 0 {
            if pending.is_empty() {
                match client.read(&mut buffer)? {
                    0 => return Err(cut()),
                    n => pending.extend_from_slice(&buffer[..n]),
                }
            }
            if shared.is_down.load(Ordering::SeqCst) {
                return Err(cut());
            }
            let now = pending.len().min(left).min(allowed);
            if !is_answered_here {
                server.write_all(&pending[..now])?;
            }
            pending.drain(..now);
            left -= now;
            allowed -= now;
            if allowed == 0 {
                return Err(cut());
            }
        }
        if let Fate::Status(status) = fate {
            write!(client, "HTTP/1.1 {status} Chosen\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
            return Err(cut());
        }
    }
}

/// Gives headers another name of the same length. The signature would be wrong, so such a server must not check it.
fn forget(head: &mut [u8], names: &[String]) {
    for name in names {
        let pattern = format!("\r\n{name}:");
        let found = head.windows(pattern.len()).position(|window| window.eq_ignore_ascii_case(pattern.as_bytes()));
        if let Some(at) = found {
            head[at + 2..at + 2 + name.len()].fill(b'x');
        }
    }
}

fn answer(mut server: TcpStream, mut client: TcpStream, answers: &Answers, shared: &Shared) {
    let mut buffer = vec![0; 64 << 10];
    let mut passed = 0;
    let mut last = Fate::Pass;
    while let Ok(n @ 1..) = server.read(&mut buffer) {
        let fate = *answers.fate.lock().unwrap();
        if fate != last {
            (passed, last) = (0, fate);
        }
        let now = match fate {
            Fate::LoseAnswer => 0,
            Fate::CutAnswer(bytes) => n.min(bytes.saturating_sub(passed)),
            _ => n,
        };
        passed += now;
        if client.write_all(&buffer[..now]).is_err() || now < n || shared.is_down.load(Ordering::SeqCst) {
            break;
        }
    }
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
}
