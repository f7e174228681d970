//! How what a policy made is told from what others made in the same bucket or account: ids of rules, names of
//! statements, tags.

use std::collections::BTreeMap;

/// Key of the tag that says which program made a thing.
pub const MANAGED_BY: &str = "managed-by";
/// Value of [`MANAGED_BY`].
pub const BACKSTAY: &str = "backstay";
/// Key of the tag that says for which policy.
pub const POLICY_TAG: &str = "backstay-policy";

/// What rules are for: the word after the policy's name in their ids. A policy's name has no slash, so the id of one
/// policy's rule is never that of another, whatever the two are called.
const PARTS: [&str; 5] = ["data", "manifest", "uploads", "versions", "replica"];

/// Id of a rule of a policy: `backstay-<policy>-<part>/<below>`.
pub fn rule_id(policy: &str, part: &str, below: &str) -> String {
    format!("backstay-{policy}-{part}/{below}")
}

/// True for ids that [`rule_id`] gives to rules of this policy.
pub fn is_rule_of(policy: &str, id: &str) -> bool {
    let rest = id.strip_prefix("backstay-").and_then(|rest| rest.strip_prefix(policy)?.strip_prefix('-'));
    rest.and_then(|rest| rest.split_once('/')).is_some_and(|(part, _)| PARTS.contains(&part))
}

/// What statements of a bucket's policy are for.
const STATEMENTS: [&str; 2] = ["TlsOnly", "NoOverwrite"];

/// `Sid` of a statement in a bucket's policy: letters and digits only, so the policy's name loses its dashes.
pub fn statement_id(policy: &str, word: &str) -> String {
    let mut name = String::new();
    for part in policy.split('-').filter(|part| !part.is_empty()) {
        let mut letters = part.chars();
        match letters.next() {
            // `a-1` is another policy than `a1`.
            Some(digit) if digit.is_ascii_digit() && !name.is_empty() => name.extend(['D', 'a', 's', 'h', digit]),
            Some(first) => name.push(first.to_ascii_uppercase()),
            None => {}
        }
        name.extend(letters);
    }
    format!("Backstay{word}{name}")
}

/// True for names that [`statement_id`] gives to statements of this policy.
pub fn is_statement_of(policy: &str, sid: &str) -> bool {
    STATEMENTS.iter().any(|word| statement_id(policy, word) == sid)
}

/// The tags that mark what a policy made.
pub fn marks(policy: &str) -> BTreeMap<String, String> {
    [(MANAGED_BY, BACKSTAY), (POLICY_TAG, policy)].map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

/// True when the tags say that a policy made this thing.
pub fn is_marked(tags: &BTreeMap<String, String>, policy: &str) -> bool {
    tags.get(POLICY_TAG).is_some_and(|name| name == policy)
}

/// Tags as they are written: those that are wanted, over those that are there. The mark of another policy stays, or
/// two policies with one bucket would write it in turn. Also what stays of the foreign ones, for people.
pub(super) fn merged_tags(
    policy: &str,
    wanted: &BTreeMap<String, String>,
    found: &BTreeMap<String, String>,
) -> (BTreeMap<String, String>, Vec<String>) {
    let mut after = found.clone();
    for (key, value) in wanted {
        let of_another = key == POLICY_TAG && found.get(POLICY_TAG).is_some_and(|name| name != policy);
        if !of_another {
            after.insert(key.clone(), value.clone());
        }
    }
    let kept = found.iter().filter(|(key, _)| !wanted.contains_key(*key) || after[*key] != wanted[*key]);
    (after.clone(), kept.map(|(key, value)| format!("tag {key}={value}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_policy_takes_the_rules_or_statements_of_another() {
        let names = ["a", "a-b", "a-data", "a-uploads", "b", "a-b-data", "a1", "a-replica", "uploads"];
        for policy in names {
            for other in names {
                for part in PARTS {
                    let id = rule_id(other, part, "s/t");
                    assert_eq!(is_rule_of(policy, &id), policy == other, "{policy}: {id}");
                }
                for word in STATEMENTS {
                    let sid = statement_id(other, word);
                    assert_eq!(is_statement_of(policy, &sid), policy == other, "{policy}: {sid}");
                    assert!(sid.bytes().all(|b| b.is_ascii_alphanumeric()), "{sid}");
                }
            }
        }
        assert!(!is_rule_of("a", "backstay-a-something/else") && !is_rule_of("a", "backstay-a-data"));
        assert_ne!(statement_id("a-1", "TlsOnly"), statement_id("a1", "TlsOnly"));
    }

    #[test]
    fn the_mark_of_another_policy_and_foreign_tags_stay() {
        let found = [("team", "x"), (POLICY_TAG, "other")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        let (after, kept) = merged_tags("shop", &marks("shop"), &found);
        assert_eq!(after.get(POLICY_TAG).map(String::as_str), Some("other"));
        assert_eq!(after.get(MANAGED_BY).map(String::as_str), Some(BACKSTAY));
        assert_eq!(kept, ["tag backstay-policy=other", "tag team=x"]);
    }
}
