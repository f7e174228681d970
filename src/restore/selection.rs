//! Which entries of a dump belong to some of its tables. Pure.
//!
//! An entry names what it depends on by number, but not which of these it belongs to: a foreign key depends on two
//! tables and belongs to one. Kinds that name their table in front of their own name are told apart by that.

use super::table_name::TableName;
use crate::codec::archive::{Outline, TocEntry};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Entries to restore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// Numbers of the entries.
    pub keep: BTreeSet<i64>,
    /// The tables whose data is restored, partitions included, by schema and name.
    pub tables: Vec<(String, String)>,
    /// Foreign keys that are left out because they point to tables that are not restored.
    pub left_out: Vec<String>,
}

/// How far a selection goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The tables and what is theirs: everything else exists where they go.
    TablesAlone,
    /// Also the types, functions, schemas, extensions and parent tables that they need.
    WithNeeds,
}

/// The tables asked for are not as asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoSelection {
    /// The dump has no such table.
    #[error("the backup has no table `{name}`{}", suggestion(.nearest))]
    Unknown {
        /// As typed.
        name: String,
        /// The one that was probably meant.
        nearest: Option<String>,
    },
    /// Several schemas have one.
    #[error("`{name}` may be any of {}", .candidates.join(", "))]
    Ambiguous {
        /// As typed.
        name: String,
        /// The tables.
        candidates: Vec<String>,
    },
}

fn suggestion(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

/// Kinds of entry that are tables.
const TABLES: [&str; 2] = ["TABLE", "FOREIGN TABLE"];
/// Kinds whose tag is the table's name, a space and their own.
const TAGGED_BY_TABLE: [&str; 7] =
    ["CONSTRAINT", "CHECK CONSTRAINT", "FK CONSTRAINT", "TRIGGER", "POLICY", "RULE", "DEFAULT"];
/// Kinds that depend on their table and on no other.
const OF_ONE_TABLE: [&str; 3] = ["INDEX", "STATISTICS", "STATISTICS DATA"];
/// Kinds that say something about another entry.
const ABOUT: [&str; 3] = ["COMMENT", "ACL", "SECURITY LABEL"];
/// Kinds that every restore needs.
const ALWAYS: [&str; 3] = ["ENCODING", "STDSTRINGS", "SEARCHPATH"];

/// Selects the entries of the tables that are asked for.
pub fn select(outline: &Outline, wanted: &[TableName], reach: Reach) -> Result<Selection, NoSelection> {
    let contents = Contents::of(outline);
    let mut chosen = BTreeSet::new();
    for name in wanted {
        chosen.insert(contents.find(name)?);
    }
    contents.add_partitions(&mut chosen);
    let mut selected =
        Selected { contents: &contents, with_data: chosen.clone(), tables: chosen, keep: BTreeSet::new() };
    selected.grow(reach);
    let left_out = selected.foreign_keys(reach);
    selected.add_what_is_about();
    let tables = selected.with_data.iter().filter_map(|id| contents.by_id.get(id));
    let tables = tables.map(|entry| (entry.namespace.clone(), entry.tag.clone())).collect();
    Ok(Selection { keep: selected.keep, tables, left_out })
}

struct Contents<'a> {
    entries: Vec<(&'a TocEntry, &'a str)>,
    by_id: HashMap<i64, &'a TocEntry>,
    /// Tables by schema and name.
    tables: BTreeMap<(&'a str, &'a str), i64>,
    table_ids: HashSet<i64>,
    schemas: HashMap<&'a str, i64>,
    /// Partitions, each with the table it belongs to.
    attached: HashMap<i64, i64>,
}

