//! Files of an old system, read for what they say: few, small, and none behind a link.

use crate::moving::OldFile;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Folders inside folders that are looked into.
const DEPTH: usize = 5;
/// Files that are read.
const MOST: usize = 1_000;
/// The longest of them.
const MAX_BYTES: u64 = 1 << 20;
/// Folders that hold other people's files.
const PASSED_OVER: [&str; 5] = [".git", "node_modules", "target", "vendor", ".venv"];
/// Endings of files that may say something.
const ENDINGS: [&str; 13] = [
    ".sh", ".bash", ".env", ".example", ".yml", ".yaml", ".cron", ".timer", ".service", ".conf", ".json", ".cfg",
    ".txt",
];

/// The named files, and those of the named folders, by name. The error names what cannot be read; inside a folder that
/// is passed over.
pub(super) fn old_files(files: &[PathBuf], folders: &[PathBuf]) -> Result<Vec<OldFile>, (PathBuf, io::Error)> {
    let mut all = Vec::new();
    for path in files {
        all.push(read(path).map_err(|problem| (path.clone(), problem))?);
    }
    // One that is named and lies in a folder, too, is read once.
    let same = |path: &Path| path.canonicalize().ok();
    let named: Vec<Option<PathBuf>> = files.iter().map(|path| same(path)).collect();
    for folder in folders {
        let mut paths = Vec::new();
        collect(folder, DEPTH, &mut paths).map_err(|problem| (folder.clone(), problem))?;
        paths.retain(|path| !named.contains(&same(path)));
        paths.sort();
        all.extend(paths.iter().take(MOST).filter_map(|path| read(path).ok()));
    }
    Ok(all)
}

fn collect(folder: &Path, depth: usize, paths: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (kind, name) = (entry.file_type()?, entry.file_name().to_string_lossy().into_owned());
        if kind.is_dir() && depth > 0 && !PASSED_OVER.contains(&name.as_str()) {
            // One that may not be looked into says nothing.
            let _ = collect(&entry.path(), depth - 1, paths);
        } else if kind.is_file() && may_say_something(&name) {
            paths.push(entry.path());
        }
    }
    Ok(())
}

fn may_say_something(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let has_ending = ENDINGS.iter().any(|ending| name.ends_with(ending));
    has_ending || ["cron", "env", "backup"].iter().any(|word| name.contains(word) && !name.contains(".gz"))
}

fn read(path: &Path) -> io::Result<OldFile> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(MAX_BYTES).read_to_end(&mut bytes)?;
    Ok(OldFile { name: path.display().to_string(), text: String::from_utf8_lossy(&bytes).into_owned() })
}
