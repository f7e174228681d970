//! Names and numbers of users and groups, from the machine's own files.

use std::path::Path;

/// Name of the user with this number; the number as text when the machine's files do not name it.
pub fn user_name(uid: u32) -> String {
    name_of("/etc/passwd", uid).unwrap_or_else(|| uid.to_string())
}

/// Name of the group with this number; the number as text when the machine's files do not name it.
pub(super) fn group_name(gid: u32) -> String {
    name_of("/etc/group", gid).unwrap_or_else(|| gid.to_string())
}

/// Number of a user given by name or number.
pub(super) fn user_number(user: &str) -> Option<u32> {
    number_of("/etc/passwd", user)
}

/// Number of a group given by name or number.
pub(super) fn group_number(group: &str) -> Option<u32> {
    number_of("/etc/group", group)
}

/// Lines of `name:password:number:…`, as passwd(5) and group(5) describe them.
fn entries(file: impl AsRef<Path>) -> Vec<(String, u32)> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let entry = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        Some((name, fields.nth(1)?.parse().ok()?))
    };
    text.lines().filter_map(entry).collect()
}

fn name_of(file: &str, number: u32) -> Option<String> {
    entries(file).into_iter().find(|(_, n)| *n == number).map(|(name, _)| name)
}

fn number_of(file: &str, name: &str) -> Option<u32> {
    entries(file).into_iter().find(|(n, _)| n == name).map(|(_, number)| number).or_else(|| name.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_has_the_number_zero() {
        assert_eq!(user_name(0), "root");
        assert_eq!(user_number("root"), Some(0));
        assert_eq!(user_number("4711"), Some(4711));
        assert_eq!(user_number("no such user"), None);
    }
}
