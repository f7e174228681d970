//! When: cron expressions in a time zone, the last and next instants, and the time between them. The agenda of a process
//! that starts work by itself, and the files that make others start it: units of systemd, a file of cron, jobs of
//! Kubernetes, workflows of GitHub; texts only.

mod agenda;
mod cron;
mod cron_file;
mod fields;
mod installed;
mod job;
mod kubernetes;
mod receiver;
mod restart;
mod systemd;
mod utc;
mod workflow;

pub use agenda::{Agenda, Ending, JobKey, Timing};
pub use cron::{InvalidSchedule, Schedule};
pub use cron_file::{CronTable, cron_file};
pub use fields::Fields;
pub use installed::{Content, WantedFile, mark};
pub use job::{Job, Program, Task};
pub use kubernetes::{CronJobs, Volume, cron_jobs};
pub use receiver::Receiver;
pub use restart::{RAN_WELL, Restart};
pub use systemd::{SystemdUnits, systemd_units, unit_prefix, wants_folder};
pub use workflow::{Workflow, workflow};
