//! What a plan does to the restore points of each tier, for people.

use super::Style;
use crate::base::Size;
use crate::plan::{Effect, Plan};
use std::fmt::Write as _;

/// One line a tier, and what is lost below it.
pub(super) fn effects(out: &mut String, plan: &Plan, style: Style) {
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
