//! The loop: once a second it looks at the clock, the policy and the agenda; in between it waits for jobs and signals.

use super::beside::{Beside, ENDS_AFTER, Tale};
use super::duty::Duty;
use crate::agent::{Child, Ended};
use crate::base::Period;
use crate::schedule::{Agenda, Ending, JobKey};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::{MissedTickBehavior, interval};

/// Clocks are set while one sleeps, so nobody sleeps for long.
const LOOKS_EVERY: Duration = Duration::from_secs(1);
/// Whether something waits in a spool is looked at so often.
const LOOKS_FOR_WAITING: Duration = Duration::from_secs(30);

/// What the loop tells.
#[derive(Debug)]
pub(super) enum Told<'a> {
    /// A job begins.
    Begun(&'a JobKey),
    /// A job ended.
    Ended(&'a Ended),
    /// The process is asked to stop; so many jobs still run.
    Stopping(usize),
    /// The bound is over, or somebody asked again: jobs are asked to stop.
    StoppingJobs(usize),
    /// Jobs that did not stop are ended.
    EndingJobs(usize),
    /// Something of what runs beside the jobs.
    Beside(&'a Tale),
}

/// What somebody wants of this process.
enum Asked {
    ToStop,
    ToReload,
}

/// Works until a signal to end. Then nothing is started any more, and running jobs have their time to end; a second
/// signal stops them at once.
pub(super) async fn serve(duty: &mut Duty<'_>) -> io::Result<()> {
    let mut signals = Signals::new()?;
    let (sender, mut ended) = unbounded_channel();
    let mut agenda = Agenda::default();
    let mut children: BTreeMap<JobKey, Child> = BTreeMap::new();
    let mut ticks = interval(LOOKS_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let began = Instant::now();
    let mut leaving = Leaving::No;
    let (mut beside, mut looked): (Beside, Option<Instant>) = (Beside::new(), None);
    duty.fill(&mut agenda);
    beside.want(duty.beside());
    loop {
        let mut is_asked = false;
        tokio::select! {
            _ = ticks.tick() => {}
            Some(end) = ended.recv() => {
                let ending = if leaving.is_no() { Duty::judge(&end) } else { Ending::Stopped };
                children.remove(&end.key);
                agenda.end(&end.key, ending, uptime(began));
                duty.tell(&Told::Ended(&end));
            }
            heard = beside.next() => {
                beside.hear(heard, uptime(began)).iter().for_each(|tale| duty.tell(&Told::Beside(tale)));
            }
            asked = signals.next() => match asked {
                Asked::ToReload => is_asked = true,
                Asked::ToStop if leaving.is_no() => {
                    duty.tell(&Told::Stopping(children.len()));
                    leaving = Leaving::Waiting(Instant::now() + Duration::from_secs(duty.stop_within().0));
                }
                Asked::ToStop => leaving = leaving.hurry(),
            },
        }
        if leaving.is_no() {
            if duty.look(&mut agenda, is_asked).await {
                looked = None;
                beside.want(duty.beside());
            }
            if looked.is_none_or(|looked| looked.elapsed() >= LOOKS_FOR_WAITING) {
                looked = Some(Instant::now());
                let due = duty.waiting(beside.idle_drains()).await;
                beside.set_due(due);
            }
            let tales = beside.turn(uptime(began), &|aside, wish| duty.aside(aside, wish));
            tales.iter().for_each(|tale| duty.tell(&Told::Beside(tale)));
            let free = duty.concurrency().saturating_sub(children.len());
            for key in agenda.begin(Timestamp::now(), uptime(began), free) {
                duty.tell(&Told::Begun(&key));
                let child = Child::start(key.clone(), &duty.command(&key), sender.clone());
                children.insert(key, child);
            }
        } else if children.is_empty() && beside.is_still() {
            return Ok(());
        } else {
            leaving = leaving.go_on(&children, &mut beside, duty);
        }
        duty.stand(&agenda, &beside);
    }
}

/// How far the process is with ending.
#[derive(Clone, Copy)]
enum Leaving {
    No,
    /// Jobs may end by themselves until then; what runs beside them goes on, since a backup may wait for its WAL.
    Waiting(Instant),
    /// They were asked to stop, and are ended then.
    Asked(Instant),
    Ended,
}

impl Leaving {
    fn is_no(self) -> bool {
        matches!(self, Leaving::No)
    }

    /// Somebody asked again.
    fn hurry(self) -> Leaving {
        match self {
            Leaving::Waiting(_) => Leaving::Waiting(Instant::now()),
            Leaving::Asked(_) => Leaving::Asked(Instant::now()),
            other => other,
        }
    }

    fn go_on(self, children: &BTreeMap<JobKey, Child>, beside: &mut Beside, duty: &Duty<'_>) -> Leaving {
        match self {
            Leaving::Waiting(until) if until <= Instant::now() || children.is_empty() => {
                if !children.is_empty() {
                    duty.tell(&Told::StoppingJobs(children.len()));
                }
                children.values().for_each(Child::ask_to_stop);
                beside.stop();
                Leaving::Asked(Instant::now() + ENDS_AFTER)
            }
            Leaving::Asked(until) if until <= Instant::now() => {
                if !children.is_empty() {
                    duty.tell(&Told::EndingJobs(children.len()));
                }
                children.values().for_each(Child::end);
                beside.end_all();
                Leaving::Ended
            }
            other => other,
        }
    }
}

fn uptime(began: Instant) -> Period {
    Period(began.elapsed().as_secs())
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn new() -> io::Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.terminate.recv() => Asked::ToStop,
            _ = self.interrupt.recv() => Asked::ToStop,
            _ = self.hang_up.recv() => Asked::ToReload,
        }
    }
}
