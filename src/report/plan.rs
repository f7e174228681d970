//! A plan for people: what is done where and why, what that does to recoverability, what is not done and why not.

use super::Style;
use super::cost::cost;
use super::deferred::deferred;
use super::forecast::forecasts;
use super::identity::identities;
use super::irreversible::irreversible;
use super::permissions::permissions;
use super::recovery::recovery;
use super::table::plural;
use crate::base::{Size, total};
use crate::plan::{Action, Deed, Effect, FieldChange, Phase, Plan, Symbol};
use crate::policy::ExplainedValue;
use similar::{ChangeTag, TextDiff};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// The whole plan as text, ending with a line feed.
pub fn plan(plan: &Plan, style: Style) -> String {
    let mut out = String::new();
    // Writing into a String cannot fail, so the results of `writeln!` are dropped throughout.
    let _ = writeln!(out, "{} {}", style.bold(&plan.policy.name), style.dim(&format!("({})", plan.policy.file)));
    identities(&mut out, plan, style);
    irreversible(&mut out, plan, style);
    actions(&mut out, plan, style);
    notes(&mut out, plan, style);
    guards(&mut out, plan, style);
    deferred(&mut out, plan, style);
    effects(&mut out, plan, style);
    forecasts(&mut out, plan, style);
    recovery(&mut out, plan, style);
    cost(&mut out, plan, style);
    permissions(&mut out, plan, style);
    let _ = writeln!(out, "\n{}", summary(plan, style));
    out
}

