//! What comes before and after every run that does something: dead man's switches are pinged, metrics are written, alerts
//! are told. Nothing here changes how the run ends; what goes wrong is told on standard error and by another channel.

use super::diary::Page;
use super::standings::{Seen, look};
use super::{Context, Exit, state};
use crate::alert::{DeedEnd, DeedKind, Sight};
use crate::base::Period;
use crate::diag::codes;
use crate::http::Client;
use crate::notify::{CheckIn, Desk, Means, Pulse, Told, check_in, monitor_slug, ping, tell};
use crate::observe;
use crate::plan::{Phase, Scope, plan};
use crate::policy::{AlertEvent, AlertRuleSpec, ChannelSpec, Desired};
use crate::schedule::Schedule;
use futures_util::future::join_all;
use jiff::Timestamp;
use std::time::Duration;

/// Time to look at how things stand after a run; it may have been a store that does not answer that made it fail.
const LOOK: Duration = Duration::from_secs(90);

/// Tells the switches of these policies that a run begins, of this database or of all.
pub(super) fn begins(policies: &[Desired], database: Option<&str>, context: &Context) {
    context.diary.only(database);
    let is_switched = |policy: &&Desired| !switches(policy, database).is_empty();
    if !policies.iter().any(|policy| is_switched(&policy)) {
        return;
    }
    let deed = async {
        let client = Client::new(context.lookup.as_ref());
        let means = Means { lookup: context.lookup.as_ref(), client: &client };
        let pings = policies
            .iter()
            .flat_map(|policy| switches(policy, database))
            .map(|(name, url)| async move { (name, ping(url, Pulse::Start, "", means).await) });
        join_all(pings).await
    };
    let pinged = context.block_on(deed).unwrap_or_default();
    for (name, end) in pinged {
        if let Err(error) = end {
            warn_of(context, name, &error);
        }
    }
}

/// The switches of a policy that care for a database, or for any.
fn switches<'a>(policy: &'a Desired, database: Option<&str>) -> Vec<(&'a str, &'a crate::base::Template)> {
    let cares = |name: &String| {
        let mut rules = naming(policy, name).peekable();
        let is_of = |rule: &AlertRuleSpec| match (&rule.databases, database) {
            (Some(entries), Some(database)) => entries.iter().any(|entry| entry == database),
            _ => true,
        };
        rules.peek().is_none() || rules.any(is_of)
    };
    let channels = policy.alerts.channels.iter().filter(|(name, _)| cares(name));
    let urls = channels.filter_map(|(name, channel)| match channel {
        ChannelSpec::Healthcheck { url } => Some((name.as_str(), url)),
        _ => None,
    });
    urls.collect()
}

fn naming<'a>(policy: &'a Desired, channel: &'a str) -> impl Iterator<Item = &'a AlertRuleSpec> {
    policy.alerts.rules.iter().filter(move |rule| rule.notify.iter().any(|name| name == channel))
}

/// Tells whoever is to be told of what the verb did. `is_run`: it was scheduled work; `always`: also when it changed
/// nothing.
pub(super) fn afterwards(context: &Context, exit: Exit, is_run: bool, always: bool) {
    let (pages, only) = context.diary.take();
    // Who stops a run knows that it did not end; what is then missing is told by the next one.
    if exit == Exit::Interrupted {
        return;
    }
    for page in pages.iter().filter(|page| page.acts || is_run || always).filter(|page| is_heard(&page.desired)) {
        // A deed that cannot even be started has said so before.
        let _ = context.block_on(close(page, only.as_deref(), context, exit, is_run));
    }
}

fn is_heard(desired: &Desired) -> bool {
    !desired.alerts.channels.is_empty()
}

async fn close(page: &Page, only: Option<&str>, context: &Context, exit: Exit, is_run: bool) {
    let Page { desired, report, .. } = page;
    let lookup = context.lookup.as_ref();
    let seen = tokio::time::timeout(LOOK, look(desired.clone(), context)).await.ok();
    let now = Timestamp::now();
    let standing = seen.as_ref().map(|seen| &seen.standing);
    let mut report = report.clone();
    report.drift = match &seen {
        Some(seen) if listens_to(desired, AlertEvent::PlanDrift) => Some(drift(seen, context)),
        _ => None,
    };
    let client = Client::new(lookup);
    let means = Means { lookup, client: &client };
    let mut told = Told::default();
    pulse(page, only, exit, is_run, means, &mut told).await;
    check_ins(page, now, means, &mut told).await;
    tell_of(desired, &Sight { standing, report: &report }, means, context, told).await;
}

/// Tells the channels of a policy what is to be told of what was seen, and says how that went.
pub(super) async fn tell_of(
    desired: &Desired,
    sight: &Sight<'_>,
    means: Means<'_>,
    context: &Context,
    told: Told,
) -> Told {
    let repositories = context.places(desired).repositories();
    let local = state::repository();
    let desk = Desk { desired, repositories: &repositories, local: local.as_ref(), means, now: Timestamp::now };
    let told = tell(desk, sight, &sight.report.run, &host(), told).await;
    for (name, error) in &told.failed {
        warn_of(context, name, error);
    }
    if let Some(problem) = &told.forgotten {
        let id = codes::ALERTS_FORGOTTEN.id;
        context.warn(format_args!("warning[{id}]: what was told cannot be remembered: {problem}"));
    }
    for (name, n) in &told.taken {
        let messages = if *n == 1 { "alert".to_owned() } else { format!("{n} alerts") };
        context.tell(format_args!("{messages} told by `{name}`"));
    }
    told
}

