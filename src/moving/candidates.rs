//! Which files of a folder are old dumps, and which small files go with each.

use super::pattern::{Named, Pattern};
use jiff::tz::TimeZone;
use std::collections::BTreeSet;

/// A file whose name fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its key.
    pub key: String,
    /// What its name says, or what is wrong with that.
    pub named: Result<Named, String>,
    /// Keys of small files about it.
    pub beside: Vec<String>,
}

/// Endings of files that speak of the file whose name stands before.
const ABOUT: [&str; 5] = [".sha256", ".sha1", ".sha512", ".md5", ".meta"];
/// Endings of files that are no dump and speak of nothing.
const NO_DUMPS: [&str; 2] = [".log", ".tmp"];
/// What a name loses to become what a script calls the backup.
const LAYERS: [&str; 16] = [
    ".gpg", ".pgp", ".asc", ".age", ".gz", ".zst", ".zstd", ".xz", ".bz2", ".sql", ".dump", ".pgdump", ".custom",
    ".backup", ".tar", ".bak",
];

/// Sorts out the keys below `prefix`: what the pattern means, and the rest. `is_ours` tells what belongs to the
/// repository and is neither. The pattern is about what follows the prefix.
pub fn candidates(
    keys: &[String],
    prefix: &str,
    pattern: &Pattern,
    zone: &TimeZone,
    is_ours: impl Fn(&str) -> bool,
) -> (Vec<Candidate>, Vec<String>) {
    let all: BTreeSet<&str> = keys.iter().map(String::as_str).collect();
    let mut candidates = Vec::new();
    let mut others = Vec::new();
    for key in &all {
        let Some(name) = key.strip_prefix(prefix) else { continue };
        if is_ours(key) {
            continue;
        }
        let is_dump = !ABOUT.iter().chain(&NO_DUMPS).any(|ending| key.ends_with(ending));
        match pattern.read(name, zone).filter(|_| is_dump) {
            Some(named) => candidates.push(Candidate { key: (*key).to_owned(), named, beside: beside(key, &all) }),
            None => others.push((*key).to_owned()),
        }
    }
    let taken: BTreeSet<&str> = candidates.iter().flat_map(|c| &c.beside).map(String::as_str).collect();
    let others = others.iter().filter(|key| !taken.contains(key.as_str())).cloned().collect();
    (candidates, others)
}

/// Small files about a dump: its name and an ending, or what the script calls the backup and `.meta`.
fn beside(key: &str, all: &BTreeSet<&str>) -> Vec<String> {
    let mut stem = key;
    while let Some(shorter) = LAYERS.iter().find_map(|layer| stem.strip_suffix(layer)) {
        stem = shorter;
    }
    let mut names: Vec<String> = ABOUT.iter().map(|ending| format!("{key}{ending}")).collect();
    names.push(format!("{stem}.meta"));
    names.dedup();
    names.retain(|name| all.contains(name.as_str()));
    names
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;

    #[test]
    fn dumps_take_along_what_speaks_of_them_and_nothing_else() {
        let keys: Vec<String> = [
            "prod/s_20251029_120000.sql.gz",
            "prod/s_20251029_120000.sql.gz.sha256",
            "prod/s_20251029_120000.sql.gz.meta",
            "prod/s_20251030_120000.sql.gz",
            "prod/s_20251030_120000.meta",
            "prod/s_20251031_120000.sql.gz.sha256",
            "prod/s_20251031_990000.sql.gz",
            "prod/backup.log",
            "other/s_20251029_120000.sql.gz",
            "prod/data/x",
        ]
        .map(str::to_owned)
        .into();
        let pattern = Pattern::parse("s_{timestamp}*").unwrap();
        let (found, others) = candidates(&keys, "prod/", &pattern, &TimeZone::UTC, |key| key.starts_with("prod/data/"));
        let told: Vec<(&str, bool, Vec<&str>)> = found
            .iter()
            .map(|c| (c.key.as_str(), c.named.is_ok(), c.beside.iter().map(|key| &key[23..]).collect()))
            .collect();
        assert_eq!(
            told,
            [
                ("prod/s_20251029_120000.sql.gz", true, vec!["sql.gz.sha256", "sql.gz.meta"]),
                ("prod/s_20251030_120000.sql.gz", true, vec!["meta"]),
                ("prod/s_20251031_990000.sql.gz", false, vec![]),
            ]
        );
        assert_eq!(others, ["prod/backup.log", "prod/s_20251031_120000.sql.gz.sha256"]);
    }
}
