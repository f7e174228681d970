//! What people call the storage classes of S3, other than its API does: names of the console, of the price list and of
//! Terraform, and old ones.

/// The class that a name means that the API does not know; `None` for every other text.
pub(super) fn class_meant(text: &str) -> Option<&'static str> {
    let letters: String = text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect();
    let short = ["AMAZON", "AWS", "S3"]
        .into_iter()
        .fold(letters.as_str(), |rest, word| rest.strip_prefix(word).unwrap_or(rest));
    Some(match short {
        "STANDARD" => "STANDARD",
        "IA" | "STANDARDIA" | "STANDARDINFREQUENTACCESS" | "INFREQUENTACCESS" => "STANDARD_IA",
        "ZIA" | "ONEZONE" | "ONEZONEIA" | "ONEZONEINFREQUENTACCESS" => "ONEZONE_IA",
        "INT" | "INTELLIGENT" | "INTELLIGENTTIERING" => "INTELLIGENT_TIERING",
        "GIR" | "GLACIERIR" | "GLACIERINSTANT" | "GLACIERINSTANTRETRIEVAL" | "INSTANTRETRIEVAL" => "GLACIER_IR",
        "GLACIER" | "GLACIERFLEXIBLE" | "GLACIERFLEXIBLERETRIEVAL" | "FLEXIBLERETRIEVAL" | "GFR" => "GLACIER",
        "DEEPARCHIVE" | "GLACIERDEEPARCHIVE" | "GDA" | "DEEPGLACIER" | "DEEP" => "DEEP_ARCHIVE",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_console_and_of_other_programs_are_understood() {
        for (name, class) in [
            ("S3 Glacier Flexible Retrieval", Some("GLACIER")),
            ("Glacier Instant Retrieval", Some("GLACIER_IR")),
            ("glacier-deep-archive", Some("DEEP_ARCHIVE")),
            ("S3 One Zone-IA", Some("ONEZONE_IA")),
            ("standard-ia", Some("STANDARD_IA")),
            ("IntelligentTiering", Some("INTELLIGENT_TIERING")),
            ("REDUCED_REDUNDANCY", None),
            ("OUTPOSTS", None),
            ("", None),
        ] {
            assert_eq!(class_meant(name), class, "{name}");
        }
    }
}
