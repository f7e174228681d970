//! Who is told about what.

use super::draft::Draft;
use super::pair::Pair;
use super::review::Reviewed;
use crate::base::quoted;
use crate::diag::codes;
use crate::policy::Route;
use crate::policy::model::{Alerts, Thresholds};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn compare(pair: &Pair<'_>, found: &mut Vec<Draft>) {
    let (old, new) = (alerts(pair.base), alerts(pair.head));
    let (before, after) = (told(old, pair, 0), told(new, pair, 1));
    let rules = Route::of(["alerts", "rules"]);
    for (is_lost, from, without) in [(true, &before, &after), (false, &after, &before)] {
        // By channel and event, the databases that it stops or begins to be told of.
        let mut changes: BTreeMap<(&str, Vec<&str>), Vec<&str>> = BTreeMap::new();
        for ((channel, event), databases) in from {
            let same = without.get(&(*channel, *event));
            let changed: Vec<&str> =
                databases.iter().copied().filter(|name| same.is_none_or(|same| !same.contains(name))).collect();
            if !changed.is_empty() {
                changes.entry((channel, changed)).or_default().push(event);
            }
        }
        for ((channel, databases), events) in changes {
            let events: Vec<String> = events.into_iter().map(quoted).collect();
            let (code, word) =
                if is_lost { (&codes::ALERT_LOST, "no longer told") } else { (&codes::ALERT_GAINED, "told") };
            let detail = format!("{} is {word} of {}", quoted(channel), events.join(", "));
            let draft = Draft::new(code, detail, rules.clone()).or(Route::of(["alerts", "channels", channel]));
            found.push(draft.or(Route::of(["alerts"])).of_all(databases));
        }
    }
    channels(old, new, found);
    thresholds(old, new, found);
    cloudwatch(old, new, found);
}

fn alerts(side: Reviewed<'_>) -> Option<&Alerts> {
    side.document.model.alerts.as_ref()
}

type Told<'a> = BTreeMap<(&'a str, &'static str), BTreeSet<&'a str>>;

/// By channel and event, the databases of both policies of which it is told, under their names after.
fn told<'a>(alerts: Option<&'a Alerts>, pair: &Pair<'a>, side: usize) -> Told<'a> {
    let mut told = Told::new();
    for rule in alerts.into_iter().flat_map(|alerts| &alerts.rules) {
        let about = |name: &str| rule.databases.as_ref().is_none_or(|names| names.iter().any(|n| n.text() == name));
        let names: Vec<&str> = pair
            .databases
            .iter()
            .filter(|both| about(if side == 0 { both.name_before } else { both.name }))
            .map(|both| both.name)
            .collect();
        for channel in &rule.notify {
            for event in &rule.on {
                told.entry((channel.text(), event.word())).or_default().extend(&names);
            }
        }
    }
    told
}

/// Channels that lead elsewhere: one place less is told, and one more.
fn channels(old: Option<&Alerts>, new: Option<&Alerts>, found: &mut Vec<Draft>) {
    let (Some(old), Some(new)) = (old, new) else { return };
    for (name, channel) in &new.channels {
        if old.channels.get(name).is_none_or(|before| before == channel) {
            continue;
        }
        let route = Route::of(["alerts", "channels", name]);
        let less = format!("{} no longer reaches whom it reached", quoted(name));
        found.push(Draft::new(&codes::ALERT_LOST, less, route.clone()));
        found.push(Draft::new(&codes::ALERT_GAINED, format!("{} reaches someone else", quoted(name)), route));
    }
}

/// Alarms that `apply` owns.
fn cloudwatch(old: Option<&Alerts>, new: Option<&Alerts>, found: &mut Vec<Draft>) {
    let has = |alerts: Option<&Alerts>| {
        alerts.and_then(|alerts| alerts.cloudwatch.as_ref()).is_some_and(|watch| watch.alarms != Some(false))
    };
    let (code, detail) = match (has(old), has(new)) {
        (true, false) => (&codes::ALERT_LOST, "CloudWatch no longer raises an alarm when backups are old"),
        (false, true) => (&codes::ALERT_GAINED, "CloudWatch raises an alarm when backups are old"),
        _ => return,
    };
    found.push(Draft::new(code, detail.to_owned(), Route::of(["alerts", "cloudwatch"])).or(Route::of(["alerts"])));
}

fn thresholds(old: Option<&Alerts>, new: Option<&Alerts>, found: &mut Vec<Draft>) {
    // With a higher one, or none, less is told.
    let values = |alerts: Option<&Alerts>| -> [(&'static str, Option<(u64, String)>); 5] {
        let of = |pick: &dyn Fn(&Thresholds) -> Option<(u64, String)>| alerts?.thresholds.as_ref().and_then(pick);
        [
            ("overdue", of(&|t| t.overdue.as_ref().map(|v| (v.value().0, v.text().to_owned())))),
            ("size_change", of(&|t| t.size_change.as_ref().map(|v| (u64::from(v.as_percent()), v.text().to_owned())))),
            ("size_max", of(&|t| t.size_max.as_ref().map(|v| (v.value().0, v.text().to_owned())))),
            (
                "storage_used",
                of(&|t| t.storage_used.as_ref().map(|v| (u64::from(v.as_percent()), v.text().to_owned()))),
            ),
            ("wal_lag", of(&|t| t.wal_lag.as_ref().map(|v| (v.value().0, v.text().to_owned())))),
        ]
    };
    for ((key, was), (_, is)) in values(old).into_iter().zip(values(new)) {
        let bound = |value: &Option<(u64, String)>| value.as_ref().map_or(u64::MAX, |(bound, _)| *bound);
        let code = match bound(&was).cmp(&bound(&is)) {
            std::cmp::Ordering::Equal => continue,
            std::cmp::Ordering::Less => &codes::ALERT_LOST,
            std::cmp::Ordering::Greater => &codes::ALERT_GAINED,
        };
        let thresholds = Route::of(["alerts", "thresholds"]);
        let said = |value: Option<(u64, String)>| Some(value.map_or_else(|| "none".to_owned(), |(_, text)| text));
        let draft = Draft::new(code, format!("the threshold `{key}`"), thresholds.key(key)).or(thresholds);
        found.push(draft.or(Route::of(["alerts"])).change(said(was), said(is)));
    }
}