/// One line that says how much there is to do, and the plan's id.
fn summary(plan: &Plan, style: Style) -> String {
    let id = format!("Plan id {}", plan.id.short());
    if plan.is_empty() {
        let problems = plan.notes.iter().filter(|note| note.is_problem).count();
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
    part(guarded.len(), format!("{} of them guarded", guarded.len()));
    part(plan.n_unchanged as usize, format!("{} unchanged", plan.n_unchanged));
    format!("{} {id}", style.bold(&format!("Plan: {}.", parts.join(", "))))
}

fn actions(out: &mut String, plan: &Plan, style: Style) {
    let guarded: BTreeSet<&str> = plan.guards.iter().flat_map(|guard| &guard.actions).map(String::as_str).collect();
    let mut groups: BTreeMap<String, BTreeMap<Option<&str>, Vec<&Action>>> = BTreeMap::new();
    for action in &plan.actions {
        let place = match &action.deed {
            Deed::Provision { storage: None, access: Some(access), .. } => format!("access {access}"),
            deed => deed.storages().join(", "),
        };
        let group = groups.entry(place).or_default();
        group.entry(action.deed.database()).or_default().push(action);
    }
    for (storages, databases) in groups {
        let location = plan.basis.storages.get(&storages).map_or("", |basis| &basis.location);
        let _ = writeln!(out, "{}", format!("\n{} {}", style.bold(&storages), style.dim(location)).trim_end());
        for (database, actions) in databases {
            if let Some(database) = database {
                let _ = writeln!(out, "  {}", style.bold(database));
            }
            for action in actions {
                line(out, action, guarded.contains(action.address.as_str()), style);
            }
        }
    }
}

fn line(out: &mut String, action: &Action, guarded: bool, style: Style) {
    let symbol = action.symbol.character().to_string();
    let symbol = match (guarded, action.symbol) {
        (true, _) => style.yellow("!"),
        (_, Symbol::Create) => style.green(&symbol),
        (_, Symbol::Change) => style.yellow(&symbol),
        (_, Symbol::Delete) => style.red(&symbol),
        (_, Symbol::Copy) => style.cyan(&symbol),
    };
    let what = match &action.deed {
        Deed::CreateFolder { .. } | Deed::ChangeFolder { .. } => "folder".to_owned(),
        Deed::CreateMarker { .. } => "marker".to_owned(),
        Deed::Provision { resource, .. } => resource.word().replace('-', " "),
        Deed::TakeBackup { tier, .. } => format!("backup {tier}"),
        Deed::CopyBackup { tier, id, from, .. } => format!("copy {tier} {id} from {from}"),
        Deed::PruneBackup { tier, id, .. } => format!("prune {tier} {id}"),
        Deed::ClearLeftover { tier, id, keys, .. } => match id.as_str() {
            "" => format!("leftover {}", keys.join(", ")),
            id => format!("leftover {tier} {id}"),
        },
    };
    let bytes = match (action.bytes, action.symbol) {
        (None, _) => String::new(),
        (Some(bytes), Symbol::Create) => format!(", about {}", Size(bytes)),
        (Some(bytes), _) => format!(", {}", Size(bytes)),
    };
    let guard = if guarded { style.yellow(" (guarded, see below)") } else { String::new() };
    let reason = style.dim(&format!("{}{bytes}", action.reason));
    let _ = writeln!(out, "  {symbol} {what}: {reason}{guard}");
    for change in &action.changes {
        let _ = writeln!(out, "      {}", field(change, style));
    }
}

/// `mode: 0755 → 0700`, the characters that differ emphasised.
fn field(change: &FieldChange, style: Style) -> String {
    let (Some(before), Some(after)) = (&change.before, &change.after) else {
        let only = change.after.as_ref().or(change.before.as_ref()).map_or("", String::as_str);
        return format!("{}: {only}", change.field);
    };
    let diff = TextDiff::from_chars(before.as_str(), after.as_str());
    let side = |wanted: ChangeTag| -> String {
        diff.iter_all_changes()
            .filter(|part| part.tag() == ChangeTag::Equal || part.tag() == wanted)
            .map(|part| match part.tag() {
                ChangeTag::Equal => part.value().to_owned(),
                ChangeTag::Delete => style.red(part.value()),
                ChangeTag::Insert => style.green(part.value()),
            })
            .collect()
    };
    format!("{}: {} → {}", change.field, side(ChangeTag::Delete), side(ChangeTag::Insert))
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
    if plan.guards.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{}", style.bold("Guarded: shown, and not carried out"));
    for guard in &plan.guards {
        let _ = writeln!(out, "  {} [{}] {}", style.yellow("!"), guard.kind.code().id, guard.message);
        let _ = writeln!(out, "      {}", guard.hint);
    }
}

fn effects(out: &mut String, plan: &Plan, style: Style) {
    if plan.effects.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{}", style.bold("Effects"));
    for effect in &plan.effects {
        let _ = writeln!(out, "  {} {}: {}", effect.database, effect.tier, effect_line(effect));
        if !effect.lost.is_empty() {
            let shown: Vec<&str> = effect.lost.iter().take(5).map(String::as_str).collect();
            let more = effect.lost.len() - shown.len();
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let _ = writeln!(out, "      no longer restorable: {}{more}", shown.join(", "));
        }
    }
}

fn effect_line(effect: &Effect) -> String {
    let moment = |at: &Option<jiff::Timestamp>| match at {
        Some(at) => at.strftime("%Y-%m-%d %H:%M UTC").to_string(),
        None => "none".to_owned(),
    };
    let mut parts = vec![format!(
        "restore points {} → {} (+{}, -{})",
        effect.points_before,
        effect.points_after,
        effect.gained,
        effect.lost.len()
    )];
    parts.push(if effect.oldest_before == effect.oldest_after {
        format!("oldest {}", moment(&effect.oldest_after))
    } else {
        format!("oldest {} → {}", moment(&effect.oldest_before), moment(&effect.oldest_after))
    });
    if effect.bytes_freed > 0 {
        parts.push(format!("frees {}", Size(effect.bytes_freed)));
    }
    if effect.bytes_added > 0 {
        parts.push(format!("adds about {}", Size(effect.bytes_added)));
    }
    parts.join(", ")
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
