//! Starting the server of a data directory that was restored, and waiting until it has recovered.

use super::PostgresError;
use super::programs::{server_folder, server_major};
use super::scratch::lowered;
use crate::base::Lookup;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Where the server says how it recovers, in its data directory.
const LOG: &str = "backstay-recovery.log";
/// How often it is looked at.
const MOMENT: Duration = Duration::from_millis(200);
/// Most lines of the log that an error shows.
const SHOWN: usize = 6;

/// A server that has recovered and takes connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// When the last transaction that was replayed was committed, as the server's log says it; `None`: none was.
    pub last_transaction: Option<String>,
    /// The timeline that the server is on now.
    pub timeline: u32,
    /// Folder of its socket; empty when it has none.
    pub socket: String,
    /// Its port.
    pub port: u16,
    /// Where its messages go until it is started again.
    pub log: PathBuf,
}

/// Starts the server of a data directory with programs of exactly its major version, as the owner of the directory, and
/// waits until recovery is over, however long that takes. When it fails or is cancelled, no server is left running.
/// `settings` hold for this start only, such as `port=5499`.
pub async fn start_server(
    data: &Path,
    settings: &[String],
    lookup: &dyn Lookup,
    cancel: &CancellationToken,
) -> Result<Recovered, PostgresError> {
    let version = fs::read_to_string(data.join("PG_VERSION")).map_err(|error| failed(data, &error.to_string()))?;
    let major: u32 = version.trim().parse().map_err(|_| failed(data, "`PG_VERSION` holds no version"))?;
    let folder = server_folder(lookup, Some(major))?;
    if server_major(&folder) != Some(major) {
        return Err(PostgresError::ProgramMissing {
            program: "postgres",
            wanted: format!(" of version {major}, which the files need"),
            major: Some(major),
            searched: folder.display().to_string(),
        });
    }
    let known = fs::metadata(data).map_err(|error| failed(data, &error.to_string()))?;
    let account = rustix::process::geteuid().is_root().then(|| (known.uid(), known.gid()));
    let server = Starting { data: data.to_owned(), folder, account };
    let (data, settings) = (data.to_owned(), settings.to_vec());
    let cancel = cancel.clone();
    let recovered = tokio::task::spawn_blocking(move || {
        let recovered = server.start(&settings).and_then(|()| server.wait(&cancel));
        if recovered.is_err() {
            server.stop();
        }
        recovered
    });
    recovered.await.unwrap_or_else(|error| Err(failed(&data, &error.to_string())))
}

/// Stops the server of a data directory, if one runs there. Open sessions are ended. Blocks.
pub fn stop_server(data: &Path, lookup: &dyn Lookup) -> Result<(), PostgresError> {
    let folder = server_folder(lookup, None)?;
    let known = fs::metadata(data).map_err(|error| failed(data, &error.to_string()))?;
    let account = rustix::process::geteuid().is_root().then(|| (known.uid(), known.gid()));
    Starting { data: data.to_owned(), folder, account }.stop();
    Ok(())
}

struct Starting {
    data: PathBuf,
    folder: PathBuf,
    account: Option<(u32, u32)>,
}

