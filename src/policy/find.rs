//! From a database's name in the catalog to its entry in the policy.

use super::{DatabaseSpec, Desired};

/// A database of a policy, found by its name in the catalog.
#[derive(Debug, Clone, Copy)]
pub struct FoundDatabase<'a> {
    /// The entry of the policy.
    pub entry: &'a str,
    /// What the policy says of it.
    pub spec: &'a DatabaseSpec,
    /// Its name on the server, for an entry with `match`; otherwise the connection says.
    pub server_database: Option<&'a str>,
}

impl Desired {
    /// The database called `name` in the catalog: the entry's name, or `<entry>.<database>` for an entry with `match`.
    pub fn database<'a>(&'a self, name: &'a str) -> Option<FoundDatabase<'a>> {
        if let Some((entry, spec)) = self.databases.get_key_value(name).filter(|(_, spec)| spec.matching.is_none()) {
            return Some(FoundDatabase { entry, spec, server_database: None });
        }
        // Names of entries may hold dots themselves, so every entry is tried.
        self.databases.iter().find_map(|(entry, spec)| {
            let database = name.strip_prefix(entry.as_str())?.strip_prefix('.')?;
            let is_matched = spec.matching.as_ref()?.matches(database);
            is_matched.then_some(FoundDatabase { entry, spec, server_database: Some(database) })
        })
    }
}
