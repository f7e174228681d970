//! How a key of KMS is named: alias, ARN of an alias, id, ARN.
//!
//! As the API of KMS says (`CreateAlias`, and "KeyId" of `DescribeKey`).

use super::arn::Arn;

const FORMS: &str = "a key is `alias/<name>`, its id, or the ARN of either";

/// What is wrong with the name of a key; `None` when KMS takes it.
pub fn kms_key_problem(name: &str) -> Option<&'static str> {
    if name.starts_with("arn:") {
        let Some(arn) = Arn::parse(name) else { return Some(FORMS) };
        if arn.service != "kms" || arn.region.is_empty() {
            return Some("it is no ARN of a key: `arn:aws:kms:<region>:<account>:key/<id>`");
        }
        if !arn.has_account() {
            return Some("an account has twelve digits");
        }
        return match arn.resource.split_once('/') {
            Some(("alias", _)) => alias_problem(arn.resource),
            Some(("key", id)) => id_problem(id),
            _ => Some("it is no ARN of a key: `arn:aws:kms:<region>:<account>:key/<id>`"),
        };
    }
    match name.split_once('/') {
        Some(("alias", _)) => alias_problem(name),
        Some(("key", id)) => id_problem(id),
        Some(_) => Some(FORMS),
        None => id_problem(name),
    }
}

fn alias_problem(alias: &str) -> Option<&'static str> {
    let name = alias.strip_prefix("alias/").unwrap_or_default();
    let is_fine = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_' | b'-');
    if name.is_empty() || !name.bytes().all(is_fine) {
        return Some("an alias has letters, digits, `/`, `_` and `-`");
    }
    (alias.len() > 256).then_some("an alias has at most 256 characters")
}

/// Ids are UUIDs; those of keys in several regions begin with `mrk-`.
fn id_problem(id: &str) -> Option<&'static str> {
    let is_hex = |text: &str, length: usize| text.len() == length && text.bytes().all(|b| b.is_ascii_hexdigit());
    let is_id = match id.strip_prefix("mrk-") {
        Some(rest) => is_hex(rest, 32),
        None => {
            let parts: Vec<&str> = id.split('-').collect();
            parts.len() == 5 && parts.iter().zip([8, 4, 4, 4, 12]).all(|(part, length)| is_hex(part, length))
        }
    };
    (!is_id).then_some(FORMS)
}

/// The region in the ARN of a key or alias; `None` where its name tells none.
pub fn kms_key_region(name: &str) -> Option<&str> {
    let arn = Arn::parse(name)?;
    (arn.service == "kms" && !arn.region.is_empty()).then_some(arn.region)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";

    #[test]
    fn all_four_forms_are_taken() {
        let arn = "arn:aws:kms:eu-west-1:123456789012:";
        let mrk = format!("mrk-{}", "0a".repeat(16));
        for name in [
            ID,
            &mrk,
            "alias/backups",
            "alias/aws/s3",
            &format!("key/{ID}"),
            &format!("{arn}key/{ID}"),
            &format!("{arn}alias/a/b_c-1"),
        ] {
            assert_eq!(kms_key_problem(name), None, "{name}");
        }
        assert_eq!(kms_key_region(&format!("{arn}key/{ID}")), Some("eu-west-1"));
        assert_eq!(kms_key_region("alias/backups"), None);
    }

    #[test]
    fn everything_else_is_told() {
        let long = format!("alias/{}", "a".repeat(251));
        for name in [
            "",
            "backups",
            "alias/",
            "alias/a b",
            &long,
            "mrk-12",
            "1234",
            "other/x",
            "arn:aws:kms:eu-west-1:123456789012:key/x",
            "arn:aws:kms::123456789012:alias/x",
            "arn:aws:kms:eu-west-1:12:alias/x",
            "arn:aws:iam::123456789012:role/x",
            "arn:aws:kms:eu-west-1",
        ] {
            assert!(kms_key_problem(name).is_some(), "{name}");
        }
    }
}
