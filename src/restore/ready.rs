//! Which indexes and keys can be built as soon as some tables are loaded, while others still are.

use crate::codec::archive::{Outline, TocEntry};
use std::collections::{BTreeSet, HashMap};

/// What an entry of a dump asks of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    /// Nothing: it is there before any data.
    Nothing,
    /// This entry of data.
    Data(i64),
    /// Something that comes after the data.
    Later,
}

/// Knows of every entry of a dump what it waits for.
pub(super) struct Readiness<'a> {
    entries: Vec<&'a TocEntry>,
    needs: HashMap<i64, Needs>,
}

impl<'a> Readiness<'a> {
    /// Of the entries that are kept.
    pub(super) fn new(outline: &'a Outline, keep: impl Fn(&TocEntry) -> bool) -> Readiness<'a> {
        Readiness::of(outline.entries.iter().map(|entry| &entry.toc).filter(|entry| keep(entry)).collect())
    }

    fn of(entries: Vec<&'a TocEntry>) -> Readiness<'a> {
        let mut needs = HashMap::new();
        // The order of a dump: what comes before the data, the data, what comes after.
        let mut comes = Needs::Nothing;
        for entry in &entries {
            if entry.desc == "TABLE DATA" {
                comes = Needs::Later;
                // What is built on a table wants its rows.
                needs.extend(entry.dependencies.iter().map(|table| (*table, Needs::Data(entry.dump_id))));
                needs.insert(entry.dump_id, Needs::Data(entry.dump_id));
            } else {
                needs.insert(entry.dump_id, comes);
            }
        }
        Readiness { entries, needs }
    }

    /// Indexes, primary keys and unique constraints that need the data of `loaded` and no other.
    pub(super) fn after(&self, loaded: &BTreeSet<i64>) -> BTreeSet<i64> {
        let mut ready = BTreeSet::new();
        for entry in &self.entries {
            if !matches!(entry.desc.as_str(), "INDEX" | "CONSTRAINT") {
                continue;
            }
            let mut is_about_them = false;
            let is_ready = entry.dependencies.iter().all(|id| match self.needs.get(id) {
                // An object that is not in the dump is there, or fails it in the end as well.
                None | Some(Needs::Nothing) => true,
                Some(Needs::Later) => ready.contains(id),
                Some(Needs::Data(data)) => {
                    is_about_them |= loaded.contains(data);
                    loaded.contains(data)
                }
            });
            if is_ready && is_about_them {
                ready.insert(entry.dump_id);
            }
        }
        ready
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(dump_id: i64, desc: &str, dependencies: &[i64]) -> TocEntry {
        TocEntry { dump_id, desc: desc.to_owned(), dependencies: dependencies.to_vec(), ..TocEntry::default() }
    }

    fn after(entries: &[TocEntry], loaded: &[i64]) -> Vec<i64> {
        let readiness = Readiness::of(entries.iter().collect());
        readiness.after(&loaded.iter().copied().collect()).into_iter().collect()
    }

    #[test]
    fn what_needs_one_table_does_not_wait_for_another() {
        let dump = [
            entry(1, "FUNCTION", &[]),
            entry(2, "TABLE", &[1]),
            entry(3, "TABLE", &[]),
            entry(4, "TABLE", &[]),
            entry(12, "TABLE DATA", &[2]),
            entry(13, "TABLE DATA", &[3]),
            entry(20, "CONSTRAINT", &[2]),
            entry(21, "INDEX", &[2, 1, 99]),
            entry(22, "CONSTRAINT", &[2, 21]),
            entry(23, "INDEX", &[3]),
            entry(24, "INDEX", &[2, 3]),
            entry(25, "INDEX", &[4]),
            entry(26, "FK CONSTRAINT", &[2, 20]),
            entry(27, "INDEX ATTACH", &[21, 25]),
            entry(28, "INDEX", &[2, 27]),
            entry(29, "TRIGGER", &[2]),
        ];
        assert_eq!(after(&dump, &[12]), [20, 21, 22]);
        assert_eq!(after(&dump, &[13]), [23]);
        assert_eq!(after(&dump, &[12, 13]), [20, 21, 22, 23, 24]);
        assert!(after(&dump, &[]).is_empty());
    }
}
