//! PostgreSQL's own client programs: where they are, and how one is called.

use super::running::Running;
use super::wrapper::Wrapper;
use super::{Connection, PostgresError};
use crate::base::{Lookup, Secret, Template};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::process::Command;

/// The client programs of one place and version.
#[derive(Clone)]
pub struct Programs {
    place: Place,
    /// Version line of its `psql`, such as `psql (PostgreSQL) 15.18`.
    version: String,
    searched: String,
}

#[derive(Clone)]
enum Place {
    Here(PathBuf),
    Behind(Wrapper),
}

/// Folders where packages put the programs, `*` standing for one name.
const USUAL: [&str; 8] = [
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/local/pgsql*/bin",
    "/opt/homebrew/opt/*/bin",
    "/usr/local/opt/*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
    "/usr/libexec/postgresql*",
    "/opt/postgresql/*/bin",
];

/// How long a wrapper or program may take to say its version.
const PATIENCE: Duration = Duration::from_secs(20);

impl Programs {
    /// All client programs that can be used, best guess first: those behind the first command of `exec` that answers,
    /// or else all that are found on this machine, newest first.
    pub(super) async fn find(exec: &[Vec<Template>], lookup: &dyn Lookup) -> Result<Vec<Programs>, PostgresError> {
        if exec.is_empty() {
            return Programs::find_here(lookup).await;
        }
        let mut problems = Vec::new();
        for argv in exec {
            let wrapper = Wrapper::resolve(argv, lookup)?;
            let label = wrapper.label.clone();
            let searched = format!("`{label}`");
            let mut programs = Programs { place: Place::Behind(wrapper), version: String::new(), searched };
            match programs.version_of("psql").await {
                Ok(version) => {
                    programs.version = version;
                    return Ok(vec![programs]);
                }
                Err(problem) => problems.push(format!("`{label}`: {problem}")),
            }
        }
        Err(PostgresError::WrapperFailed { problem: problems.join("; ") })
    }

    async fn find_here(lookup: &dyn Lookup) -> Result<Vec<Programs>, PostgresError> {
        let (folders, searched) = folders(lookup);
        let mut found: Vec<Programs> = Vec::new();
        for folder in folders {
            let searched = searched.clone();
            let mut programs = Programs { place: Place::Here(folder), version: String::new(), searched };
            if let Ok(version) = programs.version_of("psql").await {
                programs.version = version;
                found.push(programs);
            }
        }
        if found.is_empty() {
            return Err(PostgresError::ProgramMissing {
                program: "psql",
                wanted: String::new(),
                major: None,
                searched,
            });
        }
        // Stable: of equal versions the one found first stays first.
        found.sort_by_key(|programs| std::cmp::Reverse(programs.major()));
        Ok(found)
    }