impl Starting {
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.folder.join(program));
        command.arg("-D").arg(&self.data).env("LC_ALL", "C").stdin(Stdio::null());
        lowered(&mut command, self.account);
        command
    }

    fn start(&self, settings: &[String]) -> Result<(), PostgresError> {
        let log = self.data.join(LOG);
        // How recovery went is read from there. Nobody is let in before it is over: a server that lets others read
        // meanwhile wants every limit to be as high as it was where the WAL was written, which may be set elsewhere.
        let mut options =
            "-c logging_collector=off -c log_destination=stderr -c lc_messages=C -c hot_standby=off".to_owned();
        // Debian keeps it elsewhere, and so the backup has none; `postgresql.auto.conf` is read all the same.
        if !self.data.join("postgresql.conf").exists() {
            options.push_str(" -c config_file=/dev/null");
        }
        for setting in settings {
            options.push_str(&format!(" -c {}", quoted(setting)));
        }
        let mut start = self.command("pg_ctl");
        start.args(["start", "--silent", "--no-wait", "--log"]).arg(&log).args(["--options", &options]);
        let said = start.stdout(Stdio::null()).stderr(Stdio::null()).status();
        match said {
            Ok(status) if status.success() => Ok(()),
            Ok(_) => Err(self.words("pg_ctl cannot start it")),
            Err(error) => Err(failed(&self.data, &error.to_string())),
        }
    }

    fn wait(&self, cancel: &CancellationToken) -> Result<Recovered, PostgresError> {
        // The program that `pg_ctl` started writes the file of its process a moment later.
        let mut seen = false;
        let mut moments_unseen = 0;
        loop {
            if cancel.is_cancelled() {
                return Err(PostgresError::Lost {
                    server: self.data.display().to_string(),
                    problem: "interrupted".to_owned(),
                });
            }
            let running = self.command("pg_ctl").args(["status"]).stdout(Stdio::null()).status();
            if running.is_ok_and(|status| status.success()) {
                seen = true;
                if let Some(recovered) = self.recovered()? {
                    return Ok(recovered);
                }
            } else {
                moments_unseen += 1;
                if seen || moments_unseen > 50 {
                    return Err(self.words("it ended while it recovered"));
                }
            }
            std::thread::sleep(MOMENT);
        }
    }

    /// `None` while it recovers.
    fn recovered(&self) -> Result<Option<Recovered>, PostgresError> {
        let told = self.command("pg_controldata").stderr(Stdio::null()).output();
        // Without it nobody would ever know.
        let told = told.map_err(|error| failed(&self.data, &format!("`pg_controldata` cannot be run: {error}")))?;
        Ok(self.recovered_as_told(&String::from_utf8_lossy(&told.stdout)))
    }

    fn recovered_as_told(&self, told: &str) -> Option<Recovered> {
        let lines = fs::read_to_string(self.data.join("postmaster.pid")).ok()?;
        let lines: Vec<&str> = lines.lines().map(str::trim).collect();
        if *lines.get(7)? != "ready" {
            return None;
        }
        let value = |name: &str| told.lines().find_map(|line| Some(line.strip_prefix(name)?.trim().to_owned()));
        if value("Database cluster state:")? != "in production" {
            return None;
        }
        Some(Recovered {
            last_transaction: last_transaction(&self.log()),
            timeline: value("Latest checkpoint's TimeLineID:")?.parse().ok()?,
            socket: lines.get(4).copied().unwrap_or_default().to_owned(),
            port: lines.get(3)?.parse().ok()?,
            log: self.data.join(LOG),
        })
    }

    fn stop(&self) {
        if !self.is_ours() {
            return;
        }
        // One that never started cannot be stopped, which is as well.
        let _ = self.command("pg_ctl").args(["stop", "--silent", "--mode=immediate"]).stderr(Stdio::null()).status();
    }

    /// True when the process that the folder names is a server of this very folder. A file that a killed one left may name
    /// a process that is somebody else's by now, such as another server of the same user.
    fn is_ours(&self) -> bool {
        let file = fs::read_to_string(self.data.join("postmaster.pid")).unwrap_or_default();
        let Some(pid) = file.lines().next().and_then(|line| line.trim().parse::<u32>().ok()) else { return false };
        // A server works in its data directory.
        match (fs::read_link(format!("/proc/{pid}/cwd")), self.data.canonicalize()) {
            (Ok(there), Ok(data)) => there == data,
            _ => !Path::new("/proc/self").exists(),
        }
    }

    fn log(&self) -> String {
        fs::read(self.data.join(LOG)).map(|log| String::from_utf8_lossy(&log).into_owned()).unwrap_or_default()
    }

    fn words(&self, what: &str) -> PostgresError {
        let log = self.log();
        let telling: Vec<&str> =
            log.lines().filter(|line| ["FATAL", "PANIC", "ERROR", "HINT"].iter().any(|w| line.contains(w))).collect();
        let shown = &telling[telling.len().saturating_sub(SHOWN)..];
        failed(&self.data, &format!("{what}: {}", shown.join(" / ")))
    }
}

/// The moment in `last completed transaction was at log time 2026-11-27 12:00:00+00`; the last such line counts.
fn last_transaction(log: &str) -> Option<String> {
    let mark = "last completed transaction was at log time ";
    log.lines().rev().find_map(|line| Some(line.split_once(mark)?.1.trim().to_owned()))
}

/// For the shell that `pg_ctl` starts the server by.
fn quoted(setting: &str) -> String {
    format!("'{}'", setting.replace('\'', "'\\''"))
}

fn failed(data: &Path, problem: &str) -> PostgresError {
    PostgresError::Failed {
        program: "the restored server".to_owned(),
        server: data.display().to_string(),
        sqlstate: None,
        problem: problem.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_says_what_was_reached() {
        let log = "LOG:  redo done at 0/3\nLOG:  last completed transaction was at log time 2026-11-27 20:00:01.5+00\nLOG:  x\n";
        assert_eq!(last_transaction(log).as_deref(), Some("2026-11-27 20:00:01.5+00"));
        assert_eq!(last_transaction("LOG:  redo is not required\n"), None);
        assert_eq!(quoted("a=it's"), "'a=it'\\''s'");
    }
}
