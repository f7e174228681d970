//! All that a run tells: claimed, delivered, remembered.

use super::channel::{Means, deliver};
use super::error::NotifyError;
use crate::alert::{Claim, Kind, Memory, Message, Notice, Sender, Sight, Topic, Verdict, judge};
use crate::base::Period;
use crate::diag::Explain;
use crate::policy::{AlertSeverity, ChannelSpec, Desired};
use crate::repository::Repository;
use crate::storage::Condition;
use futures_util::future::join_all;
use indexmap::IndexMap;
use jiff::Timestamp;
use std::time::Duration;

/// Where a policy's alerts are judged and told from.
#[derive(Clone, Copy)]
pub struct Desk<'a> {
    /// The policy.
    pub desired: &'a Desired,
    /// Its storages; the first that answers remembers.
    pub repositories: &'a IndexMap<String, Repository>,
    /// Where this machine remembers while none answers.
    pub local: Option<&'a Repository>,
    /// What delivery needs.
    pub means: Means<'a>,
    /// The clock.
    pub now: fn() -> Timestamp,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Told {
    /// By channel: how many messages it took.
    pub taken: IndexMap<String, usize>,
    /// Channels that did not take something, and why.
    pub failed: Vec<(String, NotifyError)>,
    /// Why what was told could not be remembered, if so: the next run tells it again.
    pub forgotten: Option<String>,
}

/// A run that does not come back in this time is not telling any more.
const CLAIM: Period = Period::minutes(3);
/// How long is waited for another run that is telling.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at that.
const LOOK: Duration = Duration::from_millis(500);
/// A storage that does not answer in this time does not remember.
const ANSWER: Duration = Duration::from_secs(20);
/// Tries to write what others write at the same time.
const WRITES: usize = 10;

/// Tells the channels of a policy what is new, still so, or over, and of those that failed before (`told.failed`) or
/// fail now. Runs of one policy that end together tell each thing once: one claims, the others wait for it and judge
/// again.
pub async fn tell(desk: Desk<'_>, sight: &Sight<'_>, run: &str, host: &str, mut told: Told) -> Told {
    let sender = || Sender { run: run.to_owned(), host: host.to_owned(), sent_at: (desk.now)() };
    let begun = tokio::time::Instant::now();
    // Those that answer and take nothing, and why the first of them does not.
    let mut silent: Vec<&str> = Vec::new();
    let mut refused = None;
    let (verdict, repository) = loop {
        let sender = sender();
        let (memory, shelf) = match recall(desk, &silent).await {
            Ok(found) => found,
            Err(problem) => {
                told.forgotten = refused.or(problem);
                break (judge(desk.desired, sight, &Memory::empty(&desk.desired.name), &sender), None);
            }
        };
        let verdict = judge(desk.desired, sight, &memory, &sender);
        let is_news = |(name, _): &(String, NotifyError)| memory.is_news_that_fails(name, sender.sent_at);
        if verdict.is_quiet(&memory) && shelf.older.is_empty() && !told.failed.iter().any(is_news) {
            return told;
        }
        let is_claimed = memory.claim.as_ref().is_some_and(|claim| {
            claim.run != run && claim.at <= sender.sent_at && Period::between(claim.at, sender.sent_at) < CLAIM
        });
        let is_patient = begun.elapsed() < PATIENCE;
        if is_claimed && is_patient {
            tokio::time::sleep(LOOK).await;
            continue;
        }
        let claim = Some(Claim { run: run.to_owned(), at: sender.sent_at });
        match shelf.repository.remember_alerts(&Memory { claim, ..memory }, shelf.condition).await {
            Ok(false) if is_patient => tokio::time::sleep(LOOK).await,
            Ok(is_written) => {
                if is_written {
                    forget(desk, shelf.older).await;
                }
                break (verdict, Some(shelf.repository));
            }
            Err(error) => {
                refused = refused.or(Some(error.to_string()));
                silent.push(&shelf.repository.name);
            }
        }
    };
    let ends = send(desk, &verdict.notices, &mut told).await;
    let news = report_failed(desk, &verdict.memory, &sender(), &told).await;
    if let Some(repository) = repository {
        let remembered = remember(desk, repository, &verdict, (&ends, &news, &told), run).await;
        told.forgotten = remembered.err();
    }
    told
}

/// Where a memory was found.
struct Shelf<'a> {
    repository: &'a Repository,
    condition: Condition,
    /// Others that remembered something while this one did not answer.
    older: Vec<(&'a Repository, Condition)>,
}

