//! Files as a revision of git has them. git is asked for objects by name and for nothing else: no hook, no filter, no
//! pager, no network, and nothing of this process's environment but what finds git and the repository.

use std::io::{Read, Write};
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};

/// What git may see of the environment.
const ENVIRONMENT: [&str; 8] = [
    "PATH",
    "HOME",
    "XDG_CONFIG_HOME",
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
];

/// A commit, and the folder in it that paths begin at.
#[derive(Debug, Clone)]
pub struct Revision {
    commit: String,
    folder: String,
}

/// git could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum RevisionError {
    /// git itself cannot be run.
    #[error("git cannot be run: {0}")]
    NoGit(std::io::Error),
    /// git refused.
    #[error("git cannot read `{name}`: {problem}")]
    Refused {
        /// What was asked for.
        name: String,
        /// What git said.
        problem: String,
    },
}

/// What a revision has at a path.
pub enum Entry {
    /// A file.
    File(Vec<u8>),
    /// A folder: its entries by name.
    Folder(Vec<String>),
}

impl Revision {
    /// The revision of this name, seen from the folder of this process; `None` when there is none of the name.
    pub fn find(name: &str) -> Result<Option<Revision>, RevisionError> {
        // What begins with a dash would be an option; no revision does.
        if name.is_empty() || name.starts_with('-') || name.contains(['\0', '\n']) {
            return Ok(None);
        }
        let output = git(&["rev-parse", "--verify", "--quiet", &format!("{name}^{{commit}}")]).output();
        let output = output.map_err(RevisionError::NoGit)?;
        let commit = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        match output.status.code() {
            Some(0) if is_object(&commit) => {}
            Some(1) => return Ok(None),
            _ => return Err(refused(name, &output.stderr)),
        }
        let output = git(&["rev-parse", "--show-prefix"]).output().map_err(RevisionError::NoGit)?;
        let folder = String::from_utf8_lossy(&output.stdout).trim_end_matches('\n').to_owned();
        Ok(Some(Revision { commit, folder }))
    }

    /// The same revision; paths begin at the top of the repository.
    pub fn at_top(self) -> Revision {
        Revision { folder: String::new(), ..self }
    }

    /// What the revision has at a path; `None`: nothing. A link is followed within the revision.
    pub fn entry(&self, path: &str) -> Result<Option<Entry>, RevisionError> {
        let Some(path) = inside(&self.folder, path) else { return Ok(None) };
        let Some((object, kind, bytes)) = self.object(&path)? else { return Ok(None) };
        match kind.as_str() {
            "blob" => Ok(Some(Entry::File(bytes))),
            "tree" => {
                let output = git(&["ls-tree", "-z", "--name-only", &object]).output().map_err(RevisionError::NoGit)?;
                if !output.status.success() {
                    return Err(refused(&path, &output.stderr));
                }
                let names = String::from_utf8_lossy(&output.stdout).into_owned();
                Ok(Some(Entry::Folder(names.split('\0').filter(|n| !n.is_empty()).map(str::to_owned).collect())))
            }
            _ => Ok(None),
        }
    }

    /// The name, kind and bytes of the object at a path from the top.
    fn object(&self, path: &str) -> Result<Option<(String, String, Vec<u8>)>, RevisionError> {
        let mut child = git(&["cat-file", "--batch", "--follow-symlinks"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(RevisionError::NoGit)?;
        let asked = format!("{}:{path}\n", self.commit);
        // A git that ended early answers nothing, which is seen below.
        let _ = child.stdin.take().map(|mut input| input.write_all(asked.as_bytes()));
        let mut answer = Vec::new();
        let limit = super::policy_files::READ_AT_MOST + 1_000;
        let read = child.stdout.take().map(|output| output.take(limit).read_to_end(&mut answer));
        // What is larger than any policy need not be read to its end.
        let _ = child.kill();
        let _ = child.wait();
        read.transpose().map_err(RevisionError::NoGit)?;
        let end = answer.iter().position(|byte| *byte == b'\n').unwrap_or(answer.len());
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        let words: Vec<&str> = head.split(' ').collect();
        let [object, kind, size] = words.as_slice() else { return Ok(None) };
        let (true, Ok(size)) = (is_object(object), size.parse::<usize>()) else { return Ok(None) };
        let mut bytes = answer.split_off((end + 1).min(answer.len()));
        bytes.truncate(size);
        Ok(Some(((*object).to_owned(), (*kind).to_owned(), bytes)))
    }
}

/// git with what keeps it from running or fetching anything.
fn git(words: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.env_clear().stdin(Stdio::null());
    for name in ENVIRONMENT {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
        .env("LC_ALL", "C")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("GIT_NO_REPLACE_OBJECTS", "1")
        .args(["--no-pager", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false"])
        // A folder of the work tree that looks like a repository is none, and no missing object is fetched.
        .args(["-c", "safe.bareRepository=explicit", "-c", "protocol.allow=never"])
        .args(words);
    command
}

fn refused(name: &str, stderr: &[u8]) -> RevisionError {
    let said = String::from_utf8_lossy(stderr);
    let line = said.lines().find(|line| !line.trim().is_empty()).unwrap_or("it gave no reason");
    RevisionError::Refused { name: crate::base::visible(name), problem: crate::base::visible(line) }
}

fn is_object(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// A path from the top of the repository; `None` for one that leads out of it.
fn inside(folder: &str, path: &str) -> Option<String> {
    let mut out = PathBuf::new();
    for part in Path::new(folder).join(path).components() {
        match part {
            Component::Normal(part) => out.push(part),
            Component::CurDir => {}
            Component::ParentDir => {
                if !out.pop() {
                    return None;
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    out.to_str().filter(|path| !path.contains(['\n', '\0'])).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_inside() {
        assert_eq!(inside("", "a/./b/../c.yaml").as_deref(), Some("a/c.yaml"));
        assert_eq!(inside("deploy/", "../base.yaml").as_deref(), Some("base.yaml"));
        assert_eq!(inside("", "../x"), None);
        assert_eq!(inside("a/", "/etc/passwd"), None);
        assert_eq!(inside("", "a\nb"), None);
        assert_eq!(inside("", "").as_deref(), Some(""));
    }
}
