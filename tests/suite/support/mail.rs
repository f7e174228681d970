//! A real mail server that keeps what it takes. It ends with the test process, however that ends.

use super::moto::{certificates, program};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};

/// A running mail server. Dropping it ends it.
pub struct MailServer {
    /// Where it listens.
    pub port: u16,
    folder: tempfile::TempDir,
    mails: Arc<Mutex<Vec<serde_json::Value>>>,
    child: Child,
    // The kernel closes it when this process is gone; the server then ends.
    _leash: ChildStdin,
}

impl MailServer {
    /// Starts one that wants `words`: `tls`, `implicit`, `auth`. The password for `backup` is `password`.
    pub fn start(words: &[&str], password: &str) -> MailServer {
        let folder = certificates();
        for _ in 0..5 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let mut child = Command::new(program("python"))
                .arg("-c")
                .arg(include_str!("smtp_starter.py"))
                .arg(port.to_string())
                .args(words)
                .current_dir(folder.path())
                .env("SINK_PASSWORD", password)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let leash = child.stdin.take().unwrap();
            let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
            if lines.next().and_then(Result::ok).as_deref() != Some("ready") {
                continue;
            }
            let mails = Arc::new(Mutex::new(Vec::new()));
            let taken = mails.clone();
            std::thread::spawn(move || {
                for line in lines.map_while(Result::ok) {
                    taken.lock().unwrap().push(serde_json::from_str(&line).unwrap());
                }
            });
            return MailServer { port, folder, mails, child, _leash: leash };
        }
        panic!("the mail server did not start; run `scripts/setup`");
    }

    /// The file with the certificate of who vouches for it.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// What it took so far: `from`, `to`, `text`, `tls`, `login`.
    pub fn mails(&self) -> Vec<serde_json::Value> {
        self.mails.lock().unwrap().clone()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
