//! Things that are in one region and are said to be in two.

use super::storage::{S3, wrong};
use crate::diag::{Diagnostic, codes};
use crate::policy::facts::region_of_endpoint;
use crate::resource::validity::kms_key_region;

/// Buckets, keys and endpoints that stand in another region than the one that is written.
pub(super) fn check(storages: &[S3<'_>]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (index, storage) in storages.iter().enumerate().filter(|(_, storage)| storage.is_aws()) {
        let Some((node, region)) = storage.region() else { continue };
        found.extend(key(storage, &region));
        found.extend(endpoint(storage, &region));
        let bucket = storage.clear("bucket").map(|(_, bucket)| bucket);
        let twin = storages[..index].iter().filter(|other| other.is_aws()).find_map(|other| {
            let (_, name) = other.clear("bucket")?;
            let (there, other_region) = other.region()?;
            (Some(name) == bucket && other_region != region).then_some((other, there, other_region))
        });
        if let Some((other, there, other_region)) = twin {
            let detail = format!("the bucket of `{}` is in {other_region} for `{}`", storage.name, other.name);
            found.push(
                wrong(&codes::REGIONS_DIFFER, &storage.route.key("region"), node, detail)
                    .with_label(Some(there.span), "the other region")
                    .with_why("A bucket is in one region, and its name exists once in all of AWS.")
                    .with_hint("Write the region that the bucket is in for both: `aws s3api head-bucket --bucket NAME` shows it."),
            );
        }
    }
    found
}

fn key(storage: &S3<'_>, region: &str) -> Option<Diagnostic> {
    let key = storage.manage("encryption")?.get("key")?;
    let there = kms_key_region(key.text()?).filter(|there| *there != region)?;
    let route = storage.manage_route("encryption").key("key");
    Some(
        wrong(&codes::REGIONS_DIFFER, &route, key, format!("the key is in {there}, the bucket in {region}"))
            .with_why("S3 encrypts with keys of the bucket's own region only.")
            .with_hint(format!("Name a key of {region}, or an alias such as `alias/backups`.")),
    )
}

fn endpoint(storage: &S3<'_>, region: &str) -> Option<Diagnostic> {
    let (node, url) = storage.clear("endpoint")?;
    let there = region_of_endpoint(&url).filter(|there| there != region)?;
    Some(
        wrong(
            &codes::REGIONS_DIFFER,
            &storage.route.key("endpoint"),
            node,
            format!("the endpoint is that of {there}, the bucket is in {region}"),
        )
        .with_why("S3 refuses calls that are signed for another region.")
        .with_hint("Remove `endpoint`: the one of the region is taken."),
    )
}
