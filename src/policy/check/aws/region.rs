//! How regions are written.

use super::storage::{S3, wrong};
use crate::diag::{Diagnostic, codes, nearest};
use crate::policy::route::Route;
use crate::policy::tree::Node;
use crate::resource::validity::{REGIONS, is_region_form, region_in};

/// A region that has not the form of one. Whether there is such a region is advice: new ones come.
pub(super) fn check(storage: &S3<'_>) -> Option<Diagnostic> {
    let (node, region) = storage.region()?;
    problem(&storage.route.key("region"), node, &region)
}

/// What is wrong with a region.
pub(super) fn problem(route: &Route, node: &Node, region: &str) -> Option<Diagnostic> {
    if is_region_form(region) {
        return None;
    }
    let detail = match region_in(region) {
        Some(_) if region != "EU" => format!("`{region}` is an availability zone"),
        _ => format!("`{region}` is no region"),
    };
    let diagnostic = wrong(&codes::REGION_INVALID, route, node, detail);
    Some(match region_in(region).or_else(|| nearest(region, REGIONS)) {
        Some(meant) => diagnostic.with_hint(format!("Did you mean `{meant}`?")).with_fix(Some(node.span), meant),
        None => {
            diagnostic.with_hint("Write a region such as `eu-central-1`; `aws account list-regions` shows them all.")
        }
    })
}
