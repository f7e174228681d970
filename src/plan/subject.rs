//! The databases that a policy is about at this moment: its entries, with `match` entries opened up.

use super::Live;
use crate::policy::{DatabaseSpec, Desired};

/// One database and everything that holds for it.
#[derive(Debug, Clone)]
pub struct Subject<'a> {
    /// Its name in the catalog: the entry's, or `<entry>.<database>` for an entry with `match`.
    pub name: String,
    /// The entry of the policy.
    pub entry: &'a str,
    /// What the policy says of it.
    pub spec: &'a DatabaseSpec,
    /// Its name on the server, where `match` found it; otherwise the connection says.
    pub server_database: Option<String>,
}

/// Every database of the policy, in the policy's order. An entry with `match` whose server could not be asked gives
/// none.
pub fn subjects<'a>(desired: &'a Desired, live: &Live) -> Vec<Subject<'a>> {
    let mut all = Vec::new();
    for (entry, spec) in &desired.databases {
        if spec.matching.is_none() {
            all.push(Subject { name: entry.clone(), entry, spec, server_database: None });
            continue;
        }
        let Some(Ok(found)) = live.matched.get(entry) else { continue };
        all.extend(found.iter().map(|database| Subject {
            name: format!("{entry}.{database}"),
            entry,
            spec,
            server_database: Some(database.clone()),
        }));
    }
    all
}
