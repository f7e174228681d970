//! The account that this process runs as: its name and home, as libpq takes them for defaults.

use crate::base::Lookup;
use std::path::PathBuf;

/// Name and home of an account; either may be unknown, as in a container with a bare user id.
pub(super) struct Account {
    /// Name of the account.
    pub(super) name: Option<String>,
    /// Its home folder: `HOME`, or what `/etc/passwd` says.
    pub(super) home: Option<PathBuf>,
}

impl Account {
    /// The one of this process.
    pub(super) fn current(lookup: &dyn Lookup) -> Account {
        let known = entry(rustix::process::geteuid().as_raw(), lookup);
        let home = lookup.env("HOME").filter(|home| !home.is_empty());
        let (name, of_table) = known.map_or((None, None), |(name, home)| (Some(name), Some(home)));
        Account { name, home: home.or(of_table).map(PathBuf::from) }
    }
}

/// Name of an account by its number.
pub(super) fn name_of(uid: u32, lookup: &dyn Lookup) -> Option<String> {
    entry(uid, lookup).map(|(name, _)| name)
}

fn entry(uid: u32, lookup: &dyn Lookup) -> Option<(String, String)> {
    let table = lookup.file("/etc/passwd").ok()?;
    table.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let is_this = fields.nth(1)?.parse() == Ok(uid);
        let home = fields.nth(2)?;
        is_this.then(|| (name.to_owned(), home.to_owned()))
    })
}
