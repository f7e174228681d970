//! The steps of a plan that cannot be taken back, on top of everything else.

use super::Style;
use crate::plan::Plan;
use std::fmt::Write as _;

/// Each step with why, and the word that allows it.
pub(super) fn irreversible(out: &mut String, plan: &Plan, style: Style) {
    let steps: Vec<_> = plan.actions.iter().filter_map(|a| Some((&a.address, a.irreversible.as_ref()?))).collect();
    if steps.is_empty() {
        return;
    }
    // Writing into a String cannot fail, so the results of `writeln!` are dropped throughout.
    let _ = writeln!(out, "\n{}", style.bold("Cannot be taken back: left out unless allowed by name"));
    for (address, why) in &steps {
        let _ = writeln!(out, "  {} {address}: {why}", style.red("!"));
    }
    let words: Vec<String> = steps.iter().map(|(address, _)| format!("--allow-irreversible {address}")).collect();
    let _ = writeln!(out, "      {}", style.dim(&format!("backstay apply {}", words.join(" "))));
}
