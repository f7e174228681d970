//! What of a data directory is no part of a backup, as PostgreSQL's own base backup decides it. Pure.

use std::collections::BTreeSet;

/// Folders that are kept empty: what is in them is of the running server only, or comes otherwise.
const EMPTY: [&str; 9] = [
    "pg_dynshmem",
    "pg_notify",
    "pg_replslot",
    "pg_serial",
    "pg_snapshots",
    "pg_stat_tmp",
    "pg_subtrans",
    "pg_tblspc",
    "pg_wal",
];

/// Files at the top that are of the running server, or are written by the backup itself.
const FILES: [&str; 9] = [
    "backup_label",
    "backup_label.old",
    "backup_manifest",
    "current_logfiles.tmp",
    "postgresql.auto.conf.tmp",
    "postmaster.opts",
    "postmaster.pid",
    "tablespace_map",
    "tablespace_map.old",
];

/// True for a folder at the top whose content is left out.
pub(super) fn is_kept_empty(folder: &str) -> bool {
    EMPTY.contains(&folder)
}

/// True for a file or folder that is left out wherever it is; `path` is relative to the data directory.
pub(super) fn is_left_out(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    FILES.contains(&path) || name.starts_with("pgsql_tmp") || name.starts_with("pg_internal.init")
}

/// A file of a relation, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RelationFile<'a> {
    /// Number of the relation's files.
    pub(super) number: &'a str,
    /// What it holds: empty for the rows, else `fsm`, `vm` or `init`.
    pub(super) fork: &'a str,
    /// Which of its files, counted from 0.
    pub(super) segment: u32,
}

/// Reads the name of a file of a relation; `None` for any other.
pub(super) fn relation_file(name: &str) -> Option<RelationFile<'_>> {
    let (rest, segment) = match name.split_once('.') {
        Some((rest, segment)) => (rest, segment.parse().ok().filter(|_| is_number(segment))?),
        None => (name, 0),
    };
    let (number, fork) = rest.split_once('_').unwrap_or((rest, ""));
    let is_known = matches!(fork, "" | "fsm" | "vm" | "init") && !(fork.is_empty() && rest.ends_with('_'));
    (is_number(number) && is_known).then_some(RelationFile { number, fork, segment })
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// True for a file of a temporary relation: `t3_16384`, with a fork and a segment perhaps.
fn is_temporary(name: &str) -> bool {
    let rest = name.strip_prefix('t').and_then(|rest| rest.split_once('_'));
    rest.is_some_and(|(backend, file)| is_number(backend) && relation_file(file).is_some())
}

/// True for a folder that holds the files of one database: `base/5`, or `PG_16_202307071/5` of a tablespace.
pub(super) fn is_of_database(folder: &str) -> bool {
    match folder.split_once('/') {
        Some(("base", oid)) => is_number(oid),
        Some((versioned, oid)) => versioned.starts_with("PG_") && is_number(oid),
        None => false,
    }
}

/// Names of a database's folder that belong into a backup: no temporary relations, and of unlogged ones only what they are
/// made from after a crash.
pub(super) fn in_database<'a>(names: &BTreeSet<&'a str>) -> Vec<&'a str> {
    let init = |name: &str| relation_file(name).filter(|file| file.fork == "init").map(|file| file.number.to_owned());
    let unlogged: BTreeSet<String> = names.iter().filter_map(|name| init(name)).collect();
    let is_wanted = |name: &&&str| {
        let is_lost = relation_file(name).is_some_and(|file| file.fork != "init" && unlogged.contains(file.number));
        !is_lost && !is_temporary(name)
    };
    names.iter().filter(is_wanted).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_relations_are_known_by_their_names() {
        let file = |number, fork, segment| Some(RelationFile { number, fork, segment });
        assert_eq!(relation_file("16384"), file("16384", "", 0));
        assert_eq!(relation_file("16384.12"), file("16384", "", 12));
        assert_eq!(relation_file("16384_fsm"), file("16384", "fsm", 0));
        assert_eq!(relation_file("16384_vm.1"), file("16384", "vm", 1));
        for name in ["PG_VERSION", "pg_filenode.map", "16384_x", "16384.", "16384.x", "16384_", "t3_16384", "", "."] {
            assert_eq!(relation_file(name), None, "{name}");
        }
    }

    #[test]
    fn of_unlogged_relations_only_their_beginning_is_kept_and_nothing_of_temporary_ones() {
        let names = ["1", "1.1", "1_fsm", "1_init", "2", "2_vm", "t3_4", "t3_4_fsm", "t3_4.1", "PG_VERSION", "tag_1"];
        let kept = in_database(&names.into_iter().collect());
        assert_eq!(kept, ["1_init", "2", "2_vm", "PG_VERSION", "tag_1"]);
        assert!(is_of_database("base/5") && is_of_database("PG_16_202307071/5"));
        assert!(!is_of_database("base") && !is_of_database("global") && !is_of_database("base/pgsql_tmp"));
    }

    #[test]
    fn what_is_of_the_running_server_is_left_out() {
        for path in [
            "postmaster.pid",
            "backup_label",
            "base/pgsql_tmp",
            "base/5/pg_internal.init.77",
            "global/pg_internal.init",
        ] {
            assert!(is_left_out(path), "{path}");
        }
        for path in ["postgresql.conf", "base/5/backup_label", "global/pg_control", "log/postmaster.pid"] {
            assert!(!is_left_out(path), "{path}");
        }
        assert!(is_kept_empty("pg_wal") && !is_kept_empty("pg_xact"));
    }
}
