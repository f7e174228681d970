//! What a plan would delete and cannot yet, for people.

use super::Style;
use crate::base::{Size, total};
use crate::plan::{Deferral, Plan};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// One line for each tier and storage: how much is locked, and until when.
pub(super) fn deferred(out: &mut String, plan: &Plan, style: Style) {
    if plan.deferred.is_empty() {
        return;
    }
    // Writing into a String cannot fail, so the results of `writeln!` are dropped throughout.
    let _ = writeln!(out, "\n{}", style.bold("Deferred: locked, and planned once the lock has ended"));
    let mut groups: BTreeMap<(&str, &str, &str), Vec<&Deferral>> = BTreeMap::new();
    for locked in &plan.deferred {
        groups.entry((&locked.database, &locked.tier, &locked.storage)).or_default().push(locked);
    }
    for ((database, tier, storage), mut locked) in groups {
        locked.sort_by_key(|locked| (locked.until.is_none(), locked.until));
        let bytes = Size(total(locked.iter().map(|locked| locked.bytes)));
        let when = |locked: &Deferral| match locked.until {
            Some(until) => until.strftime("%Y-%m-%d %H:%M UTC").to_string(),
            None => "somebody lifts its hold".to_owned(),
        };
        let what = match locked.as_slice() {
            [only] => format!("{} until {}", only.id, when(only)),
            [first, .., last] => {
                format!("{} copies, {} until {}, the last until {}", locked.len(), first.id, when(first), when(last))
            }
            [] => continue,
        };
        let _ = writeln!(out, "  {} {database} {tier} at {storage}: {what}, {bytes}", style.yellow("!"));
    }
}
