//! A cron expression that matches no day of any year, such as the 30th of February.

use crate::diag::{Diagnostic, codes};
use crate::policy::facts::schedules;
use crate::policy::rule::{Rule, Subject};
use crate::schedule::Schedule;
use jiff::tz::TimeZone;

/// The rule.
pub(super) const RULE: Rule = Rule { code: &codes::NEVER_DUE, judge };

fn judge(subject: &Subject<'_>) -> Vec<Diagnostic> {
    schedules(subject.document)
        .into_iter()
        .filter(|(_, schedule)| matches!(schedule, Schedule::Cron { .. }))
        .filter(|(_, schedule)| schedule.next_after(subject.now, &TimeZone::UTC).is_none())
        .map(|(route, schedule)| {
            subject
                .document
                .diagnostic(&codes::NEVER_DUE, &route, format!("`{}` matches no date", schedule.text()))
                .with_why("What it should start never happens, and nothing is ever overdue.")
                .with_hint("Check the fields `minute hour day-of-month month day-of-week`, or write `manual`.")
        })
        .collect()
}
