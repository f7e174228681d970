//! Which files of relations are as they were, by what a server says of its WAL. Pure.
//!
//! The rules are those of PostgreSQL's own incremental backups, and stricter in two points. A visibility map is trusted only
//! where nothing of its relation changed: bits are cleared by records that name the page of rows alone. And what belongs to an
//! unlogged relation is never trusted. Maps of free space are not in WAL.

use super::excluded::{RelationFile, relation_file};
use crate::postgres::ChangedFile;
use std::collections::{BTreeSet, HashMap, HashSet};

/// Object ids of the two tablespaces that every cluster has.
const OF_DATABASES: u32 = 1663;
const SHARED: u32 = 1664;
/// Forks, by the numbers that WAL has for them.
const ROWS: i16 = 0;
const VISIBILITY: i16 = 2;

/// Files of one relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Relation {
    tablespace: u32,
    /// 0 for what all databases share.
    database: u32,
    number: u32,
}

/// What changed.
#[derive(Default)]
pub(super) struct Changes {
    relations: HashMap<Relation, Changed>,
    /// Databases of which everything changed, each by its tablespace and itself.
    databases: HashSet<(u32, u32)>,
}

/// What changed of the rows of a relation.
#[derive(Default)]
struct Changed {
    segments: BTreeSet<u32>,
    /// All from this one on.
    from: Option<u32>,
}

impl Changes {
    pub(super) fn add(&mut self, change: &ChangedFile) {
        let ChangedFile { tablespace, database, relation, fork, segment, is_limit } = *change;
        if relation == 0 {
            self.databases.insert((tablespace, database));
            return;
        }
        let changed = self.relations.entry(Relation { tablespace, database, number: relation }).or_default();
        match fork {
            ROWS if !is_limit => drop(changed.segments.insert(segment)),
            ROWS => changed.from = Some(changed.from.map_or(segment, |from| from.min(segment))),
            // That the relation is known at all tells it.
            VISIBILITY => {}
            _ => changed.from = Some(0),
        }
    }

    /// True for a file of which WAL had nothing. `path` is relative to the data directory.
    pub(super) fn leave_alone(&self, path: &str) -> bool {
        let Some((relation, file)) = placed(path) else { return false };
        if self.databases.contains(&(relation.tablespace, relation.database)) {
            return false;
        }
        match (file.fork, self.relations.get(&relation)) {
            ("" | "vm", None) => true,
            ("", Some(changed)) => {
                !changed.segments.contains(&file.segment) && changed.from.is_none_or(|from| file.segment < from)
            }
            _ => false,
        }
    }
}

/// The relation whose file is at a path; `None` for any other file, and for names that PostgreSQL would not write.
fn placed(path: &str) -> Option<(Relation, RelationFile<'_>)> {
    let parts: Vec<&str> = path.split('/').collect();
    let (tablespace, database, name) = match parts[..] {
        ["global", name] => (SHARED, 0, name),
        ["base", database, name] => (OF_DATABASES, number(database)?, name),
        ["pg_tblspc", tablespace, folder, database, name] if folder.starts_with("PG_") => {
            (number(tablespace)?, number(database)?, name)
        }
        _ => return None,
    };
    let file = relation_file(name)?;
    let segment = name.split_once('.').map_or(Some(0), |(_, segment)| number(segment))?;
    (segment == file.segment).then_some((Relation { tablespace, database, number: number(file.number)? }, file))
}