    /// The best of several for a server: the same major version, else the nearest newer one, else the newest.
    /// `all` is not empty.
    pub(super) fn best<'a>(all: &'a [Programs], server_version: &str) -> &'a Programs {
        let server = major(server_version);
        let fitting = all.iter().filter(|programs| programs.major() >= server);
        // The smallest distance; of equals the first.
        fitting.min_by_key(|programs| programs.major()).unwrap_or(&all[0])
    }

    /// Refuses programs that are older than a server: `pg_dump` would, or would miss things.
    pub(super) fn check(&self, server_version: &str) -> Result<(), PostgresError> {
        if self.major() >= major(server_version) {
            return Ok(());
        }
        Err(PostgresError::ProgramTooOld {
            program: "pg_dump",
            found: version_number(&self.version).to_owned(),
            server_version: server_version.to_owned(),
            searched: self.searched.clone(),
        })
    }

    /// True when the programs run on this machine and can read its files.
    pub fn are_here(&self) -> bool {
        matches!(self.place, Place::Here(_))
    }

    /// Major version, such as 15.
    pub fn major(&self) -> u32 {
        major(version_number(&self.version))
    }

    /// Version line of a program, such as `pg_dump (PostgreSQL) 15.18`.
    pub async fn version_line(&self, program: &'static str) -> Result<String, PostgresError> {
        self.version_of(program).await.map_err(|problem| match &self.place {
            Place::Here(folder) => PostgresError::ProgramMissing {
                program,
                wanted: format!(" of version {} ({problem})", self.major()),
                major: Some(self.major()),
                searched: folder.display().to_string(),
            },
            Place::Behind(wrapper) => {
                PostgresError::WrapperFailed { problem: format!("`{} {program}`: {problem}", wrapper.label) }
            }
        })
    }

    async fn version_of(&self, program: &'static str) -> Result<String, String> {
        let mut command = self.command(program, &["--version".to_owned()]);
        command.stdin(std::process::Stdio::piped()).kill_on_drop(true).process_group(0);
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        let asked = async {
            let mut child = command.spawn().map_err(|error| error.to_string())?;
            if let (Some(mut stdin), Some(line)) = (child.stdin.take(), self.preamble(None)) {
                // A command that is gone already says why on its standard error.
                let _ = tokio::io::AsyncWriteExt::write_all(&mut stdin, &line).await;
            }
            child.wait_with_output().await.map_err(|error| error.to_string())
        };
        let output = tokio::time::timeout(PATIENCE, asked).await.map_err(|_| "it does not answer".to_owned())??;
        let line = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if output.status.success() && line.contains("(PostgreSQL)") {
            return Ok(line);
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(match (output.status.code(), said.is_empty()) {
            (Some(97), _) => "standard input is not passed through".to_owned(),
            (_, false) => said,
            (Some(code), true) => format!("it exited with status {code}"),
            (None, true) => "it was ended by a signal".to_owned(),
        })
    }

    /// Starts a program. Whatever the connection holds reaches it without standing in an argument list, as far as it
    /// is secret.
    pub(super) async fn start(
        &self,
        program: &'static str,
        arguments: &[String],
        connection: &Connection,
    ) -> Result<Running, PostgresError> {
        let mut command = self.command(program, arguments);
        let password = connection.password().map(Secret::expose);
        if let (Place::Here(_), Some(password)) = (&self.place, password) {
            command.env("PGPASSWORD", password);
        }
        if connection.names_host() {
            // It would redirect a connection whose host the policy names.
            command.env_remove("PGHOSTADDR");
        }
        Running::start(program, command, self.preamble(password), connection).await
    }

    fn preamble(&self, password: Option<&str>) -> Option<Vec<u8>> {
        matches!(self.place, Place::Behind(_)).then(|| Wrapper::preamble(password))
    }

    fn command(&self, program: &str, arguments: &[String]) -> Command {
        match &self.place {
            Place::Here(folder) => {
                let mut command = Command::new(folder.join(program));
                // English words, no colours; and a dump in the database's own encoding.
                command.args(arguments).env("LC_ALL", "C").env_remove("PGCLIENTENCODING").env("PG_COLOR", "never");
                command
            }
            Place::Behind(wrapper) => {
                let argv = wrapper.command(program, arguments);
                let mut command = Command::new(&argv[0]);
                command.args(&argv[1..]);
                command
            }
        }
    }
}

/// `15.18` of `psql (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
fn version_number(line: &str) -> &str {
    line.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit())).unwrap_or_default()
}

/// 15 of `15.18`, 16 of `16beta1`; before version 10 the first number alone.
fn major(version: &str) -> u32 {
    let digits = version.find(|c: char| !c.is_ascii_digit()).map_or(version, |end| &version[..end]);
    digits.parse().unwrap_or(0)
}

