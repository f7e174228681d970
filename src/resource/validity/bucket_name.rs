//! Names that S3 takes for a bucket.
//!
//! As the user guide of S3 says (pages "General purpose bucket naming rules" and "Namespaces for general purpose
//! buckets").

use super::region::is_region_form;

const PREFIXES: [&str; 3] = ["xn--", "sthree-", "amzn-s3-demo-"];
const SUFFIXES: [&str; 4] = ["-s3alias", "--ol-s3", ".mrap", "--x-s3"];

/// What is wrong with the name of a bucket; `None` when S3 takes it.
pub fn bucket_name_problem(name: &str) -> Option<String> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if let Some(strange) = name.chars().find(|c| !is_plain(*c) && !matches!(c, '.' | '-')) {
        return Some(match strange {
            'A'..='Z' => "it has upper-case letters".to_owned(),
            other => format!("it has `{}`", other.escape_debug()),
        });
    }
    let length = name.len();
    if !(3..=63).contains(&length) {
        return Some(format!("it has {length} character{}, and S3 takes 3 to 63", if length == 1 { "" } else { "s" }));
    }
    if !name.starts_with(is_plain) || !name.ends_with(is_plain) {
        return Some("it does not begin and end with a letter or digit".to_owned());
    }
    if name.contains("..") {
        return Some("it has two dots in a row".to_owned());
    }
    if is_address(name) {
        return Some("it looks like an IP address".to_owned());
    }
    if let Some(prefix) = PREFIXES.into_iter().find(|prefix| name.starts_with(prefix)) {
        return Some(format!("S3 keeps names that begin with `{prefix}` for itself"));
    }
    let suffix = SUFFIXES.into_iter().find(|suffix| name.ends_with(suffix))?;
    Some(format!("S3 keeps names that end with `{suffix}` for itself"))
}

fn is_address(name: &str) -> bool {
    let parts: Vec<&str> = name.split('.').collect();
    parts.len() == 4 && parts.iter().all(|part| part.parse::<u8>().is_ok())
}

/// The name that was probably meant by one that S3 does not take; `None` when nobody can tell.
pub fn usable_bucket_name(name: &str) -> Option<String> {
    let meant = name.trim().trim_start_matches("s3://").trim_matches('/').to_ascii_lowercase().replace(['_', ' '], "-");
    (meant != name && bucket_name_problem(&meant).is_none()).then_some(meant)
}

/// A name in the namespace of one account and region: `<prefix>-<account>-<region>-an`. Nobody else can take it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountRegional<'a> {
    /// Twelve digits.
    pub account: &'a str,
    /// The region.
    pub region: &'a str,
}

impl<'a> AccountRegional<'a> {
    /// The account and region in such a name; `None` for every other.
    pub fn parse(name: &'a str) -> Option<AccountRegional<'a>> {
        let rest = name.strip_suffix("-an")?;
        // The account is the last part of twelve digits behind which a region stands.
        let dashes: Vec<usize> = rest.match_indices('-').map(|(at, _)| at).collect();
        dashes.windows(2).rev().find_map(|pair| {
            let (account, region) = (&rest[pair[0] + 1..pair[1]], &rest[pair[1] + 1..]);
            let is_account = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
            (is_account && is_region_form(region)).then_some(AccountRegional { account, region })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_s3_takes_has_no_problem() {
        let longest = "a".repeat(63);
        for name in ["abc", "a-b.c-1", "1.2.3.4.5", "192.168.5.456", "backups-an", "xn-a", longest.as_str()] {
            assert_eq!(bucket_name_problem(name), None, "{name}");
        }
    }

    #[test]
    fn every_rule_of_s3_is_told_apart() {
        let longer = "a".repeat(64);
        for (name, problem) in [
            ("", "0 characters"),
            ("ab", "2 characters"),
            ("a", "1 character,"),
            (longer.as_str(), "64 characters"),
            ("Backups", "upper-case"),
            ("shop_backups", "`_`"),
            ("shop/backups", "`/`"),
            ("bücher", "`ü`"),
            ("-abc", "begin and end"),
            ("abc.", "begin and end"),
            ("a..b", "two dots"),
            ("192.168.5.4", "IP address"),
            ("xn--abc", "`xn--`"),
            ("sthree-abc", "`sthree-`"),
            ("sthree-configurator", "`sthree-`"),
            ("amzn-s3-demo-bucket", "`amzn-s3-demo-`"),
            ("abc-s3alias", "`-s3alias`"),
            ("abc--ol-s3", "`--ol-s3`"),
            ("abc.mrap", "`.mrap`"),
            ("abc--x-s3", "`--x-s3`"),
        ] {
            let said = bucket_name_problem(name);
            assert!(said.as_ref().is_some_and(|said| said.contains(problem)), "{name}: {said:?}");
        }
    }

    #[test]
    fn slips_are_understood() {
        assert_eq!(usable_bucket_name("Shop_Backups").as_deref(), Some("shop-backups"));
        assert_eq!(usable_bucket_name("s3://shop-backups/").as_deref(), Some("shop-backups"));
        assert_eq!(usable_bucket_name("shop-backups"), None);
        assert_eq!(usable_bucket_name("ä"), None);
    }

    #[test]
    fn the_namespace_of_an_account_is_found() {
        let parsed = AccountRegional::parse("ftry-backups-123456789012-us-east-1-an");
        assert_eq!(parsed, Some(AccountRegional { account: "123456789012", region: "us-east-1" }));
        let twice = AccountRegional::parse("a-111111111111-222222222222-us-gov-west-1-an");
        assert_eq!(twice.map(|found| found.account), Some("222222222222"));
        for other in ["backups-an", "a-123-us-east-1-an", "a-123456789012-us-east-1", "a-123456789012-nowhere-an"] {
            assert_eq!(AccountRegional::parse(other), None, "{other}");
        }
    }
}
