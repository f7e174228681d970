//! Why a plan does not hold any more: what moved, and the difference between it and the plan that would be made now.

use super::Style;
use crate::plan::{Difference, Plan};
use similar::{ChangeTag, TextDiff};
use std::fmt::Write as _;

/// The differences, then the two plans line by line.
pub fn stale(saved: &Plan, fresh: &Plan, differences: &[Difference], style: Style) -> String {
    let mut out = String::new();
    // Writing into a String cannot fail, so the results of `writeln!` are dropped throughout.
    let _ = writeln!(out, "Since the plan {} was made:", saved.id.short());
    for difference in differences {
        let _ = writeln!(out, "  {} {}: {}", style.yellow("!"), difference.about, difference.what);
    }
    let (before, after) = (lines(saved), lines(fresh));
    if before == after {
        let _ = writeln!(out, "The steps would be the same ones.");
        return out;
    }
    let _ = writeln!(out, "The steps then and now:");
    for change in TextDiff::from_lines(&before, &after).iter_all_changes() {
        let line = change.value().trim_end();
        let _ = match change.tag() {
            ChangeTag::Equal => writeln!(out, "    {line}"),
            ChangeTag::Delete => writeln!(out, "  {}", style.red(&format!("- {line}"))),
            ChangeTag::Insert => writeln!(out, "  {}", style.green(&format!("+ {line}"))),
        };
    }
    out
}

fn lines(plan: &Plan) -> String {
    plan.actions.iter().map(|action| format!("{}: {}\n", action.address, action.deed.title())).collect()
}
