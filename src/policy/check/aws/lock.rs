//! How long object lock holds.
//!
//! As the API of S3 says (its type `DefaultRetention`): 1 to 36,500 days.

use super::storage::wrong;
use crate::base::Period;
use crate::diag::{Diagnostic, codes};
use crate::policy::check::names::{entries, items};
use crate::policy::route::Route;
use crate::policy::tree::Node;

const LONGEST: Period = Period::days(36_500);

/// A lock of no time, or of more than S3 takes.
pub(super) fn check(route: &Route, lock: Option<&Node>) -> Option<Diagnostic> {
    let retain = lock?.get("retain")?;
    let period: Period = retain.text()?.parse().ok()?;
    let detail = if period.0 == 0 {
        "a lock of no time locks nothing".to_owned()
    } else if period > LONGEST {
        format!("{period} is longer than the 36500d that S3 takes")
    } else {
        return None;
    };
    Some(
        wrong(&codes::LOCK_OUT_OF_RANGE, &route.key("retain"), retain, detail)
            .with_hint("Write `1d` to `36500d`, not longer than copies are kept."),
    )
}

/// The locks of all copies.
pub(super) fn of_copies(tree: &Node) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (route, tier) in entries(tree, &Route::of(["tiers"])) {
        for (index, copy) in items(tier.get("copies")) {
            found.extend(check(&route.key("copies").index(index).key("lock"), copy.get("lock")));
        }
    }
    found
}
