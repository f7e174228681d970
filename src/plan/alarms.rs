//! Alarms on the age of backups: one for each scheduled tier of each database, made, changed, and removed when the policy
//! no longer names what it is about.

use super::wanted::text;
use super::{Action, Deed, Live, Note, Phase, Subject, Symbol, subjects};
use crate::base::Period;
use crate::policy::{CloudwatchSpec, DatabaseSpec, Desired};
use crate::resource::{Alarm, BACKUP_AGE, Found, Resource, age_dimensions, alarm_name, change};
use crate::schedule::Schedule;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::{BTreeMap, BTreeSet};

/// How much later than its schedule says a backup may come, the hour of a clock change with it.
const LATE: Period = Period::hours(2);
/// The same for a run that says how old backups are.
const UNHEARD: Period = Period::hours(1);
/// Longest period of an alarm.
const LONGEST_PERIOD: u64 = 86_400;
/// An alarm looks back no further.
const LOOKS_BACK: Period = Period::days(7);

/// The alarms that the policy wants, by address; why they are not known, if so.
pub fn wanted_alarms(desired: &Desired, live: &Live) -> Result<BTreeMap<String, Alarm>, String> {
    let Some(spec) = desired.alerts.cloudwatch.as_ref().filter(|spec| spec.has_alarms) else {
        return Ok(BTreeMap::new());
    };
    let mut notify = Vec::new();
    for (index, template) in spec.notify.iter().enumerate() {
        let known = text(live, &notify_route(index), template);
        notify.push(known.ok_or_else(|| format!("`{}` cannot be looked up", notify_route(index)))?);
    }
    let all = subjects(desired, live);
    let mut wanted = BTreeMap::new();
    for subject in all.iter().filter(|subject| spec.concerns(subject.entry)) {
        for tier in &subject.spec.tiers {
            wanted.extend(alarm(desired, spec, subject, tier, &notify));
        }
    }
    Ok(wanted)
}

/// Where a text about who is told stands in the policy.
pub(super) fn notify_route(index: usize) -> String {
    format!("alerts.cloudwatch.notify[{index}]")
}

/// The alarm of a tier; `None` for one on demand.
fn alarm(
    desired: &Desired,
    spec: &CloudwatchSpec,
    subject: &Subject<'_>,
    tier: &str,
    notify: &[String],
) -> Option<(String, Alarm)> {
    let taken = desired.tiers.get(tier)?;
    let interval = longest(&taken.schedule)?;
    let by_schedule = Period(interval.0.saturating_add(LATE.0));
    let threshold = desired.alerts.thresholds.overdue.map_or(by_schedule, |overdue| overdue.max(by_schedule));
    let (period_seconds, periods) = window(desired, subject.spec, interval);
    let Desired { name: policy, .. } = desired;
    let alarm = Alarm {
        name: alarm_name(policy, &subject.name, tier),
        description: format!(
            "The newest backup of {}, tier {tier}, is older than {threshold}, or no run says how old it is. Run \
             `backstay status`.",
            subject.name
        ),
        namespace: spec.namespace.clone(),
        metric: BACKUP_AGE.to_owned(),
        dimensions: age_dimensions(policy, &subject.name, tier),
        statistic: "Maximum".to_owned(),
        comparison: "GreaterThanThreshold".to_owned(),
        threshold_seconds: threshold.0,
        period_seconds,
        periods,
        missing_data: "breaching".to_owned(),
        is_enabled: true,
        notify: notify.to_vec(),
        notify_over: notify.to_vec(),
    };
    Some((format!("cloudwatch/{}/{tier}", subject.name), alarm))
}

/// Length and number of the periods in which at least one run should say how old backups are: the runs of the database's
/// own schedules do.
fn window(desired: &Desired, database: &DatabaseSpec, interval: Period) -> (u32, u32) {
    let tiers = database.tiers.iter().filter_map(|tier| Some(&desired.tiers.get(tier)?.schedule));
    let proofs = database.verify.as_ref().map(|verify| &verify.schedule).into_iter();
    let proofs = proofs.chain(database.drill.as_ref().map(|drill| &drill.schedule));
    let shortest = tiers.chain(proofs).filter_map(longest).min().unwrap_or(interval);
    let all = Period(shortest.0.saturating_add(UNHEARD.0)).min(LOOKS_BACK).0;
    let periods = all.div_ceil(LONGEST_PERIOD).max(1);
    let length = all.div_ceil(periods).div_ceil(60) * 60;
    let small = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    (small(length.min(LONGEST_PERIOD)), small(periods))
}

/// The longest time between two instants of a schedule. Looked for from the same instant each time and without clock
/// changes, so that no plan differs from that of another day.
fn longest(schedule: &Schedule) -> Option<Period> {
    schedule.longest_interval(Timestamp::UNIX_EPOCH, &TimeZone::UTC)
}

/// The steps that make the alarms as they are wanted, and how many are so already.
pub(super) fn actions(desired: &Desired, live: &Live, notes: &mut Vec<Note>) -> (Vec<Action>, u64) {
    let mut problem = |message: String| {
        notes.push(Note { about: "cloudwatch".to_owned(), message, is_problem: true });
    };
    let found = match &live.alarms {
        None => return (Vec::new(), 0),
        Some(Err(why)) => {
            problem(format!("alarms cannot be read, so none is planned: {why}"));
            return (Vec::new(), 0);
        }
        Some(Ok(found)) => found,
    };
    let wanted = match wanted_alarms(desired, live) {
        Ok(wanted) => wanted,
        Err(why) => {
            problem(format!("no alarm is planned: {why}"));
            return (Vec::new(), 0);
        }
    };
    let mut actions = Vec::new();
    let mut n_unchanged = 0;
    for (address, alarm) in &wanted {
        let there = found.get(&alarm.name).cloned().map(Resource::Alarm);
        let resource = Resource::Alarm(alarm.clone());
        let state = there.map_or(Found::Absent, Found::There);
        match change(&desired.name, &resource, &state) {
            None => n_unchanged += 1,
            Some(change) => {
                let (symbol, reason) = match state {
                    Found::Absent => (Symbol::Create, "it does not exist"),
                    _ => (Symbol::Change, "it is not as the policy says"),
                };
                let resource = Box::new(change.after);
                let deed = Deed::Provision { storage: None, access: None, resource };
                let step = step(address.clone(), symbol, deed, reason);
                actions.push(Action { changes: change.fields, ..step });
            }
        }
    }
    // Of a part of the databases nobody can say which alarms are of none.
    let is_whole = desired.only_host.is_none() && live.matched.values().all(Result::is_ok);
    let names: BTreeSet<&String> = wanted.values().map(|alarm| &alarm.name).collect();
    for name in found.keys().filter(|name| is_whole && !names.contains(name)) {
        let address = format!("cloudwatch/remove/{name}");
        let reason = "the policy made it and no longer names what it is about";
        actions.push(step(address, Symbol::Delete, Deed::RemoveAlarm { name: name.clone() }, reason));
    }
    (actions, n_unchanged)
}

fn step(address: String, symbol: Symbol, deed: Deed, reason: &str) -> Action {
    Action {
        address,
        symbol,
        phase: Phase::Infra,
        deed,
        reason: reason.to_owned(),
        changes: Vec::new(),
        depends_on: Vec::new(),
        bytes: None,
        irreversible: None,
        loosens: false,
    }
}
