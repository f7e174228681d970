//! Password files: `~/.pgpass`, one line a login, the first that fits wins.

use super::login::Login;
use crate::base::Secret;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

/// What a password file gave.
pub(super) enum Found {
    /// A password.
    Password(Secret),
    /// No line fits, or there is no file.
    Nothing,
    /// There is a file, and libpq would not read it either: others may.
    Open(PathBuf),
}

/// What identifies a login in a password file.
pub(super) struct Wanted<'a> {
    /// Host as the connection names it; `localhost` for the usual socket.
    pub(super) host: &'a str,
    /// Port.
    pub(super) port: u16,
    /// Names of the database, any of which may stand in the file.
    pub(super) databases: &'a [&'a str],
    /// User.
    pub(super) user: &'a str,
}

/// Looks into the file of `passfile`, or `~/.pgpass`.
pub(super) fn look_up(login: &Login, wanted: &Wanted<'_>) -> Found {
    let usual = || login.account.home.as_ref().map(|home| home.join(".pgpass"));
    let Some(path) = login.get("passfile").map(PathBuf::from).or_else(usual) else { return Found::Nothing };
    let Ok(about) = fs::metadata(&path) else { return Found::Nothing };
    if !about.is_file() {
        return Found::Nothing;
    }
    if about.permissions().mode() & 0o077 != 0 {
        return Found::Open(path);
    }
    let Ok(text) = fs::read_to_string(&path) else { return Found::Nothing };
    find(&text, wanted).map_or(Found::Nothing, Found::Password)
}

fn find(text: &str, wanted: &Wanted<'_>) -> Option<Secret> {
    let port = wanted.port.to_string();
    wanted.databases.iter().find_map(|database| {
        text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
            let mut rest = line;
            for value in [wanted.host, &port, database, wanted.user] {
                let (field, after) = field(rest)?;
                if field.raw != "*" && field.text != value {
                    return None;
                }
                rest = after;
            }
            let password = field(rest).map_or_else(|| unescaped(rest), |(password, _)| password.text);
            (!password.is_empty()).then(|| Secret::new(password))
        })
    })
}

struct Field<'a> {
    raw: &'a str,
    text: String,
}

/// The text up to the next bare colon, and what follows that.
fn field(text: &str) -> Option<(Field<'_>, &str)> {
    let mut escaped = false;
    let end = text.char_indices().find(|(_, c)| {
        let is_end = *c == ':' && !escaped;
        escaped = *c == '\\' && !escaped;
        is_end
    })?;
    let raw = &text[..end.0];
    Some((Field { raw, text: unescaped(raw) }, &text[end.0 + 1..]))
}

fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => out.extend(characters.next()),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn password(text: &str, host: &str, databases: &[&str], user: &str) -> Option<String> {
        find(text, &Wanted { host, port: 5432, databases, user }).map(|secret| secret.expose().to_owned())
    }

    #[test]
    fn the_first_line_that_fits_wins() {
        let text = "#db1:*:*:*:no\ndb1:5433:*:*:no\ndb1:*:replication:u:yes\\:\\\\\n*:*:*:*:any\n";
        assert_eq!(password(text, "db1", &["replication"], "u").as_deref(), Some("yes:\\"));
        assert_eq!(password(text, "db2", &["replication"], "u").as_deref(), Some("any"));
        let text = "[:db1:5432:a:u:no\ndb1:5432:app:u:of app\n";
        assert_eq!(password(text, "db1", &["replication", "app"], "u").as_deref(), Some("of app"));
        assert_eq!(password("a\\:b:5432:*:\\*:x", "a:b", &["d"], "*").as_deref(), Some("x"));
        assert_eq!(password("a:5432:*:\\*:x", "a", &["d"], "u"), None);
        assert_eq!(password("db1:5432:d:u:", "db1", &["d"], "u"), None);
    }

    proptest! {
        #[test]
        fn any_password_is_found(password in "[^\\n\\r\0]{1,20}") {
            let line = format!("h:5432:replication:u:{}", password.replace('\\', "\\\\").replace(':', "\\:"));
            prop_assert_eq!(super::tests::password(&line, "h", &["replication"], "u"), Some(password));
        }

        #[test]
        fn no_text_panics(text in "([:\\\\*a\\n]|\\PC)*") {
            let _ = password(&text, "a", &["a"], "a");
        }
    }
}
