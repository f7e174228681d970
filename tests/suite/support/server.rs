//! A throwaway PostgreSQL cluster that ends with the test process, however that ends.

use super::percent_encode;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock};

/// The superuser's password: hard to quote anywhere, and it must appear in no output, file or argument list.
pub const CANARY: &str = "canary'pw\"d %40$HOME:/@\\é";

/// A major version that tests run against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// The distribution's.
    Distribution,
    /// The newer one that `scripts/setup` unpacks.
    Newer,
    /// The oldest one that is supported, where it could be had.
    Thirteen,
    /// Its successor, where it could be had: a server with the client programs of the distribution.
    Fourteen,
    /// The first one that keeps summaries of its WAL, where it could be had.
    Seventeen,
    /// The newest one, where it could be had.
    Eighteen,
}

impl Version {
    /// All that are here.
    pub fn all() -> Vec<Version> {
        let all = [
            Version::Thirteen,
            Version::Fourteen,
            Version::Distribution,
            Version::Newer,
            Version::Seventeen,
            Version::Eighteen,
        ];
        all.into_iter()
            .filter(|version| version.unpacked().is_none_or(|home| home.join("bin/initdb").exists()))
            .collect()
    }

    /// Where `scripts/setup` unpacks it.
    fn unpacked(self) -> Option<PathBuf> {
        let major = match self {
            Version::Distribution => return None,
            Version::Newer => 16,
            Version::Thirteen => 13,
            Version::Fourteen => 14,
            Version::Seventeen => 17,
            Version::Eighteen => 18,
        };
        Some(Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("target/postgres-{major}")))
    }
}

/// A running server. Dropping it ends it and removes its folder.
pub struct Server {
    /// Which one it is.
    pub version: Version,
    /// Folder of its programs.
    pub bin: PathBuf,
    /// Where it listens, beside the socket in [`Server::socket_dir`].
    pub port: u16,
    dir: PathBuf,
    // Its standard input is the leash: the kernel closes it when this process is gone.
    watchdog: Child,
    log: &'static Mutex<String>,
}

