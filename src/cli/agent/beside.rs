//! What runs beside the jobs and takes the place of none: a process for each database that receives its WAL, kept running, and
//! one that brings what waits in a spool, whenever something does. Both are this same program.

use super::voice::Voice;
use crate::agent::{Child, Ended, JobCommand, Said};
use crate::base::{Period, Sha256};
use crate::schedule::{RAN_WELL, Restart};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// One that was asked to stop and does not is ended.
pub(super) const ENDS_AFTER: Duration = Duration::from_secs(60);

/// Whose work, and which.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Aside {
    pub(super) policy: String,
    pub(super) database: String,
    pub(super) work: Work,
}

/// What is done beside the jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Work {
    /// WAL is received, all the time.
    Receive,
    /// What waits in the spool is brought, when something does.
    Drain,
}

impl Aside {
    fn name(&self) -> String {
        let work = match self.work {
            Work::Receive => "wal receive",
            Work::Drain => "wal drain",
        };
        format!("{} {} {work}", self.policy, self.database)
    }
}

/// What a policy wants of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wish {
    /// What the policy says of it: it is started again when that changes.
    pub(super) meaning: Sha256,
    /// Its words.
    pub(super) words: Vec<OsString>,
}

/// How a receiver fares, for who asks over HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Receiving {
    pub(super) policy: String,
    pub(super) database: String,
    pub(super) running: bool,
    /// How often it was started.
    pub(super) starts: u64,
    /// How it last ended by itself; -1 when a signal ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_exit_code: Option<i32>,
}

/// Something that is heard of one of them.
#[derive(Debug)]
pub(super) enum Heard {
    Ended(Ended<Aside>),
    Said(Said<Aside>),
}

/// What is to be told.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Tale {
    /// As it was said.
    Line(String),
    Good(String),
    Bad(String),
}

#[derive(Debug, Default)]
struct Kept {
    wish: Option<Wish>,
    running: Option<Running>,
    restart: Restart,
    voice: Voice,
    starts: u64,
    last_exit_code: Option<i32>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    wish: Wish,
    /// Since when it is asked to stop.
    asked: Option<Instant>,
    is_ended: bool,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Beside {
    all: BTreeMap<Aside, Kept>,
    /// Those of which something waits.
    due: BTreeSet<Aside>,
    ended: (UnboundedSender<Ended<Aside>>, UnboundedReceiver<Ended<Aside>>),
    said: (UnboundedSender<Said<Aside>>, UnboundedReceiver<Said<Aside>>),
}

impl Beside {
    /// Nothing runs.
    pub(super) fn new() -> Beside {
        Beside { all: BTreeMap::new(), due: BTreeSet::new(), ended: unbounded_channel(), said: unbounded_channel() }
    }

    /// From now on these are wanted, and no others.
    pub(super) fn want(&mut self, wishes: Vec<(Aside, Wish)>) {
        self.all.values_mut().for_each(|kept| kept.wish = None);
        for (aside, wish) in wishes {
            self.all.entry(aside).or_default().wish = Some(wish);
        }
    }

    /// Of these something waits.
    pub(super) fn set_due(&mut self, due: BTreeSet<Aside>) {
        self.due = due;
    }

    /// Those that bring what waits, and do not run.
    pub(super) fn idle_drains(&self) -> Vec<Aside> {
        let idle = self.all.iter().filter(|(aside, kept)| aside.work == Work::Drain && kept.running.is_none());
        idle.map(|(aside, _)| aside.clone()).collect()
    }

    /// What is heard next.
    pub(super) async fn next(&mut self) -> Heard {
        tokio::select! {
            // What it said before it ended is heard before that.
            biased;
            Some(said) = self.said.1.recv() => Heard::Said(said),
            Some(ended) = self.ended.1.recv() => Heard::Ended(ended),
            else => std::future::pending().await,
        }
    }

    /// Takes notice, and says what is to be told of it.
    pub(super) fn hear(&mut self, heard: Heard, now: Period) -> Option<Tale> {
        match heard {
            Heard::Said(said) => {
                let is_new = self.all.get_mut(&said.key).is_none_or(|kept| kept.voice.is_new(&said.line));
                is_new.then_some(Tale::Line(said.line))
            }
            Heard::Ended(ended) => self.end(&ended, now),
        }
    }

