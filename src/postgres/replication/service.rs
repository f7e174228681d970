//! Connection service files: named groups of parameters, `pg_service.conf`.

use super::account::Account;
use super::login::invalid;
use crate::base::Lookup;
use crate::postgres::PostgresError;

/// Where packages put the file of the whole system, when `PGSYSCONFDIR` does not say.
const SYSTEM: [&str; 3] = ["/etc/postgresql-common", "/etc", "/usr/local/etc/postgresql"];

/// The parameters of a service, from `PGSERVICEFILE` or `~/.pg_service.conf`, else from the system's file.
pub(super) fn read_service(
    service: &str,
    account: &Account,
    lookup: &dyn Lookup,
) -> Result<Vec<(String, String)>, PostgresError> {
    let mut files = Vec::new();
    match lookup.env("PGSERVICEFILE").filter(|file| !file.is_empty()) {
        Some(file) => files.push(file),
        None => files.extend(account.home.iter().map(|home| home.join(".pg_service.conf").display().to_string())),
    }
    match lookup.env("PGSYSCONFDIR").filter(|folder| !folder.is_empty()) {
        Some(folder) => files.push(format!("{folder}/pg_service.conf")),
        None => files.extend(SYSTEM.iter().map(|folder| format!("{folder}/pg_service.conf"))),
    }
    for file in &files {
        // A file that is not there describes no service.
        let Ok(text) = lookup.file(file) else { continue };
        if let Some(found) = parse(&text, service).map_err(|problem| invalid(format!("{file}: {problem}")))? {
            return Ok(found);
        }
    }
    Err(invalid(format!("service `{service}` stands in none of {}", files.join(", "))))
}

/// The group with this name, or `None` when the text has none. Problems quote no value: it may be a password.
fn parse(text: &str, service: &str) -> Result<Option<Vec<(String, String)>>, String> {
    let mut found: Option<Vec<(String, String)>> = None;
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix('[') {
            if found.is_some() {
                break;
            }
            if name.strip_suffix(']') == Some(service) {
                found = Some(Vec::new());
            }
            continue;
        }
        let Some(pairs) = &mut found else { continue };
        if line.starts_with("ldap") {
            return Err(format!("line {} asks LDAP, which is not supported here", at + 1));
        }
        let (name, value) = line.split_once('=').ok_or_else(|| format!("line {} has no `=`", at + 1))?;
        let (name, value) = (name.trim(), value.trim());
        if name == "service" {
            return Err(format!("line {}: a service cannot name another one", at + 1));
        }
        pairs.push((name.to_owned(), value.to_owned()));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_first_group_of_the_name_counts() {
        let text = "[a]\nhost=1\n\n[b]\n# no\nhost = 2 \nuser=u=v\n[b]\nport=3\n";
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(parse(text, "b"), Ok(Some(vec![pair("host", "2"), pair("user", "u=v")])));
        assert_eq!(parse(text, "c"), Ok(None));
        assert!(parse("[a]\ncanary", "a").is_err_and(|problem| !problem.contains("canary")));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "([a-c\\]\\[=\\n ]|\\PC)*") {
            let _ = parse(&text, "a");
        }
    }
}
