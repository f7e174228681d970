//! Files that start scheduled work: read, written whole or not at all, removed. Where systemd runs and the files are its
//! own, it is told.

use crate::diag::{Code, Explain, codes};
use crate::plan::FoundFile;
use crate::schedule::{Content, wants_folder};
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// No such file is larger.
const LARGEST: u64 = 1 << 20;

/// A file could not be written or removed, or systemd did not take it.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// The operating system refused.
    #[error("cannot {operation} `{path}`: {source}")]
    Refused {
        /// What was tried.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// systemd refused.
    #[error("`systemctl {words}` failed: {problem}")]
    Systemd {
        /// What it was told.
        words: String,
        /// What it said.
        problem: String,
    },
}

impl Explain for InstallError {
    fn code(&self) -> &'static Code {
        &codes::INSTALL_FAILED
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            InstallError::Refused { .. } => {
                "Run `backstay apply --only infra` as a user who may write there, or with `--root DIR` to look first."
                    .to_owned()
            }
            InstallError::Systemd { .. } => {
                "The file is written, so no later plan will name it: run `systemctl daemon-reload` and `systemctl restart UNIT`."
                    .to_owned()
            }
        })
    }
}

/// What stands at a path below `root`; `None` for nothing.
pub fn read_file(root: &Path, path: &str) -> Option<FoundFile> {
    let real = below(root, path);
    let found = fs::symlink_metadata(&real).and_then(|meta| {
        if meta.is_symlink() {
            return Ok(Content::Link(fs::read_link(&real)?.display().to_string()));
        }
        let mut bytes = Vec::new();
        fs::File::open(&real)?.take(LARGEST).read_to_end(&mut bytes)?;
        Ok(Content::Text(String::from_utf8_lossy(&bytes).into_owned()))
    });
    match found {
        Ok(content) => Some(FoundFile::There(content)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => None,
        Err(error) => Some(FoundFile::Unreadable(error.to_string())),
    }
}

/// Writes a file whole, in place of what stood there, and has systemd take it. Returns what was done.
pub fn install_file(root: &Path, path: &str, content: &Content) -> Result<String, InstallError> {
    let real = below(root, path);
    let refused = |operation| {
        let path = real.clone();
        move |source| InstallError::Refused { operation, path, source }
    };
    let folder = real.parent().unwrap_or(root);
    fs::create_dir_all(folder).map_err(refused("create the folder of"))?;
    match content {
        Content::Text(text) => write(folder, &real, text).map_err(refused("write"))?,
        Content::Link(to) => link(&real, to).map_err(refused("write"))?,
    }
    if let Some(unit) = unit(root, &real) {
        systemctl(&["daemon-reload"])?;
        // What is started with the machine is known to systemd once its link stands. A timer reads its times anew when it is
        // started again, and a process its policy.
        if matches!(content, Content::Link(_)) || is_enabled(&real) {
            systemctl(&["restart", &unit])?;
            return Ok(format!("{} written, {unit} started", real.display()));
        }
    }
    Ok(format!("{} written", real.display()))
}

/// Removes a file; nothing to do when it is gone. What is started with the machine is stopped first.
pub fn remove_file(root: &Path, path: &str) -> Result<String, InstallError> {
    let real = below(root, path);
    let unit = unit(root, &real);
    if let Some(unit) = unit.as_deref().filter(|unit| unit.ends_with(".timer") || is_link(&real) || is_enabled(&real)) {
        systemctl(&["stop", unit])?;
    }
    match fs::remove_file(&real) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(source) => return Err(InstallError::Refused { operation: "remove", path: real, source }),
    }
    if unit.is_some() {
        systemctl(&["daemon-reload"])?;
    }
    Ok(format!("{} removed", real.display()))
}

/// Where a path of a policy is. One that does not start with `/` is meant from where the program was started, unless it
/// is looked for below another root.
pub fn below(root: &Path, path: &str) -> PathBuf {
    if path.starts_with('/') || root != Path::new("/") {
        return root.join(path.trim_start_matches('/'));
    }
    PathBuf::from(path)
}

fn write(folder: &Path, real: &Path, text: &str) -> io::Result<()> {
    let mut temporary = tempfile::Builder::new().prefix(".backstay-").tempfile_in(folder)?;
    temporary.write_all(text.as_bytes())?;
    temporary.as_file().set_permissions(fs::Permissions::from_mode(0o644))?;
    temporary.as_file().sync_all()?;
    temporary.persist(real)?;
    fs::File::open(folder)?.sync_all()
}

fn link(real: &Path, to: &str) -> io::Result<()> {
    match fs::remove_file(real) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    std::os::unix::fs::symlink(to, real)
}

/// The unit that a file is, where the systemd of this machine reads it.
fn unit(root: &Path, real: &Path) -> Option<String> {
    let name = real.file_name()?.to_str()?;
    let is_unit = [".service", ".timer"].iter().any(|ending| name.ends_with(ending));
    let is_read = ["/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system"]
        .iter()
        .any(|folder| real.starts_with(folder));
    let runs = || Path::new("/run/systemd/system").is_dir();
    (root == Path::new("/") && is_unit && is_read && runs()).then(|| name.to_owned())
}

fn is_enabled(real: &Path) -> bool {
    let (Some(folder), Some(name)) = (real.parent(), real.file_name()) else { return false };
    is_link(&folder.join(wants_folder(&name.to_string_lossy())).join(name))
}

fn is_link(real: &Path) -> bool {
    fs::symlink_metadata(real).is_ok_and(|meta| meta.is_symlink())
}

fn systemctl(words: &[&str]) -> Result<(), InstallError> {
    let failed = |problem: String| InstallError::Systemd { words: words.join(" "), problem };
    let done = Command::new("systemctl").args(words).output().map_err(|error| failed(error.to_string()))?;
    if done.status.success() {
        return Ok(());
    }
    Err(failed(String::from_utf8_lossy(&done.stderr).trim().to_owned()))
}