/// What the first storage that answers remembers, with what others do: they remembered while it did not answer, and so did
/// this machine while none did. An error says why there is no memory; nothing where there is no storage.
async fn recall<'a>(desk: Desk<'a>, silent: &[&str]) -> Result<(Memory, Shelf<'a>), Option<String>> {
    let all = desk.repositories.values().chain(desk.local).filter(|one| !silent.contains(&one.name.as_str()));
    let asked = all.map(|repository| async move {
        let answer = tokio::time::timeout(ANSWER, repository.alert_memory(&desk.desired.name)).await;
        let slow = |_| format!("{} does not answer", repository.store.location());
        (repository, answer.map_err(slow).and_then(|answer| answer.map_err(|error| error.to_string())))
    });
    let mut found: Option<(Memory, Shelf<'a>)> = None;
    let mut problem = None;
    for (repository, answer) in join_all(asked).await {
        match (answer, &mut found) {
            (Ok((memory, condition)), None) => {
                found = Some((memory, Shelf { repository, condition, older: Vec::new() }));
            }
            (Ok((other, condition)), Some((memory, shelf))) if !other.is_empty() => {
                memory.take(other);
                shelf.older.push((repository, condition));
            }
            (Ok(_), Some(_)) => {}
            (Err(error), _) => problem = problem.or(Some(error)),
        }
    }
    found.ok_or(problem)
}

/// What others remembered stands in one place now. Where one has remembered more meanwhile, or cannot be written, it is
/// found there again by the next run.
async fn forget(desk: Desk<'_>, older: Vec<(&Repository, Condition)>) {
    let empty = Memory::empty(&desk.desired.name);
    for (repository, condition) in older {
        let _ = tokio::time::timeout(ANSWER, repository.remember_alerts(&empty, condition)).await;
    }
}

/// Delivers everything, channel beside channel; says of each notice whether it was taken.
async fn send(desk: Desk<'_>, notices: &[Notice], told: &mut Told) -> Vec<bool> {
    let mut by_channel: IndexMap<&str, Vec<usize>> = IndexMap::new();
    for (index, notice) in notices.iter().enumerate() {
        by_channel.entry(&notice.channel).or_default().push(index);
    }
    let deliveries = by_channel.iter().filter_map(|(name, indexes)| {
        let channel = desk.desired.alerts.channels.get(*name)?;
        Some(async move {
            let messages: Vec<&Message> = indexes.iter().map(|index| &notices[*index].message).collect();
            (*name, indexes, deliver(channel, &messages, desk.means).await)
        })
    });
    let mut ends = vec![false; notices.len()];
    for (name, indexes, results) in join_all(deliveries).await {
        for (index, result) in indexes.iter().zip(results) {
            match result {
                Ok(()) => {
                    ends[*index] = true;
                    *told.taken.entry(name.to_owned()).or_default() += 1;
                }
                Err(NotifyError::GivenUp(_)) => {}
                Err(error) => told.failed.push((name.to_owned(), error)),
            }
        }
    }
    ends
}

/// Tells of channels that failed through the first other one that takes it, unless that was told lately. Returns those
/// that were told of.
async fn report_failed(desk: Desk<'_>, memory: &Memory, sender: &Sender, told: &Told) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (name, _) in told.failed.iter().filter(|(name, _)| memory.is_news_that_fails(name, sender.sent_at)) {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    let Some(first) = names.first() else { return Vec::new() };
    let Some((_, error)) = told.failed.iter().find(|(name, _)| name == first) else { return Vec::new() };
    let message = failed_message(desk.desired, &names, error, sender);
    let others = desk.desired.alerts.channels.iter().filter(|(name, channel)| {
        !told.failed.iter().any(|(failed, _)| failed == *name) && !matches!(channel, ChannelSpec::Healthcheck { .. })
    });
    // A channel that just took something is the surest.
    let mut others: Vec<_> = others.collect();
    others.sort_by_key(|(name, _)| !told.taken.contains_key(*name));
    for (_, channel) in others {
        if deliver(channel, &[&message], desk.means).await.iter().all(Result::is_ok) {
            return names;
        }
    }
    Vec::new()
}

fn failed_message(desired: &Desired, names: &[String], error: &NotifyError, sender: &Sender) -> Message {
    let first = names.first().map(String::as_str).unwrap_or_default();
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    let names = quoted.join(", ");
    Message {
        format_version: 1,
        kind: Kind::Happened,
        event: "channel_failed".to_owned(),
        severity: AlertSeverity::Warning,
        key: format!("channel_failed/{first}"),
        policy: desired.name.clone(),
        topic: Topic::default(),
        title: format!("alerts do not arrive by {names}"),
        problem: error.to_string(),
        code: Some(error.code().id.to_owned()),
        since: sender.sent_at,
        restorable: Vec::new(),
        cause: None,
        command: Some(format!("backstay alert test {first} --policy {}", desired.file)),
        link: None,
        sender: sender.clone(),
    }
}

/// Writes what was taken into what is remembered by now: another run may have written meanwhile.
async fn remember(
    desk: Desk<'_>,
    repository: &Repository,
    verdict: &Verdict,
    (ends, news, told): (&[bool], &[String], &Told),
    run: &str,
) -> Result<(), String> {
    for _ in 0..WRITES {
        let (mut memory, condition) =
            repository.alert_memory(&desk.desired.name).await.map_err(|error| error.to_string())?;
        let is_ours = memory.claim.as_ref().is_some_and(|claim| claim.run == run);
        if is_ours {
            memory = verdict.memory.clone();
        }
        for (notice, _) in verdict.notices.iter().zip(ends).filter(|(_, is_taken)| **is_taken) {
            let key = &notice.message.key;
            match (notice.message.kind, notice.told) {
                (Kind::Resolved, _) => memory.acknowledge_over(key, &notice.channel),
                (_, Some(told)) => memory.acknowledge(key, &notice.channel, told),
                (_, None) => {}
            }
        }
        let now = (desk.now)();
        memory.failing.extend(news.iter().map(|name| (name.clone(), now)));
        memory
            .failing
            .retain(|name, _| told.failed.iter().any(|(failed, _)| failed == name) || !told.taken.contains_key(name));
        memory.claim = memory.claim.filter(|claim| claim.run != run);
        match repository.remember_alerts(&memory, condition).await {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    Err("other runs wrote it all the time".to_owned())
}
