//! The part of a policy that is one host's.

use super::Desired;

impl Desired {
    /// The same policy with only the databases whose work `host` does. The others are remembered by name: their backups
    /// are somebody's.
    pub fn of_host(mut self, host: &str) -> Desired {
        let is_theirs = |theirs: &Option<String>| theirs.as_deref() != Some(host);
        let elsewhere = self.databases.iter().filter(|(_, database)| is_theirs(&database.host));
        self.elsewhere = elsewhere.map(|(name, _)| name.clone()).collect();
        self.databases.retain(|_, database| !is_theirs(&database.host));
        self.only_host = Some(host.to_owned());
        self
    }

    /// True when a database's backups are the work of another host: `database` as it is stored, `<entry>.<database>` for
    /// one that an entry matches.
    pub fn is_elsewhere(&self, database: &str) -> bool {
        self.elsewhere.iter().any(|entry| {
            database.strip_prefix(entry.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    }
}
