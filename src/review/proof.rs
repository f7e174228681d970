//! How often backups are proven: verification and drills.

use super::draft::{Draft, own_or_default};
use super::pair::{Both, Pair};
use super::review::Reviewed;
use crate::base::{Period, quoted};
use crate::catalog::VerifyLevel;
use crate::diag::codes;
use crate::policy::Route;
use crate::policy::model::Drill;
use crate::schedule::Schedule;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::cmp::Ordering;

pub(super) fn compare(pair: &Pair<'_>, found: &mut Vec<Draft>) {
    for both in &pair.databases {
        let (old, new) = (&both.before.verify, &both.after.verify);
        let schedule = |verify: &Option<crate::policy::VerifySpec>| verify.as_ref().map(|v| v.schedule.clone());
        often(both, "verify", "verification", schedule(old).as_ref(), schedule(new).as_ref(), pair.now, found);
        let is_deep = |verify: &Option<crate::policy::VerifySpec>| {
            verify.as_ref().map(|verify| verify.level == VerifyLevel::Deep)
        };
        if let (Some(was), Some(is)) = (is_deep(old), is_deep(new)) {
            let word = |deep| Some(if deep { "deep".to_owned() } else { "checksum".to_owned() });
            let drafts = draft(both, &["verify", "level"], "how thorough verification is", is.cmp(&was));
            found.extend(drafts.map(|draft| draft.change(word(was), word(is))));
        }
        let (old, new) = (drill(pair.base, both.name_before), drill(pair.head, both.name));
        let schedule = |drill: Option<&Drill>| drill.map(|drill| drill.schedule.value().clone());
        often(both, "drill", "drills", schedule(old).as_ref(), schedule(new).as_ref(), pair.now, found);
        if let (Some(old), Some(new)) = (old, new) {
            checks(both, old, new, found);
        }
    }
}

/// The drill that holds for a database.
fn drill<'a>(side: Reviewed<'a>, database: &str) -> Option<&'a Drill> {
    let model = &side.document.model;
    let default = || model.defaults.as_ref().and_then(|defaults| defaults.drill.as_ref());
    model.databases.get(database)?.drill.as_ref().or_else(default)
}

/// `order`: how the proof after compares with the one before.
fn draft(both: &Both<'_>, keys: &[&str], detail: &str, order: Ordering) -> Option<Draft> {
    let code = match order {
        Ordering::Less => &codes::PROOF_RARER,
        Ordering::Greater => &codes::PROOF_OFTENER,
        Ordering::Equal => return None,
    };
    let mut routes = own_or_default(both.name, keys);
    routes.extend(own_or_default(both.name, &keys[..1]));
    Some(Draft { routes, ..Draft::new(code, detail, Route::top()) }.of(both.name))
}

fn often(
    both: &Both<'_>,
    key: &str,
    what: &str,
    old: Option<&Schedule>,
    new: Option<&Schedule>,
    now: Timestamp,
    found: &mut Vec<Draft>,
) {
    if old == new {
        return;
    }
    let every = |schedule: Option<&Schedule>| schedule.and_then(|s| s.longest_interval(now, &TimeZone::UTC));
    let (was, is) = (every(old), every(new));
    let seconds = |every: Option<Period>| every.map_or(u64::MAX, |every| every.0);
    let said = |every: Option<Period>| {
        Some(every.map_or_else(|| "never by schedule".to_owned(), |e| format!("every {}", e.human())))
    };
    match draft(both, &[key, "schedule"], what, seconds(was).cmp(&seconds(is))) {
        Some(draft) => found.push(draft.change(said(was), said(is))),
        None => {
            let text = |schedule: Option<&Schedule>| Some(schedule.map_or("none", Schedule::text).to_owned());
            let mut routes = own_or_default(both.name, &[key, "schedule"]);
            routes.extend(own_or_default(both.name, &[key]));
            let draft = Draft::new(&codes::SETTING_CHANGED, format!("when {what} run"), Route::top());
            found.push(Draft { routes, ..draft }.of(both.name).change(text(old), text(new)));
        }
    }
}

fn checks(both: &Both<'_>, old: &Drill, new: &Drill, found: &mut Vec<Draft>) {
    let all = |drill: &Drill| -> Vec<(String, String)> {
        let checks = drill.checks.iter().flatten();
        checks.map(|check| (check.sql.clone(), check.expect.text().to_owned())).collect()
    };
    let (before, after) = (all(old), all(new));
    for (order, from, without) in [(Ordering::Less, &before, &after), (Ordering::Greater, &after, &before)] {
        for (sql, expect) in from.iter().filter(|check| !without.contains(check)) {
            let word = if order == Ordering::Less { "a check less" } else { "a check more" };
            let detail = format!("{word}: {} {}", quoted(sql), quoted(expect));
            found.extend(draft(both, &["drill", "checks"], &detail, order));
        }
    }
}
