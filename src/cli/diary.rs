//! What the runs of this process did, policy by policy, for whoever is told of it afterwards.

use crate::alert::{DeedEnd, DeedKind, RunReport, Topic};
use crate::policy::Desired;
use jiff::Timestamp;
use std::sync::{Mutex, PoisonError};

/// One page a policy.
#[derive(Default)]
pub struct Diary(Mutex<Book>);

#[derive(Default)]
struct Book {
    pages: Vec<Page>,
    only: Option<String>,
}

/// What was done for one policy.
pub struct Page {
    /// The policy.
    pub desired: Desired,
    /// What was done.
    pub report: RunReport,
    /// Something was changed, or was tried to be.
    pub acts: bool,
}

impl Diary {
    /// Opens the page of a policy. Where it is open already it stays as it is.
    pub fn open(&self, desired: &Desired, run: &str) {
        let pages = &mut self.0.lock().unwrap_or_else(PoisonError::into_inner).pages;
        if pages.iter().all(|page| page.desired.name != desired.name) {
            let now = Timestamp::now();
            pages.push(Page { desired: desired.clone(), report: RunReport::begun(run.to_owned(), now), acts: false });
        }
    }

    /// A run of a policy, whose page is open, begins to change things.
    pub fn acts(&self, policy: &str, run: &str) {
        self.page(policy, |page| {
            page.acts = true;
            page.report.run = run.to_owned();
        });
    }

    /// Something was done to a database.
    pub fn note(&self, policy: &str, kind: DeedKind, topic: Topic, end: DeedEnd) {
        self.page(policy, |page| {
            page.acts = true;
            page.report.add(kind, topic, end);
        });
    }

    /// The run is about one database entry, or about all.
    pub fn only(&self, database: Option<&str>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).only = database.map(str::to_owned);
    }

    /// Takes all pages out, and the only database that the run is about.
    pub fn take(&self) -> (Vec<Page>, Option<String>) {
        let book = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        (book.pages, book.only)
    }

    fn page(&self, policy: &str, write: impl FnOnce(&mut Page)) {
        let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(page) = book.pages.iter_mut().find(|page| page.desired.name == policy) {
            write(page);
        }
    }
}
