//! When: cron expressions in a time zone, the last and next instants, and the time between them. And the files that make
//! others start work then: units of systemd, a file of cron, jobs of Kubernetes; texts only.

mod cron;
mod cron_file;
mod cron_job;
mod fields;
mod installed;
mod systemd;

pub use cron::{InvalidSchedule, Schedule};
pub use cron_file::{CronTable, cron_file};
pub use cron_job::{CronJobs, cron_jobs};
pub use fields::Fields;
pub use installed::{Content, Job, Program, WantedFile, mark};
pub use systemd::{SystemdUnits, systemd_units, unit_prefix};