impl<'a> Contents<'a> {
    fn of(outline: &'a Outline) -> Contents<'a> {
        let entries: Vec<_> = outline.entries.iter().map(|entry| (&entry.toc, entry.definition.as_str())).collect();
        let by_id: HashMap<i64, &TocEntry> = entries.iter().map(|(entry, _)| (entry.dump_id, *entry)).collect();
        let tables: BTreeMap<_, _> = entries
            .iter()
            .filter(|(entry, _)| TABLES.contains(&entry.desc.as_str()))
            .map(|(entry, _)| ((entry.namespace.as_str(), entry.tag.as_str()), entry.dump_id))
            .collect();
        let table_ids: HashSet<i64> = tables.values().copied().collect();
        let schemas = entries.iter().filter(|(entry, _)| entry.desc == "SCHEMA");
        let schemas = schemas.map(|(entry, _)| (entry.tag.as_str(), entry.dump_id)).collect();
        let attached = entries
            .iter()
            .filter(|(entry, _)| entry.desc == "TABLE ATTACH")
            .filter_map(|(entry, _)| {
                let child = *tables.get(&(entry.namespace.as_str(), entry.tag.as_str()))?;
                let parent = entry.dependencies.iter().find(|id| **id != child && table_ids.contains(id))?;
                Some((child, *parent))
            })
            .collect();
        Contents { entries, by_id, tables, table_ids, schemas, attached }
    }

    fn find(&self, name: &TableName) -> Result<i64, NoSelection> {
        let fitting: Vec<_> = self.tables.iter().filter(|((schema, table), _)| name.fits(schema, table)).collect();
        let exact: Vec<_> = fitting.iter().filter(|((schema, table), _)| name.is_exactly(schema, table)).collect();
        match (&fitting[..], &exact[..]) {
            ([only], _) => Ok(*only.1),
            (_, [only]) => Ok(*only.1),
            ([], _) => {
                let known: Vec<String> =
                    self.tables.keys().flat_map(|(s, t)| [(*t).to_owned(), format!("{s}.{t}")]).collect();
                let nearest = crate::diag::nearest(&name.to_string(), known.iter().map(String::as_str));
                Err(NoSelection::Unknown { name: name.to_string(), nearest: nearest.map(str::to_owned) })
            }
            (several, _) => Err(NoSelection::Ambiguous {
                name: name.to_string(),
                candidates: several.iter().map(|((schema, table), _)| format!("`{schema}.{table}`")).collect(),
            }),
        }
    }

    fn add_partitions(&self, tables: &mut BTreeSet<i64>) {
        loop {
            let more: Vec<i64> = self
                .attached
                .iter()
                .filter(|(child, parent)| tables.contains(parent) && !tables.contains(child))
                .map(|(child, _)| *child)
                .collect();
            if more.is_empty() {
                return;
            }
            tables.extend(more);
        }
    }

    fn is_table(&self, id: i64) -> bool {
        self.table_ids.contains(&id)
    }

    /// The table that an entry belongs to.
    fn table_of(&self, entry: &TocEntry) -> Option<i64> {
        let desc = entry.desc.as_str();
        let mut tables = entry.dependencies.iter().copied().filter(|id| self.is_table(*id));
        if TABLES.contains(&desc) {
            Some(entry.dump_id)
        } else if TAGGED_BY_TABLE.contains(&desc) {
            tables
                .find(|id| {
                    let table = self.by_id[id];
                    let rest = entry.tag.strip_prefix(table.tag.as_str());
                    table.namespace == entry.namespace && rest.is_some_and(|rest| rest.starts_with(' '))
                })
                .or_else(|| {
                    // Defaults and rules are tagged with their own name alone by some versions.
                    let mut all = entry.dependencies.iter().copied().filter(|id| self.is_table(*id));
                    let first = all.next();
                    first.filter(|first| all.all(|other| other == *first))
                })
        } else if desc == "ROW SECURITY" || OF_ONE_TABLE.contains(&desc) || desc == "TABLE DATA" || desc == "SEQUENCE" {
            tables.next()
        } else {
            None
        }
    }
}

struct Selected<'a> {
    contents: &'a Contents<'a>,
    /// Tables asked for, and their partitions.
    with_data: BTreeSet<i64>,
    /// These and the tables that they need.
    tables: BTreeSet<i64>,
    keep: BTreeSet<i64>,
}

