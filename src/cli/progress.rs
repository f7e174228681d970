//! Progress for people: bars on a terminal, a line now and then elsewhere.

use crate::base::{Period, Size};
use crate::event::{Event, Observer, StepEnd};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The words of an event that is worth a line, or `None`.
fn line(event: &Event, colour: bool) -> Option<String> {
    let (green, red, yellow, dim, reset) =
        if colour { ("\x1b[32m", "\x1b[31m", "\x1b[33m", "\x1b[2m", "\x1b[0m") } else { ("", "", "", "", "") };
    match event {
        Event::StepStarted { title, number, of, .. } => Some(format!("{dim}[{number}/{of}]{reset} {title}")),
        Event::StepFinished { end, .. } => match end {
            StepEnd::Done(what) if what.is_empty() => None,
            StepEnd::Done(what) => Some(format!("      {green}done{reset}: {what}")),
            StepEnd::AlreadyDone => Some(format!("      {green}done{reset}: nothing was left to do")),
            StepEnd::Partly(what) => Some(format!("      {yellow}done in part{reset}: {what}")),
            StepEnd::Failed(why) => Some(format!("      {red}failed{reset}: {why}")),
            StepEnd::Deferred(why) => Some(format!("      {yellow}deferred{reset}: {why}")),
            StepEnd::Skipped(why) => Some(format!("      {yellow}skipped{reset}: {why}")),
        },
        Event::Note(text) => Some(format!("      {text}")),
        Event::Warning(text) => Some(format!("{yellow}warning{reset}: {text}")),
        Event::Progress { .. } | Event::ProgressEnded { .. } => None,
    }
}

/// Bars, one a running task, with other words above them.
pub struct Bars {
    all: MultiProgress,
    tasks: Mutex<BTreeMap<String, ProgressBar>>,
    colour: bool,
}

impl Bars {
    /// Bars on standard error.
    pub fn new(colour: bool) -> Bars {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(8));
        Bars { all, tasks: Mutex::default(), colour }
    }

    fn bar(&self, total: Option<u64>) -> ProgressBar {
        let template = if total.is_some() {
            "      {msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}"
        } else {
            "      {spinner} {msg} {bytes} {bytes_per_sec} {elapsed}"
        };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        self.all.add(ProgressBar::new(total.unwrap_or(0)).with_style(style))
    }
}

impl Observer for Bars {
    fn on(&self, event: &Event) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Progress { task, done, total } => {
                let bar = tasks.entry(task.clone()).or_insert_with(|| self.bar(*total).with_message(task.clone()));
                if let Some(total) = total {
                    bar.set_length((*total).max(*done));
                }
                bar.set_position(*done);
            }
            Event::ProgressEnded { task } => {
                if let Some(bar) = tasks.remove(task) {
                    bar.finish_and_clear();
                }
            }
            other => {
                if let Some(line) = line(other, self.colour) {
                    // The terminal may be gone; the work goes on.
                    let _ = self.all.println(line);
                }
            }
        }
    }
}

/// Plain lines: steps as they come, progress of a task every ten seconds.
#[derive(Default)]
pub struct Lines {
    tasks: Mutex<BTreeMap<String, (Instant, Instant)>>,
}

const EVERY: Duration = Duration::from_secs(10);

impl Observer for Lines {
    fn on(&self, event: &Event) {
        let text = match event {
            Event::Progress { task, done, total } => {
                let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
                let now = Instant::now();
                let (begun, told) = tasks.entry(task.clone()).or_insert((now, now));
                if now.duration_since(*told) < EVERY {
                    return;
                }
                *told = now;
                let of = total.map(|total| format!(" of {}", Size(total))).unwrap_or_default();
                let after = Period(now.duration_since(*begun).as_secs()).human();
                Some(format!("      {task}: {}{of} after {after}", Size(*done)))
            }
            Event::ProgressEnded { task } => {
                self.tasks.lock().unwrap_or_else(PoisonError::into_inner).remove(task);
                None
            }
            other => line(other, false),
        };
        if let Some(text) = text {
            // Standard error may be closed; the work goes on.
            let _ = writeln!(std::io::stderr().lock(), "{text}");
        }
    }
}
