//! What a run says, kept as lines of JSON: in a file, on standard error, or both. Every line has the id of the run.

use super::log_file::LogFile;
use crate::event::{Event, Observer, StepEnd};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// How standard error speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum LogFormat {
    /// Sentences
    #[default]
    Human,
    /// Lines of JSON
    Json,
}

/// How grave a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// How the work goes on.
    Info,
    /// Something that may need attention.
    Warning,
    /// Something failed.
    Error,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Level::Info => "info",
            Level::Warning => "warning",
            Level::Error => "error",
        }
    }
}

/// Where lines go.
pub struct Log {
    run: String,
    is_json: bool,
    file: Option<Mutex<LogFile>>,
}

impl Log {
    /// A log of a run; of no file unless one is named.
    pub fn new(run: String, format: LogFormat, file: Option<PathBuf>) -> Log {
        Log { run, is_json: format == LogFormat::Json, file: file.map(|file| Mutex::new(LogFile::new(file))) }
    }

    /// True when standard error gets lines of JSON instead of sentences.
    pub fn is_json(&self) -> bool {
        self.is_json
    }

    /// True when lines go anywhere.
    pub fn is_kept(&self) -> bool {
        self.is_json || self.file.is_some()
    }

    /// Writes one line. A file that cannot be written is told once, and the work goes on.
    pub fn write(&self, level: Level, message: &str, fields: Map<String, Value>) {
        if !self.is_kept() {
            return;
        }
        let mut line = Map::new();
        line.insert("time".to_owned(), json!(Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()));
        line.insert("level".to_owned(), json!(level.word()));
        line.insert("run".to_owned(), json!(self.run));
        line.insert("message".to_owned(), json!(message));
        line.extend(fields);
        let line = Value::from(line).to_string() + "\n";
        if self.is_json {
            // Standard error may be closed; the work goes on.
            let _ = std::io::stderr().lock().write_all(line.as_bytes());
        }
        let Some(file) = &self.file else { return };
        let told = file.lock().unwrap_or_else(PoisonError::into_inner).append(&line);
        if let Some(problem) = told {
            let id = crate::diag::codes::LOG_LOST.id;
            let _ = writeln!(std::io::stderr().lock(), "warning[{id}]: {problem}; the work goes on");
        }
    }
}

/// Passes events on, and keeps those that are worth a line.
pub struct Logged {
    log: Arc<Log>,
    next: Arc<dyn Observer>,
}

impl Logged {
    /// Listens for both.
    pub fn new(log: Arc<Log>, next: Arc<dyn Observer>) -> Logged {
        Logged { log, next }
    }
}

impl Observer for Logged {
    fn on(&self, event: &Event) {
        self.next.on(event);
        let (level, message, fields) = match event {
            Event::StepStarted { address, title, number, of } => (
                Level::Info,
                title.clone(),
                json!({ "event": "step_started", "address": address, "number": number, "of": of }),
            ),
            Event::StepFinished { address, end } => {
                let (level, word, message) = ending(end);
                (level, message, json!({ "event": "step_finished", "address": address, "end": word }))
            }
            Event::Note(text) => (Level::Info, text.clone(), json!({})),
            Event::Warning(text) => (Level::Warning, text.clone(), json!({})),
            Event::Progress { .. } | Event::ProgressEnded { .. } => return,
        };
        let Value::Object(fields) = fields else { return };
        self.log.write(level, &message, fields);
    }
}

fn ending(end: &StepEnd) -> (Level, &'static str, String) {
    match end {
        StepEnd::Done(what) => (Level::Info, "done", what.clone()),
        StepEnd::AlreadyDone => (Level::Info, "done", "nothing was left to do".to_owned()),
        StepEnd::Partly(what) => (Level::Warning, "partly", what.clone()),
        StepEnd::Failed(why) => (Level::Error, "failed", why.clone()),
        StepEnd::Deferred(why) => (Level::Info, "deferred", why.clone()),
        StepEnd::Skipped(why) => (Level::Warning, "skipped", why.clone()),
    }
}