impl Server {
    /// The server that all tests of this process share.
    pub fn shared(version: Version) -> &'static Server {
        static SERVERS: [OnceLock<Server>; 6] = [const { OnceLock::new() }; 6];
        SERVERS[version as usize].get_or_init(|| Server::start(version))
    }

    /// The distribution's server, shared.
    pub fn any() -> &'static Server {
        Server::shared(Version::Distribution)
    }

    /// A server of its own, for tests that hurt it.
    pub fn start(version: Version) -> Server {
        Server::start_with(version, &[])
    }

    /// The same with more settings, each as `name=value`.
    pub fn start_with(version: Version, settings: &[&str]) -> Server {
        let user = unprivileged_user();
        let bin = reachable_programs(version, user.is_some());
        let dir = tempfile::Builder::new().prefix("backstay-pg-").tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
        if let Some((uid, gid)) = user {
            chown(dir.path(), Some(uid), Some(gid)).unwrap();
        }
        initialise(&bin, dir.path(), user);
        for _ in 0..5 {
            if let Some(server) = launch(version, &bin, dir.path(), user, settings) {
                // From now on the watchdog removes it.
                let _ = dir.keep();
                return server;
            }
        }
        panic!("PostgreSQL did not start in {}", dir.path().display());
    }

    /// A server of this version whose data directory somebody else fills, such as a standby. The account that runs it
    /// owns everything there afterwards.
    pub fn with_data(version: Version, fill: impl FnOnce(&Path)) -> Server {
        let user = unprivileged_user();
        let bin = reachable_programs(version, user.is_some());
        let dir = tempfile::Builder::new().prefix("backstay-pg-").tempdir().unwrap();
        let data = dir.path().join("data");
        fs::create_dir(&data).unwrap();
        fill(&data);
        for folder in [dir.path(), &data] {
            fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).unwrap();
        }
        if let Some((uid, gid)) = user {
            let owner = format!("{uid}:{gid}");
            assert!(Command::new("chown").args(["-R", &owner]).arg(dir.path()).status().unwrap().success());
        }
        let server = launch(version, &bin, dir.path(), user, &[]).expect("the port is free");
        let _ = dir.keep();
        server
    }

    /// A server on a data directory that is there, `<dir>/data`, which is its own from now on.
    pub fn start_on(version: Version, dir: &Path, settings: &[&str]) -> Server {
        let user = unprivileged_user();
        let bin = reachable_programs(version, user.is_some());
        let launched = (0..5).find_map(|_| launch(version, &bin, dir, user, settings));
        launched.unwrap_or_else(|| panic!("PostgreSQL did not start in {}", dir.display()))
    }

    /// Its data directory.
    pub fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    /// Gives a path to the account that runs the server.
    pub fn own(&self, path: &Path) {
        if let Some((uid, gid)) = unprivileged_user() {
            chown(path, Some(uid), Some(gid)).unwrap();
        }
    }

    /// Whom servers run as, when that is not us.
    pub fn user() -> Option<(u32, u32)> {
        unprivileged_user()
    }

    /// Folder of its Unix socket.
    pub fn socket_dir(&self) -> PathBuf {
        self.dir.clone()
    }

    /// URL of one of its databases over TCP, password included.
    pub fn url(&self, database: &str) -> String {
        format!("postgresql://postgres:{}@127.0.0.1:{}/{}", percent_encode(CANARY), self.port, percent_encode(database))
    }

    /// A client program of this server's version, connected to `database` by environment.
    pub fn client(&self, program: &str, database: &str) -> Command {
        let mut command = Command::new(self.bin.join(program));
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("LC_ALL", "C.UTF-8")
            .env("PGHOST", "127.0.0.1")
            .env("PGPORT", self.port.to_string())
            .env("PGUSER", "postgres")
            .env("PGPASSWORD", CANARY)
            .env("PGDATABASE", database)
            .stdin(Stdio::null());
        command
    }

    /// What a client program of this server's version prints, connected to `database`.
    pub fn output(&self, program: &str, arguments: &[&str], database: &str) -> Vec<u8> {
        let output = self.client(program, database).args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} {arguments:?} on {database}: {said}");
        output.stdout
    }

    /// Runs SQL in a database and returns what it prints: unaligned, columns separated by `|`, no final newline.
    pub fn psql(&self, database: &str, sql: &str) -> String {
        let mut command = self.client("psql", database);
        // Our texts are UTF-8, whatever the database's encoding is.
        command.env("PGCLIENTENCODING", "UTF8").args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-c", sql]);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{sql} on {database}: {said}");
        String::from_utf8_lossy(&output.stdout).trim_end_matches('\n').to_owned()
    }

    /// The last lines that the server logged.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Process id of the postmaster.
    pub fn pid(&self) -> u32 {
        fs::read_to_string(self.dir.join("data/postmaster.pid")).unwrap().lines().next().unwrap().parse().unwrap()
    }

    /// Restarts it on the same port: `fast` in good order, `immediate` as after a crash.
    pub fn restart(&self, mode: &str) {
        let log = self.dir.join("restarted.log");
        let user = unprivileged_user();
        let output = as_user(&self.bin.join("pg_ctl"), user)
            .args(["restart", "-w", "-m", mode, "-D"])
            .arg(self.data())
            .arg("-l")
            .arg(&log)
            .output()
            .unwrap();
        let said = fs::read_to_string(&log).unwrap_or_default();
        assert!(output.status.success(), "{}\n{said}", String::from_utf8_lossy(&output.stdout));
    }

    /// Ends it as a power failure would.
    pub fn kill(&self) {
        let pids = Command::new("pkill").args(["-KILL", "--parent", &self.pid().to_string()]).status().unwrap();
        let _ = Command::new("kill").args(["-KILL", &self.pid().to_string()]).status().unwrap();
        assert!(pids.code().is_some());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        let _ = self.watchdog.wait();
    }
}

/// Folder of the programs of the distribution.
fn distribution_programs() -> PathBuf {
    let mut found: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .map(|entries| entries.flatten().map(|entry| entry.path().join("bin")).collect())
        .unwrap_or_default();
    found.retain(|bin| bin.join("initdb").exists());
    found.sort();
    found.into_iter().next().unwrap_or_else(|| panic!("no PostgreSQL server here; run `scripts/setup`"))
}

/// Folder of the programs of a version, where an unprivileged user may run them: a checkout under root's home folder is
/// closed to others.
fn reachable_programs(version: Version, other_user: bool) -> PathBuf {
    let Some(home) = version.unpacked() else { return distribution_programs() };
    let open = |path: &Path| fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o005 == 0o005);
    let bin = home.join("bin").canonicalize().unwrap_or_else(|_| panic!("no {version:?} here; run `scripts/setup`"));
    if !other_user || bin.ancestors().all(open) {
        return bin;
    }
    static COPYING: Mutex<()> = Mutex::new(());
    let _one = COPYING.lock().unwrap();
    let name = home.file_name().unwrap().to_str().unwrap();
    let copy = std::env::temp_dir().join(format!("backstay-programs-{}", std::process::id())).join(name);
    if !copy.exists() {
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        let status = Command::new("cp").arg("-a").arg(&home).arg(&copy).status().unwrap();
        assert!(status.success());
        // Programs of another release name their loader by its whole path.
        if copy.join("loader").exists() {
            let script = "for program in bin/*; do patchelf --set-interpreter \"$PWD/loader\" \"$program\"; done";
            let status = Command::new("/bin/sh").args(["-ec", script]).current_dir(&copy).status().unwrap();
            assert!(status.success());
        }
    }
    copy.join("bin").canonicalize().unwrap()
}