    fn end(&mut self, ended: &Ended<Aside>, now: Period) -> Option<Tale> {
        let aside = &ended.key;
        let kept = self.all.get_mut(aside)?;
        let was_asked = kept.running.take().is_some_and(|running| running.asked.is_some());
        let ran = Period(ended.seconds);
        if aside.work == Work::Drain {
            // It looks again for what waits before it is started again.
            self.due.remove(aside);
        }
        if was_asked || aside.work == Work::Drain && ended.code == Some(0) {
            kept.restart.stopped();
            kept.voice.begins(true);
            let is_told = was_asked && aside.work == Work::Receive;
            return is_told.then(|| Tale::Good(format!("{}: stopped", aside.name())));
        }
        kept.last_exit_code = Some(ended.code.unwrap_or(-1));
        kept.restart.ended(ran, now);
        let how = match (ended.code, &ended.problem) {
            (Some(code), _) => format!("ended with exit {code}"),
            (None, Some(problem)) => format!("not started: {problem}"),
            (None, None) => "was ended".to_owned(),
        };
        let is_new = kept.voice.is_new(&how);
        kept.voice.begins(ran >= RAN_WELL);
        let again = "it is started again, after a minute at the latest";
        is_new.then(|| Tale::Bad(format!("{}: {how} after {}; {again}", aside.name(), ran.human())))
    }

    /// Starts what is wanted and does not run, and stops what is not wanted any more or as something else.
    pub(super) fn turn(&mut self, now: Period, command: &dyn Fn(&Aside, &Wish) -> JobCommand) -> Vec<Tale> {
        let mut tales = Vec::new();
        for (aside, kept) in &mut self.all {
            if let Some(running) = &mut kept.running {
                if kept.wish.as_ref() != Some(&running.wish) {
                    tales.extend(running.stop().map(|()| Tale::Bad(format!("{}: is ended by force", aside.name()))));
                }
                continue;
            }
            let is_due = aside.work == Work::Receive || self.due.contains(aside);
            let Some(wish) = kept.wish.clone().filter(|_| is_due && kept.restart.is_due(now)) else { continue };
            let (ended, said) = (self.ended.0.clone(), self.said.0.clone());
            let child = Child::start_tied(aside.clone(), &command(aside, &wish), ended, said);
            kept.running = Some(Running { child, wish, asked: None, is_ended: false });
            kept.starts += 1;
            if aside.work == Work::Receive && kept.voice.is_new("starts") {
                tales.push(Tale::Good(format!("{}: starts", aside.name())));
            }
        }
        self.all.retain(|_, kept| kept.wish.is_some() || kept.running.is_some());
        tales
    }

    /// Asks all to stop, and ends those that were asked long ago.
    pub(super) fn stop(&mut self) {
        self.all.values_mut().filter_map(|kept| kept.running.as_mut()).for_each(|running| {
            running.stop();
        });
    }

    /// Ends all at once.
    pub(super) fn end_all(&self) {
        self.all.values().filter_map(|kept| kept.running.as_ref()).for_each(|running| running.child.end());
    }

    /// True when none runs.
    pub(super) fn is_still(&self) -> bool {
        self.all.values().all(|kept| kept.running.is_none())
    }

    /// How the receivers fare.
    pub(super) fn receiving(&self) -> Vec<Receiving> {
        let receivers = self.all.iter().filter(|(aside, kept)| aside.work == Work::Receive && kept.wish.is_some());
        let standing = receivers.map(|(aside, kept)| Receiving {
            policy: aside.policy.clone(),
            database: aside.database.clone(),
            running: kept.running.is_some(),
            starts: kept.starts,
            last_exit_code: kept.last_exit_code,
        });
        standing.collect()
    }
}

impl Running {
    /// Asks it to stop, once; much later it is ended, which is told.
    fn stop(&mut self) -> Option<()> {
        match self.asked {
            None => {
                self.child.ask_to_stop();
                self.asked = Some(Instant::now());
                None
            }
            Some(asked) if asked.elapsed() >= ENDS_AFTER && !self.is_ended => {
                self.child.end();
                self.is_ended = true;
                Some(())
            }
            Some(_) => None,
        }
    }
}