fn listens_to(desired: &Desired, event: AlertEvent) -> bool {
    desired.alerts.rules.iter().any(|rule| rule.on.contains(&event))
}

/// Addresses of what differs outside from the policy.
fn drift(seen: &Seen, context: &Context) -> Vec<String> {
    let Seen { desired, live, standing, .. } = seen;
    let mut live = live.clone();
    live.timetable = observe::timetable(desired, super::planning::program(desired), &context.root);
    let plan = plan(desired, &live, standing.at, &Scope { only: vec![Phase::Infra], ..Scope::default() });
    plan.actions.into_iter().map(|action| action.address).collect()
}

/// Tells the switches how the run ended. One that waits for another run says nothing: that one will.
async fn pulse(page: &Page, only: Option<&str>, exit: Exit, is_run: bool, means: Means<'_>, told: &mut Told) {
    let Page { desired, report, .. } = page;
    let backups = || report.deeds.iter().filter(|deed| deed.kind == DeedKind::Backup);
    if exit == Exit::Locked || !is_run && backups().next().is_none() {
        return;
    }
    let pings = switches(desired, only).into_iter().filter_map(|(name, url)| {
        let limited: Option<Vec<&String>> =
            naming(desired, name).map(|rule| rule.databases.as_ref()).collect::<Option<Vec<_>>>().and_then(|lists| {
                let entries: Vec<&String> = lists.into_iter().flatten().collect();
                (!entries.is_empty()).then_some(entries)
            });
        let entry_of = |database: &str| desired.database(database).map(|found| found.entry.to_owned());
        let is_meant = |database: &str| {
            limited.as_ref().is_none_or(|entries| entry_of(database).is_some_and(|entry| entries.contains(&&entry)))
        };
        let meant: Vec<_> = report.deeds.iter().filter(|deed| is_meant(&deed.topic.database)).collect();
        let has_failed = meant.iter().any(|deed| matches!(deed.end, DeedEnd::Failed { .. }));
        let is_good = match &limited {
            None => exit == Exit::Done,
            Some(_) if meant.is_empty() && !is_run => return None,
            // What is not due is as it should be, unless that could not be found out.
            Some(_) if meant.is_empty() => exit != Exit::Failed,
            Some(_) => !has_failed,
        };
        let words: Vec<String> = meant.iter().map(|deed| words(deed)).collect();
        let words = format!("policy {}, run {}\n{}", desired.name, report.run, words.join("\n"));
        let pulse = if is_good { Pulse::Success } else { Pulse::Fail };
        Some(async move { (name.to_owned(), ping(url, pulse, &words, means).await) })
    });
    collect(told, join_all(pings).await);
}

fn words(deed: &crate::alert::DeedReport) -> String {
    match &deed.end {
        DeedEnd::Good(done) => format!("{}: {done}", deed.topic.words()),
        DeedEnd::Failed { problem, code } => {
            let code = code.as_ref().map(|code| format!("[{code}] ")).unwrap_or_default();
            format!("{}: FAILED: {code}{problem}", deed.topic.words())
        }
    }
}

/// Checks in with Sentry for every scheduled backup that was taken or failed.
async fn check_ins(page: &Page, now: Timestamp, means: Means<'_>, told: &mut Told) {
    let Page { desired, report, .. } = page;
    let mut all = Vec::new();
    for (name, channel) in &desired.alerts.channels {
        let ChannelSpec::Sentry { dsn } = channel else { continue };
        for deed in report.deeds.iter().filter(|deed| deed.kind == DeedKind::Backup) {
            let Some(tier) = desired.tiers.get(&deed.topic.tier) else { continue };
            if matches!(tier.schedule, Schedule::Manual) {
                continue;
            }
            let check = CheckIn {
                slug: monitor_slug(&desired.name, &deed.topic.database, &deed.topic.tier),
                is_good: matches!(deed.end, DeedEnd::Good(_)),
                schedule: tier.schedule.text().to_owned(),
                zone: desired.timezone.iana_name().unwrap_or("UTC").to_owned(),
                seconds: Period::between(report.begun, now).0,
                run: report.run.clone(),
                policy: desired.name.clone(),
            };
            all.push(async move { (name.clone(), check_in(dsn, &check, means).await) });
        }
    }
    collect(told, join_all(all).await);
}

fn collect(told: &mut Told, ends: Vec<(String, Result<(), crate::notify::NotifyError>)>) {
    told.failed.extend(ends.into_iter().filter_map(|(name, end)| Some((name, end.err()?))));
}

fn warn_of(context: &Context, channel: &str, error: &crate::notify::NotifyError) {
    let id = codes::CHANNEL_FAILED.id;
    context.warn(format_args!("warning[{id}]: the channel `{channel}` takes nothing: {error}"));
}

/// Name of this machine.
pub(super) fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
