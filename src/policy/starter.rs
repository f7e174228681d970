//! A first policy for a server that was looked at: short, commented, valid, and without a secret in it.

use crate::base::{Size, is_name};

/// What was found on the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Starter {
    /// Day it is written, such as `2026-11-20`.
    pub day: String,
    /// Host and port, for people.
    pub server: String,
    /// Version of the server.
    pub server_version: String,
    /// The reference by which the policy reaches the database, such as `${env:DATABASE_URL}`.
    pub connection: String,
    /// The database the connection names.
    pub database: StarterDatabase,
    /// Other databases of the server.
    pub others: Vec<StarterDatabase>,
}

/// A database that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StarterDatabase {
    /// Its name on the server.
    pub name: String,
    /// Its size, when it could be asked.
    pub bytes: Option<u64>,
}

/// From this size on a month of daily full dumps is more than most disks hold.
const LARGE: u64 = 100 << 30;

impl StarterDatabase {
    fn described(&self) -> String {
        // A name may hold a line break, which would end a comment.
        let name: String = self.name.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
        match self.bytes {
            Some(bytes) => format!("{name} ({})", Size(bytes)),
            None => format!("{name} (size unknown)"),
        }
    }

    /// The name as the key of an entry: what a policy does not allow becomes `-`.
    fn entry(&self) -> String {
        let name: String = self
            .name
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-') { c } else { '-' })
            .take(63)
            .collect();
        if is_name(&name) && name.contains(|c: char| c.is_ascii_alphanumeric()) { name } else { "database".to_owned() }
    }

    /// The name as the name of a policy: lower case, digits, `-`, and not too long.
    fn slug(&self) -> String {
        let slug: String =
            self.name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
        let slug: String = slug.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
        let slug: String = slug.chars().take(40).collect();
        let slug = slug.trim_end_matches('-');
        if slug.is_empty() { "database".to_owned() } else { slug.to_owned() }
    }
}

/// The text of the policy. Keys and names that YAML could read as something else are quoted.
pub fn starter(found: &Starter) -> String {
    let Starter { day, server, server_version, connection, database, others } = found;
    let slug = database.slug();
    let is_large = database.bytes.is_some_and(|bytes| bytes >= LARGE);
    let (daily, weekly) = if is_large { ("7d", "30d") } else { ("30d", "90d") };
    let retention = if is_large {
        "large, so dumps are kept for a short time; consider a second storage for older ones"
    } else {
        "small enough to keep a month of daily dumps"
    };
    format!(
        r#"# How {described} is backed up. Written by `backstay init` on {day}
# for PostgreSQL {server_version} at {server}.
#
#   backstay validate   checks this file; needs no server and no secret
#   backstay plan       shows what is missing
#   backstay apply      does it
#
# It holds references instead of secrets, so it can be committed. `backstay explain KEY` tells about every key.
version: 1
name: "{slug}"

storage:
  local:
    type: filesystem
    path: /var/backups/{slug}
    manage: {{ create: true, mode: "0700" }}
    min_free: 10%
  # One place is not enough: a disk dies with everything on it. A folder on another machine's disk is a second one;
  # add it to `copies` below.
  # other:
  #   type: filesystem
  #   path: /mnt/other/{slug}

tiers:
  # {retention}
  daily:
    schedule: "0 2 * * *"
    copies: [{{ to: local, keep: {daily} }}]
  weekly:
    schedule: "0 3 * * SUN"
    copies: [{{ to: local, keep: {weekly} }}]
  # Before a migration: `backstay backup {entry}`
  on-demand:
    schedule: manual
    copies: [{{ to: local, keep: 7d }}]

# Encrypted before it is written. `age-keygen -o age.key` makes a key: its public part goes here, the file itself to
# a safe place that is not this machine. Then say `encryption: team` below.
# encryption:
#   team:
#     type: age
#     recipients: [age1…]
#     identity: ${{file:/etc/backstay/age.key}}   # only needed where restores run

databases:
  "{entry}":
    connection: {connection}
    tiers: [daily, weekly, on-demand]
    verify: {{ schedule: "0 6 * * *", level: checksum }}
    objectives: {{ rpo: 24h }}
{others}
# Never delete below this, whatever `keep` says.
safety: {{ keep_at_least: 3, max_prune: 30% }}
"#,
        described = database.described(),
        entry = database.entry(),
        others = others_text(others, connection),
    )
}

fn others_text(others: &[StarterDatabase], connection: &str) -> String {
    if others.is_empty() {
        return String::new();
    }
    let mut text = "  # Not backed up yet, on the same server:\n".to_owned();
    for other in others.iter().take(20) {
        text.push_str(&format!("  #   {}\n", other.described()));
    }
    if others.len() > 20 {
        text.push_str(&format!("  #   and {} more\n", others.len() - 20));
    }
    text.push_str(&format!(
        "  # One entry can mean all of them, also those created later:\n  # others:\n  #   connection: {connection}\n  \
         #   match: {{ include: [\"*\"], exclude: [postgres] }}\n  #   tiers: [daily, weekly]\n"
    ));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, bytes: u64) -> Starter {
        Starter {
            day: "2026-11-20".to_owned(),
            server: "db1:5432".to_owned(),
            server_version: "15.18".to_owned(),
            connection: "${env:DATABASE_URL}".to_owned(),
            database: StarterDatabase { name: name.to_owned(), bytes: Some(bytes) },
            others: vec![StarterDatabase { name: "a\nb: c".to_owned(), bytes: None }],
        }
    }

    #[test]
    fn names_of_every_kind_become_keys() {
        let of = |name: &str| StarterDatabase { name: name.to_owned(), bytes: None };
        assert_eq!((of("My App!").entry().as_str(), of("My App!").slug().as_str()), ("My-App-", "my-app"));
        assert_eq!((of("😀").entry().as_str(), of("😀").slug().as_str()), ("database", "database"));
        assert_eq!(of("..").entry(), "database");
        assert_eq!(of(&"x".repeat(80)).slug().len(), 40);
    }

    #[test]
    fn comments_stay_comments_and_large_databases_are_kept_shorter() {
        let text = starter(&found("app", 5 << 20));
        assert!(text.contains("  #   a?b: c (size unknown)\n") && text.contains("keep: 30d"), "{text}");
        assert!(starter(&found("app", 200 << 30)).contains("keep: 7d"));
    }
}
