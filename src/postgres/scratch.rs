//! A throwaway PostgreSQL cluster: made in a folder of its own, reachable by socket only, gone with this process.

use super::PostgresError;
use super::programs::server_folder;
use crate::base::Lookup;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running cluster in a folder. Dropping it ends the server; the folder belongs to the caller.
#[derive(Debug)]
pub struct ScratchServer {
    folder: PathBuf,
    // Its standard input is the leash: the kernel closes it when this process is gone, however it went.
    watchdog: Child,
}

/// Starts the server given as arguments, and ends it when standard input closes.
const WATCHDOG: &str = "\"$@\" & server=$!; read -r _; kill -INT $server; wait $server";

/// How long a fresh server may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);

impl ScratchServer {
    /// Makes a cluster under `folder`, which must exist and have a short path (sockets allow about 100 bytes), and
    /// starts it: of this major version or the nearest newer one, or of any. PostgreSQL refuses to run as root, so root
    /// hands the folder to `postgres` or `nobody`. Only that account and root can reach the server. Blocks for seconds.
    pub fn start(folder: &Path, major: Option<u32>, lookup: &dyn Lookup) -> Result<ScratchServer, PostgresError> {
        let programs = server_folder(lookup, major)?;
        let account = server_account();
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).map_err(failed("prepare"))?;
        for name in ["data", "socket"] {
            fs::create_dir(folder.join(name)).map_err(failed("prepare"))?;
            if let Some((uid, gid)) = account {
                chown(folder.join(name), Some(uid), Some(gid)).map_err(failed("prepare"))?;
            }
        }
        let data = folder.join("data");
        let mut initdb = Command::new(programs.join("initdb"));
        initdb.arg("-D").arg(&data).args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"]);
        let made = lowered(&mut initdb, account).stdin(Stdio::null()).output().map_err(failed("run initdb for"))?;
        if !made.status.success() {
            return Err(said("initdb", &made.stderr));
        }
        let mut watchdog = Command::new("/bin/sh");
        watchdog.args(["-c", WATCHDOG, "sh"]).arg(programs.join("postgres")).arg("-D").arg(&data);
        watchdog.arg("-k").arg(folder.join("socket"));
        // What is restored may be anybody's data, and no password stands before it.
        watchdog.args(["-c", "listen_addresses=", "-c", "unix_socket_permissions=0700"]);
        watchdog.args(["-c", "fsync=off", "-c", "logging_collector=off"]);
        let log = fs::File::create(folder.join("server.log")).map_err(failed("prepare"))?;
        let watchdog = lowered(&mut watchdog, account)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .process_group(0)
            .spawn()
            .map_err(failed("start"))?;
        let mut server = ScratchServer { folder: folder.to_owned(), watchdog };
        server.wait(&programs)?;
        Ok(server)
    }

    /// A URL of one of its databases; nobody needs a password on this socket.
    pub fn url(&self, database: &str) -> String {
        format!("postgresql://postgres@/{database}?host={}", self.folder.join("socket").display())
    }

    fn wait(&mut self, programs: &Path) -> Result<(), PostgresError> {
        let begun = Instant::now();
        loop {
            let mut ask = Command::new(programs.join("pg_isready"));
            ask.arg("-q").arg("-h").arg(self.folder.join("socket"));
            if ask.stdin(Stdio::null()).status().is_ok_and(|status| status.success()) {
                return Ok(());
            }
            let ended = self.watchdog.try_wait().ok().flatten().is_some();
            if ended || begun.elapsed() > PATIENCE {
                let log = fs::read(self.folder.join("server.log")).unwrap_or_default();
                return Err(said("postgres", &log));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for ScratchServer {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        // Its end is all that matters.
        let _ = self.watchdog.wait();
    }
}

/// Whom a server runs as when we are root, by user and group: `postgres` if the machine has it, else `nobody`. `None`: as
/// who we are.
pub fn server_account() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let find = |name: &str| {
        accounts.lines().find_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            (fields.len() > 3 && fields[0] == name).then(|| Some((fields[2].parse().ok()?, fields[3].parse().ok()?)))?
        })
    };
    find("postgres").or_else(|| find("nobody")).or(Some((65_534, 65_534)))
}

pub(super) fn lowered(command: &mut Command, account: Option<(u32, u32)>) -> &mut Command {
    if let Some((uid, gid)) = account {
        command.uid(uid).gid(gid);
    }
    // The folder we stand in may be closed to that account.
    command.current_dir("/")
}

fn failed(operation: &'static str) -> impl Fn(std::io::Error) -> PostgresError {
    move |e| PostgresError::Unreachable {
        server: "a throwaway server".to_owned(),
        problem: format!("cannot {operation} it: {e}"),
    }
}

fn said(program: &str, output: &[u8]) -> PostgresError {
    let text = String::from_utf8_lossy(output);
    let last: Vec<&str> = text.lines().rev().take(5).collect();
    let problem = format!("{program} said: {}", last.into_iter().rev().collect::<Vec<_>>().join(" / "));
    PostgresError::Unreachable { server: "a throwaway server".to_owned(), problem }
}
