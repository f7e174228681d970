//! For how long copies are kept, by the words of the policy. What that does to restore points is in `points`.

use super::copies::is_at;
use super::draft::Draft;
use super::pair::Pair;
use crate::base::{Period, quoted};
use crate::catalog::Keep;
use crate::diag::{Code, codes};
use crate::policy::Route;
use crate::schedule::Schedule;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::cmp::Ordering;

pub(super) fn compare(pair: &Pair<'_>, found: &mut Vec<Draft>) {
    for (tier, (before, after, databases)) in pair.shared_tiers() {
        for old in &before.copies {
            let Some(index) = after.copies.iter().position(|new| is_at(pair, old, new)) else { continue };
            let new = &after.copies[index];
            if old.keep == new.keep {
                continue;
            }
            let code = code(compare_keeps((old.keep, &before.schedule), (new.keep, &after.schedule), pair.now));
            let what = if code == &codes::SETTING_CHANGED { "`keep` of " } else { "" };
            let detail = format!("{what}{} at {}", quoted(tier), quoted(&new.to));
            let route = Route::of(["tiers", tier, "copies"]).index(index).key("keep");
            let draft = Draft::new(code, detail, route).of_all(databases.iter().copied());
            found.push(draft.change(old.keep.to_string(), new.keep.to_string()));
        }
    }
}

fn code(order: Option<Ordering>) -> &'static Code {
    match order {
        Some(Ordering::Greater) => &codes::KEEP_SHORTER,
        Some(Ordering::Less) => &codes::KEEP_LONGER,
        Some(Ordering::Equal) | None => &codes::SETTING_CHANGED,
    }
}

/// Which of two keeps lasts longer; `None` when nobody can tell.
fn compare_keeps(old: (Keep, &Schedule), new: (Keep, &Schedule), now: Timestamp) -> Option<Ordering> {
    if let (Keep::Last(old), Keep::Last(new)) = (old.0, new.0) {
        return Some(old.cmp(&new));
    }
    let age = |(keep, schedule): (Keep, &Schedule)| match keep {
        Keep::For(period) | Keep::ForAtLeast(period, _) => Some(period),
        Keep::Last(n) => {
            let every = schedule.longest_interval(now, &TimeZone::UTC)?;
            Some(Period(every.0.saturating_mul(u64::from(n))))
        }
    };
    let floor = |keep: Keep| match keep {
        Keep::For(_) => None,
        Keep::Last(n) | Keep::ForAtLeast(_, n) => Some(n),
    };
    match age(old)?.cmp(&age(new)?) {
        // With a floor of its own or that of `safety`: which one is higher depends on the database.
        Ordering::Equal => Some(floor(old.0)?.cmp(&floor(new.0)?)),
        other => Some(other),
    }
}