/// Folders that have a `psql`, those of the PATH first, and the words for where was looked.
fn folders(lookup: &dyn Lookup) -> (Vec<PathBuf>, String) {
    let has_psql = |folder: &PathBuf| folder.join("psql").is_file();
    if let Some(only) = lookup.env("BACKSTAY_PG_BIN").filter(|folder| !folder.is_empty()) {
        let searched = format!("{only} (BACKSTAY_PG_BIN)");
        return (vec![PathBuf::from(only)].into_iter().filter(has_psql).collect(), searched);
    }
    let path = lookup.env("PATH").unwrap_or_default();
    let mut all: Vec<PathBuf> = path.split(':').filter(|folder| !folder.is_empty()).map(PathBuf::from).collect();
    // Debian's /usr/bin/psql is a script that chooses a version by the clusters of this machine; we choose ourselves.
    all.retain(|folder| folder.join("psql").canonicalize().is_ok_and(|real| !real.ends_with("pg_wrapper")));
    all.extend(USUAL.iter().flat_map(|pattern| matching_folders(pattern)));
    all.retain(has_psql);
    let mut seen = std::collections::BTreeSet::new();
    all.retain(|folder| seen.insert(folder.canonicalize().unwrap_or_else(|_| folder.clone())));
    (all, "the PATH, /usr/lib/postgresql and the other usual folders".to_owned())
}

/// The folder with the programs that make and run a cluster: those of this major version or the nearest newer one, or
/// those found first when none is asked for.
pub(super) fn server_folder(lookup: &dyn Lookup, wanted: Option<u32>) -> Result<PathBuf, PostgresError> {
    let (all, searched) = folders(lookup);
    let complete =
        |folder: &PathBuf| ["initdb", "postgres", "pg_isready"].iter().all(|name| folder.join(name).is_file());
    let mut complete = all.into_iter().filter(complete);
    let found = match wanted {
        None => complete.next(),
        Some(major) => {
            let fitting = complete.filter_map(|folder| Some((server_major(&folder)?, folder)));
            let fitting = fitting.filter(|(found, _)| *found >= major);
            fitting.min_by_key(|(found, _)| *found).map(|(_, folder)| folder)
        }
    };
    found.ok_or(PostgresError::ProgramMissing {
        program: "initdb",
        wanted: wanted.map(|major| format!(" of version {major} or newer")).unwrap_or_default(),
        major: wanted,
        searched,
    })
}

/// Major version of the server program in a folder.
pub(super) fn server_major(folder: &Path) -> Option<u32> {
    let asked = std::process::Command::new(folder.join("postgres")).arg("--version").output().ok()?;
    Some(major(version_number(&String::from_utf8_lossy(&asked.stdout)))).filter(|major| *major > 0)
}

/// Folders that match a path with one `*` in it, newest name first.
fn matching_folders(pattern: &str) -> Vec<PathBuf> {
    let Some((before, after)) = pattern.split_once('*') else { return vec![PathBuf::from(pattern)] };
    let (parent, prefix) = before.rsplit_once('/').unwrap_or(("", before));
    let Ok(entries) = std::fs::read_dir(Path::new(parent)) else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path().join(after.trim_start_matches('/')))
        .collect();
    found.sort();
    found.reverse();
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;

    fn of(version: &str) -> Programs {
        Programs {
            place: Place::Here(PathBuf::from(version)),
            version: format!("psql (PostgreSQL) {version}"),
            searched: "here".to_owned(),
        }
    }

    #[test]
    fn the_same_major_wins_and_else_the_nearest_newer() {
        let all = [of("18.4"), of("16.11"), of("15.2"), of("15.20"), of("9.6.24")];
        let best = |server: &str| version_number(&Programs::best(&all, server).version).to_owned();
        assert_eq!(best("15.99"), "15.2");
        assert_eq!(best("17.1"), "18.4");
        assert_eq!(best("9.5.1"), "9.6.24");
        let error = Programs::best(&all, "19beta1").check("19beta1").unwrap_err().to_string();
        assert!(error.contains("18.4") && error.contains("19beta1"), "{error}");
    }

    #[test]
    fn versions_are_read() {
        assert_eq!(version_number("psql (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)"), "15.20");
        assert_eq!(major("16beta1"), 16);
        assert_eq!(major(""), 0);
    }
}
