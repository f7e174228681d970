//! Users and roles of IAM: which names they take, and how long their inline policies may be together.
//!
//! As the API of IAM says (its types `userNameType` and `roleNameType`) and its user guide (page "IAM and AWS STS
//! quotas").

/// All inline policies of a user together, in characters that are not white space.
pub const LONGEST_USER_GRANTS: usize = 2_048;
/// All inline policies of a role together, in characters that are not white space.
pub const LONGEST_ROLE_GRANTS: usize = 10_240;

/// What is wrong with the name of a user or role; `None` when IAM takes it.
pub fn identity_name_problem(name: &str) -> Option<String> {
    let is_fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '+' | '=' | ',' | '.' | '@' | '-');
    if let Some(strange) = name.chars().find(|c| !is_fine(*c)) {
        return Some(match strange {
            ' ' => "it has a space".to_owned(),
            other => format!("it has `{}`", other.escape_debug()),
        });
    }
    let length = name.len();
    (!(1..=64).contains(&length)).then(|| format!("it has {length} characters, and IAM takes 1 to 64"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iam_takes_letters_digits_and_a_few_signs() {
        assert_eq!(identity_name_problem("Backup_writer+1=a,b.c@d-e"), None);
        assert_eq!(identity_name_problem(&"a".repeat(64)), None);
        for wrong in ["", "a b", "a/b", "ü", "a:b"] {
            assert!(identity_name_problem(wrong).is_some(), "{wrong}");
        }
        assert!(identity_name_problem(&"a".repeat(65)).is_some());
    }
}