impl Selected<'_> {
    /// Everything but foreign keys and comments, until nothing more is needed.
    fn grow(&mut self, reach: Reach) {
        let contents = self.contents;
        self.keep
            .extend(contents.entries.iter().filter(|(e, _)| ALWAYS.contains(&e.desc.as_str())).map(|(e, _)| e.dump_id));
        loop {
            let before = (self.keep.len(), self.tables.len());
            for (entry, definition) in &contents.entries {
                if self.belongs(entry) {
                    self.keep.insert(entry.dump_id);
                }
                if reach == Reach::WithNeeds && self.keep.contains(&entry.dump_id) {
                    self.add_needs(entry, definition);
                }
            }
            if before == (self.keep.len(), self.tables.len()) {
                return;
            }
        }
    }

    fn belongs(&self, entry: &TocEntry) -> bool {
        let all_here = || {
            let mut tables = entry.dependencies.iter().filter(|id| self.contents.is_table(**id));
            tables.all(|id| self.tables.contains(id))
        };
        match entry.desc.as_str() {
            "FK CONSTRAINT" => false,
            "TABLE ATTACH" => all_here() && !entry.dependencies.is_empty(),
            "INDEX ATTACH" => {
                all_here()
                    && entry
                        .dependencies
                        .iter()
                        .filter(|id| !self.contents.is_table(**id))
                        .all(|id| self.keep.contains(id))
            }
            "TABLE DATA" => self.contents.table_of(entry).is_some_and(|table| self.with_data.contains(&table)),
            "SEQUENCE SET" => entry.dependencies.iter().any(|id| self.keep.contains(id)),
            "SEQUENCE OWNED BY" => {
                let sequence = entry.dependencies.iter().find_map(|id| self.contents.by_id.get(id));
                let owner = sequence.filter(|s| s.desc == "SEQUENCE").and_then(|s| self.contents.table_of(s));
                owner.is_some_and(|table| self.tables.contains(&table))
            }
            _ => self.contents.table_of(entry).is_some_and(|table| self.tables.contains(&table)),
        }
    }

    fn add_needs(&mut self, entry: &TocEntry, definition: &str) {
        let contents = self.contents;
        if !entry.namespace.is_empty() {
            self.keep.extend(contents.schemas.get(entry.namespace.as_str()));
        }
        let desc = entry.desc.as_str();
        let is_part = OF_ONE_TABLE.contains(&desc) || ["CONSTRAINT", "TABLE ATTACH", "INDEX ATTACH"].contains(&desc);
        for id in &entry.dependencies {
            let Some(needed) = contents.by_id.get(id) else { continue };
            if contents.is_table(*id) {
                let is_partition = contents.attached.contains_key(&entry.dump_id);
                let is_parent = TABLES.contains(&desc) && !is_partition;
                // A sequence made for a column comes with the table; one that others use stands alone.
                let is_own_sequence = desc == "SEQUENCE" && !definition.trim_start().starts_with("CREATE SEQUENCE");
                let needs_it =
                    is_parent || is_own_sequence || !(TABLES.contains(&desc) || is_part || desc == "SEQUENCE");
                if needs_it && desc != "TABLE DATA" {
                    self.tables.insert(*id);
                }
            } else if contents.table_of(needed).is_none() || needed.desc == "SEQUENCE" {
                self.keep.insert(*id);
            }
        }
    }

    /// Keeps the foreign keys that can hold, and names the others.
    fn foreign_keys(&mut self, reach: Reach) -> Vec<String> {
        let contents = self.contents;
        let mut left_out = Vec::new();
        for (entry, _) in contents.entries.iter().filter(|(entry, _)| entry.desc == "FK CONSTRAINT") {
            if contents.table_of(entry).is_none_or(|table| !self.with_data.contains(&table)) {
                continue;
            }
            let referenced = entry.dependencies.iter().filter_map(|id| contents.table_of(contents.by_id.get(id)?));
            if reach == Reach::TablesAlone || referenced.into_iter().all(|table| self.with_data.contains(&table)) {
                self.keep.insert(entry.dump_id);
            } else {
                left_out.push(format!("{}.{}", entry.namespace, entry.tag.replacen(' ', ".", 1)));
            }
        }
        left_out
    }

    fn add_what_is_about(&mut self) {
        let about = self.contents.entries.iter().filter(|(entry, _)| ABOUT.contains(&entry.desc.as_str()));
        let kept = about.filter(|(entry, _)| entry.dependencies.iter().any(|id| self.keep.contains(id)));
        let ids: Vec<i64> = kept.map(|(entry, _)| entry.dump_id).collect();
        self.keep.extend(ids);
    }
}
