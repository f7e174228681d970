//! How much of a database is backed up.

use super::draft::{Draft, own_or_default};
use super::pair::{Both, Pair};
use crate::base::quoted;
use crate::diag::codes;
use crate::policy::Route;

pub(super) fn compare(pair: &Pair<'_>, found: &mut Vec<Draft>) {
    for both in &pair.databases {
        dump(both, found);
        matching(both, found);
    }
}

fn dump(both: &Both<'_>, found: &mut Vec<Draft>) {
    let (old, new) = (&both.before.dump, &both.after.dump);
    let mut say = |is_less: bool, key: &str, detail: String| {
        let code = if is_less { &codes::SCOPE_LESS } else { &codes::SCOPE_MORE };
        let mut routes = own_or_default(both.name, &["dump", key]);
        routes.extend(own_or_default(both.name, &["dump"]));
        found.push(Draft { routes, ..Draft::new(code, detail, Route::top()) }.of(both.name));
    };
    let excludes = [
        ("exclude_tables", &old.exclude_tables, &new.exclude_tables, "tables"),
        ("exclude_table_data", &old.exclude_table_data, &new.exclude_table_data, "rows of"),
        ("exclude_schemas", &old.exclude_schemas, &new.exclude_schemas, "schemas"),
    ];
    for (key, old, new, what) in excludes {
        for pattern in added(old, new) {
            say(true, key, format!("{what} {} are left out", quoted(pattern)));
        }
        for pattern in added(new, old) {
            say(false, key, format!("{what} {} are no longer left out", quoted(pattern)));
        }
    }
    // No schema named means all of them.
    match (old.schemas.is_empty(), new.schemas.is_empty()) {
        (true, false) => say(true, "schemas", format!("only the schemas {} instead of all", listed(&new.schemas))),
        (false, true) => say(false, "schemas", format!("all schemas instead of {}", listed(&old.schemas))),
        _ => {
            for schema in added(&new.schemas, &old.schemas) {
                say(true, "schemas", format!("the schema {} is left out", quoted(schema)));
            }
            for schema in added(&old.schemas, &new.schemas) {
                say(false, "schemas", format!("the schema {} is no longer left out", quoted(schema)));
            }
        }
    }
    match (old.globals, new.globals) {
        (true, false) => say(true, "globals", "roles and tablespaces of the server are left out".to_owned()),
        (false, true) => say(false, "globals", "roles and tablespaces of the server are kept too".to_owned()),
        _ => {}
    }
}

fn matching(both: &Both<'_>, found: &mut Vec<Draft>) {
    let (Some(old), Some(new)) = (&both.before.matching, &both.after.matching) else { return };
    let mut say = |is_less: bool, key: &str, detail: String| {
        let code = if is_less { &codes::SCOPE_LESS } else { &codes::SCOPE_MORE };
        let route = Route::of(["databases", both.name, "match"]);
        found.push(Draft::new(code, detail, route.key(key)).or(route).of(both.name));
    };
    for pattern in added(&new.include, &old.include) {
        say(true, "include", format!("databases {} are no longer included", quoted(pattern)));
    }
    for pattern in added(&old.include, &new.include) {
        say(false, "include", format!("databases {} are included", quoted(pattern)));
    }
    for pattern in added(&old.exclude, &new.exclude) {
        say(true, "exclude", format!("databases {} are excluded", quoted(pattern)));
    }
    for pattern in added(&new.exclude, &old.exclude) {
        say(false, "exclude", format!("databases {} are no longer excluded", quoted(pattern)));
    }
}

/// What the second list has and the first has not.
fn added<'l>(old: &'l [String], new: &'l [String]) -> impl Iterator<Item = &'l String> {
    new.iter().filter(|item| !old.contains(item))
}

fn listed(items: &[String]) -> String {
    items.iter().map(|item| quoted(item)).collect::<Vec<_>>().join(", ")
}
