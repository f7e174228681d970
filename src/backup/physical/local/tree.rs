//! The files of a data directory or of a tablespace.

use super::excluded::{in_database, is_kept_empty, is_left_out, is_of_database};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The file that is read last: what it says must not be older than what was read before.
pub(super) const CONTROL: &str = "global/pg_control";

/// What there is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    /// Relative to the root.
    pub(super) path: String,
    pub(super) is_folder: bool,
}

/// Everything of a root that belongs into a backup, each folder before what is in it; without `pg_control`. Blocks.
pub(super) struct Tree {
    pub(super) nodes: Vec<Node>,
    /// What is neither file nor folder and was passed over.
    pub(super) special: Vec<String>,
}

impl Tree {
    /// The data directory.
    pub(super) fn of_data(root: &Path) -> io::Result<Tree> {
        let mut tree = Tree { nodes: Vec::new(), special: Vec::new() };
        tree.add_content(root, "")?;
        tree.add_folder("pg_wal/archive_status");
        if root.join("pg_wal/summaries").is_dir() {
            tree.add_folder("pg_wal/summaries");
        }
        Ok(tree)
    }

    /// A tablespace of a server of this major version.
    pub(super) fn of_tablespace(root: &Path, major: u32) -> io::Result<Tree> {
        let mut tree = Tree { nodes: Vec::new(), special: Vec::new() };
        let start = format!("PG_{major}_");
        for name in names(root)?.iter().filter(|name| name.starts_with(&start)) {
            if root.join(name).is_dir() {
                tree.add_folder(name);
                tree.add_content(root, name)?;
            }
        }
        Ok(tree)
    }

    fn add_folder(&mut self, path: &str) {
        self.nodes.push(Node { path: path.to_owned(), is_folder: true });
    }

    fn add_content(&mut self, root: &Path, folder: &str) -> io::Result<()> {
        let all = match names(&root.join(folder)) {
            // Dropped while it was looked at; replay does the same.
            Err(error) if error.kind() == io::ErrorKind::NotFound && !folder.is_empty() => return Ok(()),
            all => all?,
        };
        let all: BTreeSet<&str> = all.iter().map(String::as_str).collect();
        let wanted = if is_of_database(folder) { in_database(&all) } else { all.into_iter().collect() };
        for name in wanted {
            let path = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
            if is_left_out(&path) || path == CONTROL {
                continue;
            }
            let Some(kind) = kind(&root.join(&path), folder.is_empty() && name == "pg_wal")? else { continue };
            match kind {
                Kind::Folder => {
                    self.add_folder(&path);
                    if !(folder.is_empty() && is_kept_empty(name)) {
                        self.add_content(root, &path)?;
                    }
                }
                Kind::File => self.nodes.push(Node { path, is_folder: false }),
                Kind::Special => self.special.push(path),
            }
        }
        Ok(())
    }
}

enum Kind {
    File,
    Folder,
    Special,
}

/// What a path is; `None` when it went away. `pg_wal` may be a link to a folder elsewhere.
fn kind(path: &Path, follows: bool) -> io::Result<Option<Kind>> {
    let meta = if follows { fs::metadata(path) } else { fs::symlink_metadata(path) };
    match meta {
        Ok(meta) if meta.is_dir() => Ok(Some(Kind::Folder)),
        Ok(meta) if meta.is_file() => Ok(Some(Kind::File)),
        Ok(_) => Ok(Some(Kind::Special)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(said_of(path, &error)),
    }
}

fn names(folder: &Path) -> io::Result<BTreeSet<String>> {
    let entries = fs::read_dir(folder).map_err(|error| said_of(folder, &error))?;
    let name = |entry: io::Result<fs::DirEntry>| {
        let entry = entry.map_err(|error| said_of(folder, &error))?;
        entry.file_name().into_string().map_err(|name| {
            let name = PathBuf::from(name);
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("the name of `{}` is not UTF-8", folder.join(name).display()),
            )
        })
    };
    entries.map(name).collect()
}

/// An error that names what it is about.
pub(super) fn said_of(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot read `{}`: {error}", path.display()))
}
