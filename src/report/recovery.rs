//! How much would be lost and how soon data is back, before and after a plan, for people.

use super::Style;
use crate::base::Period;
use crate::plan::{Plan, Recovery};
use std::fmt::Write as _;

/// So many databases are shown; JSON has them all.
const DATABASES: usize = 8;

/// The databases of which a plan changes what is worth telling: those without any backup so far, with an objective that
/// is or was not met, or with another time to thaw.
pub(super) fn recovery(out: &mut String, plan: &Plan, style: Style) {
    let told: Vec<&Recovery> = plan.outlook.recovery.iter().filter(|one| is_worth_telling(one)).collect();
    if told.is_empty() {
        return;
    }
    // Writing into a String cannot fail, so the results of `writeln!` are dropped throughout.
    let _ = writeln!(out, "\n{}", style.bold("Recovery"));
    for one in told.iter().take(DATABASES) {
        let _ = writeln!(out, "  {}: {}", one.database, line(one, style));
    }
    if let Some(more) = told.len().checked_sub(DATABASES).filter(|more| *more > 0) {
        let _ = writeln!(out, "  and {more} more; `backstay plan --json` has them all");
    }
}

fn is_worth_telling(one: &Recovery) -> bool {
    let misses = |limit: Option<u64>, value: Option<u64>| limit.is_some_and(|limit| value.is_none_or(|v| v > limit));
    one.loss_before_seconds.is_none()
        || misses(one.rpo_seconds, one.loss_before_seconds)
        || misses(one.rpo_seconds, one.loss_after_seconds)
        || misses(one.rto_seconds, one.thaw_before_seconds)
        || misses(one.rto_seconds, one.thaw_after_seconds)
        || one.thaw_before_seconds != one.thaw_after_seconds
}

fn line(one: &Recovery, style: Style) -> String {
    let period = |seconds: u64| Period(seconds).human();
    let before = one.loss_before_seconds.map_or_else(|| "everything".to_owned(), period);
    let after = match (one.loss_after_seconds, one.thaw_after_seconds) {
        (Some(seconds), _) => format!("at most {}", period(seconds)),
        (None, Some(_)) => "no schedule bounds it".to_owned(),
        (None, None) => "everything".to_owned(),
    };
    let mut parts =
        vec![format!("would lose {before} → {after}{}", limit(one.rpo_seconds, one.loss_after_seconds, style))];
    let thaw = |seconds: Option<u64>| match seconds {
        None => "nothing to restore".to_owned(),
        Some(0) => "no thaw".to_owned(),
        Some(seconds) => format!("up to {} of thaw", period(seconds)),
    };
    let (was, is) = (thaw(one.thaw_before_seconds), thaw(one.thaw_after_seconds));
    let back = if was == is { is } else { format!("{was} → {is}") };
    let transfer = one.transfer_seconds.map_or_else(String::new, |s| format!(" and about {} of transfer", period(s)));
    let needed = one.thaw_after_seconds.map(|thaw| thaw.saturating_add(one.transfer_seconds.unwrap_or(0)));
    parts.push(format!("restore of the newest: {back}{transfer}{}", limit(one.rto_seconds, needed, style)));
    if let Some(oldest) = one.oldest_thaw_after_seconds.filter(|s| *s > 0 && Some(*s) != one.thaw_after_seconds) {
        parts.push(format!("of the oldest: up to {} of thaw", period(oldest)));
    }
    parts.join("; ")
}

/// ` (objective 1h)`, with a word where it is missed.
fn limit(objective: Option<u64>, value: Option<u64>, style: Style) -> String {
    match objective {
        None => String::new(),
        Some(objective) if value.is_some_and(|value| value <= objective) => {
            format!(" (objective {})", Period(objective))
        }
        Some(objective) => format!(" ({} of {})", style.red("misses the objective"), Period(objective)),
    }
}
