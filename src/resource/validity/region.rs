//! Regions of AWS: how their names are formed, and which there were when this table was made.

/// Every region of the partitions that are open to customers, as the SDK for Python names them (botocore 1.44.8,
/// 2026-11). New ones come, so a region that is not here may exist.
pub const REGIONS: [&str; 41] = [
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "me-west-1",
    "mx-central-1",
    "sa-east-1",
    "sa-west-1",
    "cn-north-1",
    "cn-northwest-1",
    "us-gov-east-1",
    "us-gov-west-1",
    "eusc-de-east-1",
];

/// True for texts that have the form of a region: words of lower-case letters, then a number, all with dashes between.
pub fn is_region_form(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let Some((number, words)) = parts.split_last() else { return false };
    let is_word = |word: &&str| word.len() >= 2 && word.bytes().all(|b| b.is_ascii_lowercase());
    let is_number = (1..=2).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    (2..=4).contains(&words.len()) && words.iter().all(is_word) && is_number
}

/// The region that a text with something more or less means: of an availability zone, or an old name of S3.
pub fn region_in(text: &str) -> Option<&str> {
    if text == "EU" {
        return Some("eu-west-1");
    }
    let zone = text.strip_suffix(|c: char| c.is_ascii_lowercase())?;
    is_region_form(zone).then_some(zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_region_has_the_form() {
        for region in REGIONS {
            assert!(is_region_form(region), "{region}");
        }
        for region in ["us-iso-east-1", "us-isob-west-1", "xy-northsouth-12"] {
            assert!(is_region_form(region), "{region}");
        }
        for other in ["", "us", "us-east", "us-east-", "us-east-1a", "US-EAST-1", "us_east_1", "aws-global", "1-a-1"] {
            assert!(!is_region_form(other), "{other}");
        }
        assert_eq!(
            (region_in("us-east-1a"), region_in("EU"), region_in("us-east")),
            (Some("us-east-1"), Some("eu-west-1"), None)
        );
    }
}
