//! The numbers of the policies, for whoever scrapes: asked of `backstay metrics` as a process of its own, as everything
//! that reads stores is, and kept for a while, so that who asks often does not make the stores pay.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::process::Command;

/// Numbers that are no older are shown again.
const FRESH: Duration = Duration::from_secs(30);
/// Who scrapes does not wait longer, as a rule; old numbers are better than none.
const PATIENCE: Duration = Duration::from_secs(20);

/// Who asks, and what was answered last.
#[derive(Debug)]
pub(super) struct Scrape {
    program: PathBuf,
    words: Mutex<Vec<OsString>>,
    last: tokio::sync::Mutex<Option<(Instant, String)>>,
}

impl Scrape {
    /// Nobody was asked yet.
    pub(super) fn new(program: PathBuf) -> Scrape {
        Scrape { program, words: Mutex::default(), last: tokio::sync::Mutex::default() }
    }

    /// From now on these words stand before `metrics`: which policies are meant.
    pub(super) fn ask_with(&self, words: Vec<OsString>) {
        *self.words.lock().unwrap_or_else(PoisonError::into_inner) = words;
    }

    /// The numbers. One process asks for all who scrape at the same time; nothing when it has no answer.
    pub(super) async fn text(&self) -> String {
        let mut last = self.last.lock().await;
        if let Some((at, text)) = last.as_ref()
            && at.elapsed() < FRESH
        {
            return text.clone();
        }
        let words = self.words.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut command = Command::new(&self.program);
        command.args(words).arg("metrics").stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let answer = tokio::time::timeout(PATIENCE, command.output()).await;
        let text = match answer {
            Ok(Ok(output)) if output.status.success() => String::from_utf8(output.stdout).unwrap_or_default(),
            _ => last.take().map(|(_, text)| text).unwrap_or_default(),
        };
        *last = Some((Instant::now(), text.clone()));
        text
    }
}
