//! Plans as a comment on a pull request: what needs a decision first, then what it does, then every step as far as there
//! is room.

use super::Style;
use super::cost::cost;
use super::effects::effects;
use super::forecast::forecasts;
use super::markdown::{Comment, code, fence, inline};
use super::plan::summary;
use super::recovery::recovery;
use super::restorable::restorable;
use crate::base::Size;
use crate::plan::{Action, Guard, GuardKind, Note, Plan, Symbol};
use std::collections::BTreeSet;

/// What the end of a comment may take.
const END: usize = 400;
/// Lines of one fence: what does not fit is left out fence by fence.
const LINES: usize = 40;
/// Lines of what a plan does over time.
const OUTLOOK: usize = 60;

/// One comment for all plans of a run: a hidden mark to find it by again, then the worst first, within 60,000 bytes. The
/// plan's id, which `apply --expect` takes, covers all of it, also what was left out here.
pub fn plan_markdown(plans: &[&Plan]) -> String {
    let mut comment = Comment::new(END);
    let name = match plans {
        // A policy's name has only letters, digits and `-`.
        [only] => only.policy.name.as_str(),
        _ => "several",
    };
    comment.add(&format!("<!-- backstay:plan:{name} -->\n"));
    let mut n_left_out = 0;
    for plan in plans {
        if !comment.add(&head(plan)) {
            n_left_out += plan.actions.len();
            continue;
        }
        for block in decisions(plan).into_iter().chain(outlook(plan)) {
            comment.add(&block);
        }
        n_left_out += steps(plan, &mut comment);
    }
    let end = match n_left_out {
        0 => String::new(),
        n => format!(
            "\n**Left out because a comment has an end: {n} steps.** `backstay plan --format json` has them all.\n"
        ),
    };
    comment.end(&end)
}

/// What there is to do, and the words that do exactly this.
fn head(plan: &Plan) -> String {
    let title = format!("### backstay plan: {} ({})", code(&plan.policy.name), code(&plan.policy.file));
    let apply = if plan.is_empty() {
        String::new()
    } else {
        format!("\nExactly this: {}\n", code(&format!("backstay apply --expect {}", plan.id.short())))
    };
    format!("{title}\n\n{}\n{apply}", inline(&summary(plan, Style::PLAIN)))
}

/// What cannot be taken back, what is guarded, and what kept the plan from being whole.
fn decisions(plan: &Plan) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut list = |title: &str, items: Vec<String>| {
        if !items.is_empty() {
            blocks.push(format!("\n#### {title}\n\n"));
            blocks.extend(items.into_iter().map(|item| format!("- {item}\n")));
        }
    };
    let irreversible = plan.actions.iter().filter_map(|action| Some((action, action.irreversible.as_ref()?)));
    let words = |(action, why): (&Action, &String)| format!("🛑 {}: {}", code(&action.address), inline(why));
    list("Cannot be taken back: left out unless allowed by name", irreversible.map(words).collect());
    let words = |guard: &Guard| {
        format!("🛑 {}: {}. {}", code(guard.kind.code().id), inline(&guard.message), inline(&guard.hint))
    };
    let (refused, guarded): (Vec<&Guard>, Vec<&Guard>) =
        plan.guards.iter().partition(|guard| guard.kind == GuardKind::ForeignRule);
    list(
        "Refused: until this is settled `apply` takes backups that are due and does nothing else",
        refused.into_iter().map(words).collect(),
    );
    list("Guarded: shown, and not carried out", guarded.into_iter().map(words).collect());
    let note = |note: &Note| {
        let symbol = if note.is_problem { "🛑" } else { "ℹ️" };
        format!("{symbol} {}: {}", code(&note.about), inline(&note.message))
    };
    let mut notes: Vec<&Note> = plan.notes.iter().collect();
    notes.sort_by_key(|note| !note.is_problem);
    list("Notes", notes.into_iter().map(note).collect());
    blocks
}

/// What it does to recoverability and to the bill.
fn outlook(plan: &Plan) -> Vec<String> {
    let mut text = String::new();
    effects(&mut text, plan, Style::PLAIN);
    restorable(&mut text, plan, Style::PLAIN);
    forecasts(&mut text, plan, Style::PLAIN);
    recovery(&mut text, plan, Style::PLAIN);
    cost(&mut text, plan, Style::PLAIN);
    let all: Vec<String> = text.trim().lines().map(str::to_owned).collect();
    if all.is_empty() {
        return Vec::new();
    }
    let mut lines: Vec<String> = all.iter().take(OUTLOOK).cloned().collect();
    if all.len() > OUTLOOK {
        lines.push(format!("and {} more lines", all.len() - OUTLOOK));
    }
    vec![format!("\n#### What it does\n\n{}", fence("text", &lines))]
}

/// Every step, deletions first; how many were left out.
fn steps(plan: &Plan, comment: &mut Comment) -> usize {
    let guarded: BTreeSet<&str> = plan.guards.iter().flat_map(|guard| &guard.actions).map(String::as_str).collect();
    let mut actions: Vec<&Action> = plan.actions.iter().collect();
    // The order of work is the plan's; here what takes something away comes first.
    actions.sort_by_key(|action| match action.symbol {
        Symbol::Delete => 0,
        Symbol::Change => 1,
        Symbol::Create => 2,
        Symbol::Copy => 3,
    });
    if actions.is_empty() {
        return 0;
    }
    comment.add("\n#### Steps\n\n");
    let mut n_shown = 0;
    let mut rest = actions.as_slice();
    while !rest.is_empty() {
        let (mut lines, mut n) = (Vec::new(), 0);
        for action in rest {
            let own = step(action, guarded.contains(action.address.as_str()));
            if n > 0 && lines.len() + own.len() > LINES {
                break;
            }
            lines.extend(own);
            n += 1;
        }
        if !comment.add(&format!("{}\n", fence("diff", &lines))) {
            break;
        }
        n_shown += n;
        rest = &rest[n..];
    }
    actions.len() - n_shown
}

/// A fence of `diff` is coloured by the first column: `+` new, `-` gone, `!` changed or to be looked at.
fn step(action: &Action, is_guarded: bool) -> Vec<String> {
    let symbol = match (is_guarded, action.symbol) {
        (true, _) | (_, Symbol::Change) => '!',
        (_, Symbol::Create) => '+',
        (_, Symbol::Delete) => '-',
        (_, Symbol::Copy) => '>',
    };
    let bytes = action.bytes.map(|bytes| format!(", {}", Size(bytes))).unwrap_or_default();
    let guard = if is_guarded { " (guarded)" } else { "" };
    let mut lines = vec![format!("{symbol} {}: {}{bytes}{guard}", action.address, action.reason)];
    for change in &action.changes {
        if let Some(before) = &change.before {
            lines.push(format!("-     {}: {before}", change.field));
        }
        if let Some(after) = &change.after {
            lines.push(format!("+     {}: {after}", change.field));
        }
    }
    lines
}
