//! Errors of a plan, on top of everything else: what in the world would take what the policy promises.

use super::Style;
use crate::plan::{GuardKind, Plan};
use std::fmt::Write as _;

/// Each error with what to do.
pub(super) fn refused(out: &mut String, plan: &Plan, style: Style) {
    if !plan.is_refused() {
        return;
    }
    // Writing into a String cannot fail, so the results of `writeln!` are dropped throughout.
    let head = "Refused: until this is settled `apply` takes backups that are due and does nothing else";
    let _ = writeln!(out, "\n{}", style.bold(head));
    for guard in plan.guards.iter().filter(|guard| guard.kind == GuardKind::ForeignRule) {
        let _ = writeln!(out, "  {} {}", style.red(&format!("error[{}]:", guard.kind.code().id)), guard.message);
        let _ = writeln!(out, "      {}", guard.hint);
    }
}