/// A number as PostgreSQL writes it; never 0.
fn number(text: &str) -> Option<u32> {
    text.parse().ok().filter(|number: &u32| *number > 0 && number.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn change(tablespace: u32, database: u32, relation: u32, fork: i16, segment: u32, is_limit: bool) -> ChangedFile {
        ChangedFile { tablespace, database, relation, fork, segment, is_limit }
    }

    fn by(changes: &[ChangedFile]) -> Changes {
        let mut all = Changes::default();
        changes.iter().for_each(|change| all.add(change));
        all
    }

    #[test]
    fn only_files_of_rows_and_of_visibility_are_ever_left_alone() {
        let none = by(&[]);
        for path in [
            "base/5/16384",
            "base/5/16384.3",
            "base/5/16384_vm",
            "global/1260",
            "pg_tblspc/16400/PG_17_202406281/5/16384",
        ] {
            assert!(none.leave_alone(path), "{path}");
        }
        for path in [
            "base/5/16384_fsm",
            "base/5/16384_init",
            "base/5/pg_filenode.map",
            "base/5/PG_VERSION",
            "global/pg_control",
            "global/pg_filenode.map",
            "pg_xact/0000",
            "pg_multixact/offsets/0000",
            "PG_VERSION",
            "16384",
            "base/16384",
            "base/05/16384",
            "base/5/016384",
            "base/5/16384.03",
            "base/5/16384.0",
            "base/5/0",
            "base/0/16384",
            "base/5/t3_16384",
            "other/5/16384",
            "pg_tblspc/16400/5/16384",
            "pg_tblspc/16400/PG_17/5/6/16384",
            "base/5/99999999999",
            "pg_wal/summaries/16384",
            "base/pgsql_tmp/16384",
            "base/5/6/16384",
        ] {
            assert!(!none.leave_alone(path), "{path}");
        }
    }

    #[test]
    fn a_change_is_of_its_file_and_of_the_visibility_map_of_its_relation() {
        let changes = by(&[change(1663, 5, 16384, 0, 1, false)]);
        assert!(changes.leave_alone("base/5/16384") && changes.leave_alone("base/5/16384.2"));
        assert!(!changes.leave_alone("base/5/16384.1") && !changes.leave_alone("base/5/16384_vm"));
        for path in ["base/6/16384", "base/5/16385_vm", "pg_tblspc/16400/PG_17_1/5/16384.1", "global/16384"] {
            assert!(changes.leave_alone(path), "{path}");
        }
        let shared = by(&[change(1664, 0, 1260, 0, 0, false)]);
        assert!(!shared.leave_alone("global/1260") && shared.leave_alone("base/5/1260"));
        let visible = by(&[change(1663, 5, 16384, 2, 0, false)]);
        assert!(!visible.leave_alone("base/5/16384_vm") && visible.leave_alone("base/5/16384"));
    }

    #[test]
    fn where_a_relation_ended_all_that_is_behind_changed() {
        let changes = by(&[change(16400, 5, 16384, 0, 3, true), change(16400, 5, 16384, 0, 2, true)]);
        let left = |file: &str| changes.leave_alone(&format!("pg_tblspc/16400/PG_17_1/5/{file}"));
        assert!(left("16384") && left("16384.1"));
        assert!(!left("16384.2") && !left("16384.3") && !left("16384.9") && !left("16384_vm"));
        let anew = by(&[change(1663, 5, 16384, 0, 0, true)]);
        assert!(!anew.leave_alone("base/5/16384") && !anew.leave_alone("base/5/16384.7"));
        for unusual in [3, 1, 9, -1] {
            let changes = by(&[change(1663, 5, 16384, unusual, 4, false)]);
            assert!(!changes.leave_alone("base/5/16384") && !changes.leave_alone("base/5/16384_vm"), "{unusual}");
        }
    }

    #[test]
    fn a_database_that_was_made_or_moved_changed_whole() {
        let changes = by(&[change(1663, 5, 0, 0, 0, true)]);
        assert!(!changes.leave_alone("base/5/16384") && !changes.leave_alone("base/5/1259_vm"));
        assert!(changes.leave_alone("base/6/16384") && changes.leave_alone("pg_tblspc/16400/PG_17_1/5/16384"));
    }

    /// A relation in one database or the other, block by block.
    fn any_change() -> impl Strategy<Value = ChangedFile> {
        (1_u32..3, 0_u32..4, prop_oneof![Just(0_i16), Just(2), Just(3)], 0_u32..4, any::<bool>()).prop_map(
            |(database, relation, fork, segment, limit)| change(1663, database, relation, fork, segment, limit),
        )
    }

    proptest! {
        #[test]
        fn nothing_that_a_summary_names_is_left_alone_and_more_changes_leave_less(
            changes in prop::collection::vec(any_change(), 0..12), more in any_change(),
        ) {
            let (before, mut after) = (by(&changes), by(&changes));
            after.add(&more);
            for (database, relation, segment) in (1..3).flat_map(|d| (1..4).flat_map(move |r| (0..6).map(move |s| (d, r, s)))) {
                let dot = if segment > 0 { format!(".{segment}") } else { String::new() };
                let paths = [format!("base/{database}/{relation}{dot}"), format!("base/{database}/{relation}_vm{dot}")];
                for (path, is_rows) in paths.iter().zip([true, false]) {
                    prop_assert!(before.leave_alone(path) || !after.leave_alone(path), "{}", path);
                    let is_named = |change: &ChangedFile| change.database == database && match change {
                        ChangedFile { relation: 0, .. } => true,
                        change if change.relation != relation => false,
                        ChangedFile { fork: 0, is_limit: false, .. } => !is_rows || change.segment == segment,
                        ChangedFile { fork: 0, is_limit: true, .. } => !is_rows || change.segment <= segment,
                        ChangedFile { fork: 2, .. } => !is_rows,
                        _ => true,
                    };
                    prop_assert_eq!(before.leave_alone(path), !changes.iter().any(is_named), "{}", path);
                }
            }
        }
    }
}
