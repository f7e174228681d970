//! How far a stream is, said to whoever listens.

use crate::event::{Event, Observer};
use std::sync::Arc;

/// Tells an observer of a stream's progress.
#[derive(Clone)]
pub struct Progress {
    observer: Arc<dyn Observer>,
    task: String,
    total: Option<u64>,
}

impl Progress {
    /// Progress of `task`, such as `back up app`, of which `total` bytes are expected.
    pub fn new(observer: Arc<dyn Observer>, task: impl Into<String>, total: Option<u64>) -> Progress {
        Progress { observer, task: task.into(), total }
    }

    /// Progress that nobody hears.
    pub fn silent() -> Progress {
        Progress::new(Arc::new(crate::event::Silent), String::new(), None)
    }

    pub(super) fn at(&self, done: u64) {
        self.observer.on(&Event::Progress { task: self.task.clone(), done, total: self.total });
    }

    pub(super) fn end(&self) {
        self.observer.on(&Event::ProgressEnded { task: self.task.clone() });
    }
}
