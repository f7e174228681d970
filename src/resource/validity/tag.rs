//! Tags that AWS takes.
//!
//! As the user guide of S3 says (page "Using cost allocation S3 bucket tags"), and the API of S3 (its type `Tag`).

/// A bucket takes so many tags.
pub const MOST_TAGS: usize = 50;

/// What is wrong with a tag; `None` when AWS takes it.
pub fn tag_problem(key: &str, value: &str) -> Option<String> {
    let is_fine = |c: char| c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c);
    let too_long = |what: &str, text: &str, most: usize| {
        let length = text.chars().count();
        (length > most).then(|| format!("its {what} has {length} characters, and AWS takes {most}"))
    };
    if key.is_empty() {
        return Some("it has no key".to_owned());
    }
    if key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:")) {
        return Some("AWS keeps keys that begin with `aws:` for itself".to_owned());
    }
    if let Some((what, strange)) = [("key", key), ("value", value)]
        .iter()
        .find_map(|(what, text)| Some((what, text.chars().find(|c| !is_fine(*c))?)))
    {
        return Some(format!("its {what} has `{}`", strange.escape_debug()));
    }
    too_long("key", key, 128).or_else(|| too_long("value", value, 256))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aws_takes_letters_of_any_script_and_a_few_signs() {
        assert_eq!(tag_problem("Größe", "a b_c.d:e/f=g+h-i@j 日本"), None);
        assert_eq!(tag_problem(&"ä".repeat(128), &"ä".repeat(256)), None);
        assert_eq!(tag_problem("awsome", ""), None);
    }

    #[test]
    fn each_limit_is_told() {
        for (key, value, problem) in [
            ("", "x", "no key"),
            ("aws:team", "x", "`aws:`"),
            ("AWS:team", "x", "`aws:`"),
            ("a*", "x", "key has `*`"),
            ("a", "x\ny", "value has"),
            ("a", "x;y", "value has `;`"),
        ] {
            let said = tag_problem(key, value);
            assert!(said.as_ref().is_some_and(|said| said.contains(problem)), "{key}: {said:?}");
        }
        assert!(tag_problem(&"a".repeat(129), "").is_some_and(|said| said.contains("129")));
        assert!(tag_problem("a", &"a".repeat(257)).is_some_and(|said| said.contains("257")));
    }
}
