//! A plan for people: what is done where and why, what that does to recoverability, what is not done and why not.

use super::Style;
use super::cost::cost;
use super::deferred::deferred;
use super::effects::effects;
use super::forecast::forecasts;
use super::identity::identities;
use super::irreversible::irreversible;
use super::permissions::permissions;
use super::recovery::recovery;
use super::refused::refused;
use super::restorable::restorable;
use super::steps::steps;
use super::table::plural;
use crate::base::{Size, total};
use crate::plan::{GuardKind, Phase, Plan, Symbol};
use crate::policy::ExplainedValue;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// The whole plan as text, ending with a line feed.
pub fn plan(plan: &Plan, style: Style) -> String {
    let mut out = String::new();
    // Writing into a String cannot fail, so the results of `writeln!` are dropped throughout.
    let _ = writeln!(out, "{} {}", style.bold(&plan.policy.name), style.dim(&format!("({})", plan.policy.file)));
    identities(&mut out, plan, style);
    refused(&mut out, plan, style);
    irreversible(&mut out, plan, style);
    steps(&mut out, plan, style);
    notes(&mut out, plan, style);
    guards(&mut out, plan, style);
    deferred(&mut out, plan, style);
    effects(&mut out, plan, style);
    restorable(&mut out, plan, style);
    forecasts(&mut out, plan, style);
    recovery(&mut out, plan, style);
    cost(&mut out, plan, style);
    permissions(&mut out, plan, style);
    let _ = writeln!(out, "\n{}", summary(plan, style));
    out
}

/// One line that says how much there is to do, and the plan's id.
pub(super) fn summary(plan: &Plan, style: Style) -> String {
    let id = format!("Plan id {}", plan.id.short());
    if plan.is_empty() {
        let errors = plan.guards.iter().filter(|guard| guard.kind == GuardKind::ForeignRule).count();
        let problems = errors + plan.notes.iter().filter(|note| note.is_problem).count();
        let rest = match problems {
            0 => String::new(),
            n => format!(" {}", style.red(&format!("{n} problem{} above.", plural(n)))),
        };
        let done = format!(
            "Nothing to do: {} object{} as the policy says.",
            plan.n_unchanged,
            if plan.n_unchanged == 1 { " is" } else { "s are" }
        );
        return format!("{}{rest} {id}", style.green(&done));
    }
    let count = |phase: Phase| plan.actions.iter().filter(|a| a.phase == phase).count();
    let (creates, changes) = plan
        .actions
        .iter()
        .filter(|a| a.phase == Phase::Infra)
        .fold((0, 0), |(c, m), a| if a.symbol == Symbol::Create { (c + 1, m) } else { (c, m + 1) });
    let freed = total(plan.actions.iter().filter(|a| a.symbol == Symbol::Delete).filter_map(|a| a.bytes));
    let mut parts = Vec::new();
    let mut part = |n: usize, text: String| {
        if n > 0 {
            parts.push(text);
        }
    };
    part(creates, format!("{creates} to create"));
    part(changes, format!("{changes} to change"));
    let (backups, copies, prune) = (count(Phase::Backups), count(Phase::Copies), count(Phase::Prune));
    part(backups, format!("{backups} backup{} due", plural(backups)));
    part(copies, format!("{copies} cop{} to bring", if copies == 1 { "y" } else { "ies" }));
    part(prune, format!("{prune} to delete ({})", Size(freed)));
    let guarded: BTreeSet<_> = plan.guards.iter().flat_map(|guard| &guard.actions).collect();
    let word = if plan.is_refused() { "waiting" } else { "guarded" };
    part(guarded.len(), format!("{} of them {word}", guarded.len()));
    part(plan.n_unchanged as usize, format!("{} unchanged", plan.n_unchanged));
    format!("{} {id}", style.bold(&format!("Plan: {}.", parts.join(", "))))
}

fn notes(out: &mut String, plan: &Plan, style: Style) {
    if plan.notes.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{}", style.bold("Notes"));
    for note in &plan.notes {
        let symbol = if note.is_problem { style.red("!") } else { style.yellow("!") };
        let _ = writeln!(out, "  {symbol} {}: {}", note.about, note.message);
    }
}

fn guards(out: &mut String, plan: &Plan, style: Style) {
    let mut guards = plan.guards.iter().filter(|guard| guard.kind != GuardKind::ForeignRule).peekable();
    if guards.peek().is_none() {
        return;
    }
    let _ = writeln!(out, "\n{}", style.bold("Guarded: shown, and not carried out"));
    for guard in guards {
        let _ = writeln!(out, "  {} [{}] {}", style.yellow("!"), guard.kind.code().id, guard.message);
        let _ = writeln!(out, "      {}", guard.hint);
    }
}

/// Every value of a policy with where it came from, for `plan --explain`.
pub fn explanation(values: &[ExplainedValue], style: Style) -> String {
    let width = values.iter().map(|value| value.path.chars().count()).max().unwrap_or(0);
    let mut out = format!("{}\n", style.bold("Values and their origin"));
    for value in values {
        let origin = style.dim(&format!("({})", value.origin));
        let _ = writeln!(out, "  {:width$}  {}  {origin}", value.path, value.value);
    }
    out
}
