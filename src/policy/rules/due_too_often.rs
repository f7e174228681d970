//! A tier makes a whole backup every few minutes.

use crate::base::Period;
use crate::diag::{Diagnostic, codes};
use crate::policy::route::Route;
use crate::policy::rule::{Rule, Subject};
use jiff::tz::TimeZone;

/// The rule.
pub(super) const RULE: Rule = Rule { code: &codes::DUE_TOO_OFTEN, judge };

const SENSIBLE: Period = Period(5 * 60);
const TURN: Period = Period::days(2);

fn judge(subject: &Subject<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (name, tier) in &subject.desired.tiers {
        let Some(first) = tier.schedule.next_after(subject.now, &TimeZone::UTC) else { continue };
        let (mut at, mut shortest) = (first, None::<Period>);
        // An hour of the densest schedule; of others two days, which hold every minute and hour that is named.
        for _ in 0..60 {
            if Period::between(first, at) > TURN {
                break;
            }
            let Some(next) = tier.schedule.next_after(at, &TimeZone::UTC) else { break };
            let apart = Period::between(at, next);
            shortest = Some(shortest.map_or(apart, |shortest| shortest.min(apart)));
            at = next;
        }
        let Some(shortest) = shortest.filter(|shortest| *shortest < SENSIBLE) else { continue };
        let detail = format!("`{name}` reads the whole database every {}", shortest.human());
        found.push(
            subject
                .document
                .diagnostic(&codes::DUE_TOO_OFTEN, &Route::of(["tiers", name, "schedule"]), detail)
                .with_why("A backup that takes longer than its interval is never finished before the next is due.")
                .with_hint("Use a longer interval; for minutes of loss at most, archive WAL beside a physical tier."),
        );
    }
    found
}
