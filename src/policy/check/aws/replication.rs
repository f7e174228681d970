//! Where a bucket can replicate to.
//!
//! As the user guide of S3 says (page "What does Amazon S3 replicate?" and "Requirements and considerations for
//! replication").

use super::storage::{S3, wrong};
use super::versions::is_off;
use crate::diag::{Diagnostic, codes};

/// Every bucket that S3 cannot replicate to where the policy says.
pub(super) fn check(storages: &[S3<'_>]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for storage in storages {
        let Some((node, name)) = storage.manage("replicate_to").and_then(|node| Some((node, node.text()?))) else {
            continue;
        };
        // A storage that is not there, or is a folder, is reported elsewhere.
        let Some(target) = storages.iter().find(|other| other.name == name) else { continue };
        let Some((detail, hint)) = problem(storage, target) else { continue };
        found.push(
            wrong(&codes::REPLICATION_INVALID, &storage.manage_route("replicate_to"), node, detail)
                .with_label(Some(target.node.place()), format!("`{name}`"))
                .with_hint(hint),
        );
    }
    found
}

fn problem(storage: &S3<'_>, target: &S3<'_>) -> Option<(String, String)> {
    let (from, to) = (&storage.name, &target.name);
    let bucket = |of: &S3<'_>| of.clear("bucket").map(|(_, bucket)| bucket);
    let prefix = |of: &S3<'_>| match of.node.get("prefix") {
        None => Some(String::new()),
        Some(_) => of.clear("prefix").map(|(_, prefix)| prefix.trim_matches('/').to_owned()),
    };
    if let Some(elsewhere) =
        [storage, target].into_iter().find(|one| one.node.get("endpoint").is_some() && !one.is_aws())
    {
        let detail = format!("`{}` is not in AWS, and S3 replicates between its own buckets only", elsewhere.name);
        return Some((detail, format!("Let tiers write a copy to `{to}` as well.")));
    }
    if from == to || bucket(storage).is_some_and(|own| bucket(target) == Some(own)) {
        let hint = "Name a storage in another bucket, best in another region.".to_owned();
        return Some((format!("`{from}` and `{to}` are one bucket"), hint));
    }
    if let (Some(own), Some(there)) = (prefix(storage), prefix(target))
        && own != there
    {
        let detail = format!("replicas keep their keys, so `{to}` would not find them below its prefix `{there}`");
        let hint = match own.as_str() {
            "" => format!("Remove `prefix` of `{to}`, or give both the same."),
            own => format!("Give `{to}` the prefix of `{from}`: `{own}`."),
        };
        return Some((detail, hint));
    }
    if is_off(target.manage("versioning")) {
        let detail = format!("`{to}` is not to keep versions, and S3 replicates versions");
        return Some((detail, format!("Write `versioning: true` in `{to}`.")));
    }
    None
}
