//! Whether an endpoint is AWS's own, what its host tells, and which storages are in AWS.

use crate::policy::model::{Policy, S3Storage, Storage};
use crate::resource::validity::is_region_form;

/// The storages that are certainly buckets of AWS, by name.
pub(in crate::policy) fn buckets_of_aws(policy: &Policy) -> impl Iterator<Item = (&String, &S3Storage)> {
    policy.storage.iter().filter_map(|(name, storage)| match storage {
        Storage::S3(bucket) if is_in_aws(bucket) => Some((name, bucket)),
        _ => None,
    })
}

/// True for a bucket that is certainly in AWS.
pub(in crate::policy) fn is_in_aws(bucket: &S3Storage) -> bool {
    bucket.endpoint.as_ref().is_none_or(|endpoint| endpoint.as_literal().is_some_and(|url| is_endpoint_of_aws(&url)))
}

/// True for URLs of AWS's own servers.
pub(in crate::policy) fn is_endpoint_of_aws(url: &str) -> bool {
    labels(url).is_some()
}

/// The region in the host of an endpoint of AWS; `None` where it tells none.
pub(in crate::policy) fn region_of_endpoint(url: &str) -> Option<String> {
    let labels = labels(url)?;
    labels.into_iter().find(|label| is_region_form(label))
}

/// The bucket in the host of an endpoint of AWS: of `https://shop.s3.eu-west-1.amazonaws.com` it is `shop`. Endpoints of
/// a network of one's own (`bucket.vpce-…`) have none.
pub(in crate::policy) fn bucket_in_endpoint(url: &str) -> Option<String> {
    let labels = labels(url)?;
    let at = labels.iter().position(|label| label == "s3" || label.starts_with("s3-"))?;
    let is_own_network = labels[..at].iter().any(|label| label.starts_with("vpce-"));
    (at > 0 && !is_own_network).then(|| labels[..at].join("."))
}

/// The parts of the host before `amazonaws.com`.
fn labels(url: &str) -> Option<Vec<String>> {
    let (_, rest) = url.split_once("://")?;
    let host = rest.split(['/', ':', '?']).next().unwrap_or_default().to_ascii_lowercase();
    let host = host.trim_end_matches('.');
    let before = host.strip_suffix(".amazonaws.com").or_else(|| host.strip_suffix(".amazonaws.com.cn"))?;
    Some(before.split('.').map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_aws_tell_region_and_bucket() {
        for (url, region, bucket) in [
            ("https://s3.eu-west-1.amazonaws.com", Some("eu-west-1"), None),
            ("https://s3.amazonaws.com", None, None),
            ("https://s3.dualstack.us-east-2.amazonaws.com/", Some("us-east-2"), None),
            ("https://s3.cn-north-1.amazonaws.com.cn:443", Some("cn-north-1"), None),
            ("https://my.shop.s3.eu-west-1.amazonaws.com", Some("eu-west-1"), Some("my.shop")),
            ("https://bucket.vpce-1a2b.s3.us-east-1.vpce.amazonaws.com", Some("us-east-1"), None),
        ] {
            assert!(is_endpoint_of_aws(url), "{url}");
            assert_eq!(region_of_endpoint(url).as_deref(), region, "{url}");
            assert_eq!(bucket_in_endpoint(url).as_deref(), bucket, "{url}");
        }
        for url in ["https://s3.example.org", "https://amazonaws.com.example.org", "http://127.0.0.1:9000", "s3"] {
            assert!(!is_endpoint_of_aws(url), "{url}");
        }
    }
}
