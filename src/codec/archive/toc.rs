//! Entries of the table of contents: which fields they have in which version.

use super::intake::{Item, Want};

/// One entry: an object of the dump.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TocEntry {
    /// Its number in the dump.
    pub dump_id: i64,
    /// True when a block of data belongs to it.
    pub has_data: bool,
    /// Its name.
    pub tag: String,
    /// Its kind, such as `TABLE DATA`.
    pub desc: String,
    /// Its schema; empty for none.
    pub namespace: String,
    /// Its owner; empty for none.
    pub owner: String,
    /// Numbers of the entries it depends on.
    pub dependencies: Vec<i64>,
}

/// Fields of an entry, in the order of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    DumpId,
    HadDumper,
    TableOid,
    Oid,
    Tag,
    Desc,
    Section,
    Definition,
    Drop,
    Copy,
    Namespace,
    Tablespace,
    TableAccessMethod,
    RelationKind,
    Owner,
    WithOids,
    Dependency,
    Offset,
}

impl Field {
    pub(super) fn want(self, offset_bytes: usize) -> Want {
        match self {
            Field::DumpId | Field::HadDumper | Field::Section | Field::RelationKind => Want::Int,
            Field::Tag | Field::Desc | Field::Namespace | Field::Owner | Field::Dependency => Want::Text,
            Field::TableOid
            | Field::Oid
            | Field::Definition
            | Field::Drop
            | Field::Copy
            | Field::Tablespace
            | Field::TableAccessMethod
            | Field::WithOids => Want::Skip,
            Field::Offset => Want::Bytes(1 + offset_bytes),
        }
    }

    /// The field after this one in version 1.`minor`; `None` after the last. Dependencies repeat until NULL.
    pub(super) fn next(self, minor: u8) -> Option<Field> {
        Some(match self {
            Field::DumpId => Field::HadDumper,
            Field::HadDumper => Field::TableOid,
            Field::TableOid => Field::Oid,
            Field::Oid => Field::Tag,
            Field::Tag => Field::Desc,
            Field::Desc => Field::Section,
            Field::Section => Field::Definition,
            Field::Definition => Field::Drop,
            Field::Drop => Field::Copy,
            Field::Copy => Field::Namespace,
            Field::Namespace => Field::Tablespace,
            Field::Tablespace if minor >= 14 => Field::TableAccessMethod,
            Field::TableAccessMethod if minor >= 16 => Field::RelationKind,
            Field::Tablespace | Field::TableAccessMethod | Field::RelationKind => Field::Owner,
            Field::Owner => Field::WithOids,
            Field::WithOids => Field::Dependency,
            Field::Dependency => Field::Offset,
            Field::Offset => return None,
        })
    }
}

impl TocEntry {
    /// Takes a field's value. True when the same field comes again.
    pub(super) fn set(&mut self, field: Field, item: Item) -> Result<bool, &'static str> {
        match (field, item) {
            (Field::DumpId, Item::Int(n)) if n > 0 => self.dump_id = n,
            (Field::DumpId, Item::Int(_)) => return Err("an entry of its table of contents has no number"),
            (Field::HadDumper, Item::Int(n)) => self.has_data = n != 0,
            (Field::Tag, Item::Text(text)) => self.tag = text.unwrap_or_default(),
            (Field::Desc, Item::Text(text)) => self.desc = text.unwrap_or_default(),
            (Field::Namespace, Item::Text(text)) => self.namespace = text.unwrap_or_default(),
            (Field::Owner, Item::Text(text)) => self.owner = text.unwrap_or_default(),
            (Field::Dependency, Item::Text(Some(text))) => {
                let id = text.parse().map_err(|_| "a dependency in its table of contents is not a number")?;
                self.dependencies.push(id);
                return Ok(true);
            }
            _ => {}
        }
        Ok(false)
    }

    /// Bytes that keeping it takes.
    pub(super) fn weight(&self) -> usize {
        let texts = self.tag.len() + self.desc.len() + self.namespace.len() + self.owner.len();
        texts + self.dependencies.len() * 8 + size_of::<TocEntry>()
    }
}
