//! What a process that stays has hands for: jobs as processes of this same program, which are started, waited for and
//! stopped, and pages for those who ask how it is.
//!
//! A job is a process of its own, so that the memory of this one does not grow, and a crash is one job's. What is kept
//! running is one, too, and ends with this one. Which there are and when they start, `schedule` says; what the pages show, the caller.

mod child;
mod listener;

pub use child::{Child, Ended, JobCommand, Said};
pub use listener::{Listener, Page, Pages};
