//! A finding before its place in the texts is known.

use super::finding::LostPoints;
use crate::diag::Code;
use crate::policy::Route;

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) code: &'static Code,
    pub(super) detail: String,
    /// Where it may be written, the likeliest first. The first one names it.
    pub(super) routes: Vec<Route>,
    pub(super) databases: Vec<String>,
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
    pub(super) lost: Vec<LostPoints>,
}

impl Draft {
    pub(super) fn new(code: &'static Code, detail: impl Into<String>, route: Route) -> Draft {
        Draft {
            code,
            detail: detail.into(),
            routes: vec![route],
            databases: Vec::new(),
            before: None,
            after: None,
            lost: Vec::new(),
        }
    }

    /// Another place where it may be written.
    pub(super) fn or(mut self, route: Route) -> Draft {
        self.routes.push(route);
        self
    }

    /// A database that it is about.
    pub(super) fn of(mut self, database: &str) -> Draft {
        self.databases.push(database.to_owned());
        self
    }

    /// Databases that it is about.
    pub(super) fn of_all<'n>(mut self, databases: impl IntoIterator<Item = &'n str>) -> Draft {
        self.databases.extend(databases.into_iter().map(str::to_owned));
        self
    }

    /// The values before and after.
    pub(super) fn change(mut self, before: impl Into<Option<String>>, after: impl Into<Option<String>>) -> Draft {
        self.before = before.into();
        self.after = after.into();
        self
    }
}

/// The routes of a setting of a database: its own, and that of `defaults`.
pub(super) fn own_or_default(database: &str, keys: &[&str]) -> Vec<Route> {
    let below = |start: Route| keys.iter().fold(start, |route, key| route.key(key));
    vec![below(Route::of(["databases", database])), below(Route::of(["defaults"]))]
}
