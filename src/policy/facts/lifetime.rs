//! How long a copy lives by its `keep`.

use super::interval::interval;
use crate::base::Period;
use crate::catalog::Keep;
use crate::policy::document::Document;
use crate::policy::route::Route;
use crate::schedule::Schedule;
use jiff::Timestamp;

/// Age at which a copy expires; of `last`, as long as so many backups take. `None` when nobody can tell.
pub(in crate::policy) fn lifetime(keep: Keep, schedule: &Schedule, now: Timestamp) -> Option<Period> {
    match keep {
        Keep::For(age) | Keep::ForAtLeast(age, _) => Some(age),
        Keep::Last(count) => interval(schedule, now).map(|each| Period(each.0.saturating_mul(u64::from(count)))),
    }
}

/// The place of the number that decides: `keep`, `keep.for` or `keep.last`.
pub(in crate::policy) fn keep_route(document: &Document, copy: &Route) -> Route {
    let keep = copy.key("keep");
    ["for", "last"].into_iter().map(|key| keep.key(key)).find(|route| document.tree.at(route).is_some()).unwrap_or(keep)
}
