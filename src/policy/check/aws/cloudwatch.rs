//! Where CloudWatch is, and whom its alarms tell.

use super::principals::arn;
use super::region;
use super::storage::clear;
use crate::diag::Diagnostic;
use crate::policy::check::names::items;
use crate::policy::route::Route;
use crate::policy::tree::Node;

/// A region that has not the form of one, and ARNs that are none.
pub(super) fn check(tree: &Node) -> Vec<Diagnostic> {
    let Some(cloudwatch) = tree.get("alerts").and_then(|alerts| alerts.get("cloudwatch")) else { return Vec::new() };
    let route = Route::of(["alerts", "cloudwatch"]);
    let region = clear(cloudwatch.get("region"));
    let mut found: Vec<Diagnostic> =
        region.and_then(|(node, text)| region::problem(&route.key("region"), node, &text)).into_iter().collect();
    for (index, node) in items(cloudwatch.get("notify")) {
        let Some((node, text)) = clear(Some(node)) else { continue };
        let is_arn = text.starts_with("arn:") && text.splitn(6, ':').filter(|part| !part.is_empty()).count() >= 4;
        let hint = "Write `arn:aws:sns:<region>:<account>:<topic>`; `aws sns list-topics` shows them.";
        if !is_arn {
            found.push(arn(&route.key("notify").index(index), node, &text, "it is no ARN", hint));
        }
    }
    found
}
