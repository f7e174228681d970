//! Names of buckets.

use super::storage::{S3, clear, wrong};
use crate::diag::{Diagnostic, codes};
use crate::policy::route::Route;
use crate::policy::tree::Node;
use crate::resource::validity::{AccountRegional, bucket_name_problem, usable_bucket_name};

/// The bucket of a storage, and the one that takes its access log.
pub(super) fn check(storage: &S3<'_>) -> Vec<Diagnostic> {
    let log = storage.manage("access_logs").and_then(|logs| logs.get("bucket"));
    let log_route = storage.manage_route("access_logs").key("bucket");
    let mut found: Vec<Diagnostic> =
        name(&storage.route.key("bucket"), storage.node.get("bucket")).into_iter().collect();
    found.extend(name(&log_route, log));
    found.extend(elsewhere(storage));
    found
}

fn name(route: &Route, node: Option<&Node>) -> Option<Diagnostic> {
    let (node, name) = clear(node)?;
    let problem = bucket_name_problem(&name)?;
    let diagnostic = wrong(&codes::BUCKET_NAME_INVALID, route, node, format!("`{name}`: {problem}"));
    Some(match usable_bucket_name(&name) {
        Some(meant) => diagnostic.with_hint(format!("Did you mean `{meant}`?")).with_fix(Some(node.span), meant),
        None => diagnostic.with_hint("Write 3 to 63 lower-case letters, digits and `-`, such as `shop-backups`."),
    })
}

/// A name in the namespace of an account and another region: nobody can make such a bucket here.
fn elsewhere(storage: &S3<'_>) -> Option<Diagnostic> {
    let (node, name) = storage.clear("bucket")?;
    let there = AccountRegional::parse(&name)?;
    let (said, region) = storage.region()?;
    if there.region == region {
        return None;
    }
    let detail = format!("`{name}` is a name for {}, and the bucket is to be in {region}", there.region);
    Some(
        wrong(&codes::BUCKET_NAME_INVALID, &storage.route.key("bucket"), node, detail)
            .with_label(Some(said.span), "the region")
            .with_why("Names that end with an account, a region and `-an` exist in that account and region only.")
            .with_hint(format!(
                "Let the name end with `-{}-{region}-an`, or write the region `{}`.",
                there.account, there.region
            )),
    )
}
