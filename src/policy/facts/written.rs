//! Where a setting of a database is written: at the database, in `defaults`, or nowhere.

use crate::policy::document::Document;
use crate::policy::route::Route;

/// The route of a database's setting: below the database when it is written there, else below `defaults` when it is
/// written there, else the database itself.
pub(in crate::policy) fn written<const N: usize>(document: &Document, database: &str, keys: [&str; N]) -> Route {
    let below = |start: Route| keys.iter().fold(start, |route, key| route.key(key));
    let entry = Route::of(["databases", database]);
    [below(entry.clone()), below(Route::of(["defaults"]))]
        .into_iter()
        .find(|route| document.tree.at(route).is_some())
        .unwrap_or(entry)
}
