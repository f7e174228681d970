//! How far a stream is, said to whoever listens.

use crate::event::{Event, Observer};
use std::sync::Arc;

/// Tells an observer of a stream's progress.
#[derive(Clone)]
pub struct Progress {
    observer: Arc<dyn Observer>,
    task: String,
    total: Option<u64>,
    /// Bytes of the task that were done before this stream; `None`: the stream is the whole task.
    before: Option<u64>,
}

impl Progress {
    /// Progress of `task`, such as `back up app`, of which `total` bytes are expected.
    pub fn new(observer: Arc<dyn Observer>, task: impl Into<String>, total: Option<u64>) -> Progress {
        Progress { observer, task: task.into(), total, before: None }
    }

    /// Progress of one stream of the same task, of which `before` bytes were done by others. The task's end is for the
    /// caller to tell, with [`Progress::end`].
    #[must_use]
    pub fn part(&self, before: u64) -> Progress {
        Progress { before: Some(before), ..self.clone() }
    }

    /// Progress that nobody hears.
    pub fn silent() -> Progress {
        Progress::new(Arc::new(crate::event::Silent), String::new(), None)
    }

    /// So many bytes are done.
    pub fn at(&self, done: u64) {
        let done = done.saturating_add(self.before.unwrap_or(0));
        self.observer.on(&Event::Progress { task: self.task.clone(), done, total: self.total });
    }

    /// A stream came to its end.
    pub(super) fn stream_ended(&self) {
        if self.before.is_none() {
            self.end();
        }
    }

    /// The task came to its end, good or not.
    pub fn end(&self) {
        self.observer.on(&Event::ProgressEnded { task: self.task.clone() });
    }
}