/// Whom to run the server as when we are root, which it refuses.
fn unprivileged_user() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let ids = |name: &str| {
        users.lines().find_map(|line| {
            let mut fields = line.split(':');
            let matches = fields.next() == Some(name);
            let (uid, gid) = (fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?);
            matches.then_some((uid, gid))
        })
    };
    Some(ids("postgres").or_else(|| ids("nobody")).unwrap())
}

fn as_user(program: &Path, user: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C.UTF-8").current_dir("/");
    if let Some((uid, gid)) = user {
        command.uid(uid).gid(gid);
    }
    command
}

fn initialise(bin: &Path, dir: &Path, user: Option<(u32, u32)>) {
    let password = dir.join("password");
    fs::write(&password, CANARY).unwrap();
    if let Some((uid, gid)) = user {
        chown(&password, Some(uid), Some(gid)).unwrap();
    }
    let output = as_user(&bin.join("initdb"), user)
        .args(["-U", "postgres", "-A", "scram-sha-256", "-E", "UTF8", "--no-sync", "--data-checksums", "--pwfile"])
        .arg(&password)
        .arg("-D")
        .arg(dir.join("data"))
        .output()
        .unwrap();
    assert!(output.status.success(), "initdb: {}", String::from_utf8_lossy(&output.stderr));
    fs::remove_file(&password).unwrap();
}

/// Starts the server and returns once it accepts connections; `None` when its port was taken meanwhile.
fn launch(
    version: Version,
    bin: &Path,
    dir: &Path,
    user: Option<(u32, u32)>,
    more_settings: &[&str],
) -> Option<Server> {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let settings = [
        "listen_addresses=127.0.0.1",
        "fsync=off",
        "full_page_writes=off",
        "max_connections=200",
        "log_checkpoints=off",
        "autovacuum=off",
    ];
    let mut command = as_user(&bin.join("postgres"), user);
    command.arg("-D").arg(dir.join("data")).arg("-k").arg(dir).args(["-p", &port.to_string()]);
    command.args(settings.iter().chain(more_settings).flat_map(|setting| ["-c", setting]));
    // Its own process group: a Ctrl-C at the terminal ends the tests, and their end ends the server.
    let mut server =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).process_group(0).spawn().unwrap();
    let log: &'static Mutex<String> = Box::leak(Box::default());
    let mut lines = BufReader::new(server.stderr.take().unwrap());
    let mut line = Vec::new();
    loop {
        line.clear();
        if lines.read_until(b'\n', &mut line).unwrap() == 0 {
            let _ = server.wait();
            let said = log.lock().unwrap().clone();
            assert!(said.contains("could not create any TCP/IP sockets"), "PostgreSQL did not start: {said}");
            return None;
        }
        let text = String::from_utf8_lossy(&line);
        log.lock().unwrap().push_str(&text);
        // A standby is ready to accept read-only connections.
        if text.contains("database system is ready to accept") {
            break;
        }
    }
    std::thread::spawn(move || {
        // The pipe is drained to the end: a server that cannot log stops.
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            let mut kept = log.lock().unwrap();
            kept.push_str(&String::from_utf8_lossy(&line));
            let cut = kept.len().saturating_sub(100_000);
            let cut = (cut..=kept.len()).find(|at| kept.is_char_boundary(*at)).unwrap_or(0);
            kept.drain(..cut);
            line.clear();
        }
        let _ = server.wait();
    });
    let watchdog = watch(dir);
    Some(Server { version, bin: bin.to_owned(), port, dir: dir.to_owned(), watchdog, log })
}

/// A child that waits for the end of this process (or of the [`Server`]), then stops the server and removes its folder.
fn watch(dir: &Path) -> Child {
    const SCRIPT: &str = r#"
        read -r _
        pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null)
        if [ -n "$pid" ]; then
            kill -QUIT "$pid" 2>/dev/null
            for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
            kill -KILL "$pid" 2>/dev/null
        fi
        rm -rf "$1" "$2"
    "#;
    let programs = std::env::temp_dir().join(format!("backstay-programs-{}", std::process::id()));
    Command::new("/bin/sh")
        .args(["-c", SCRIPT, "watchdog"])
        .arg(dir)
        .arg(programs)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap()
}
