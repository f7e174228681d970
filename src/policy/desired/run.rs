//! What a policy means by `run`.

use crate::base::{Period, Template};
use crate::schedule::{CronJobs, CronTable, SystemdUnits, Workflow};

/// Who starts the scheduled work, defaults filled in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum RunSpec {
    /// Timers of systemd, a service and a timer for each job.
    Systemd(SystemdUnits),
    /// A file of cron.
    Cron(CronTable),
    /// Cron jobs of Kubernetes, one for each tier.
    Kubernetes(CronJobs),
    /// Workflows of GitHub Actions.
    Workflow(Workflow),
    /// A process of this program that stays.
    Agent(AgentSpec),
    /// Nobody that this version installs anything for.
    #[default]
    Elsewhere,
}

/// How `backstay agent` works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentSpec {
    /// How many jobs run at once.
    pub concurrency: usize,
    /// Work starts at most so long after it is due.
    pub jitter: Period,
    /// How long running work may take to end when the process is stopped.
    pub stop_within: Period,
    /// Address that it is asked at: `metrics.listen`.
    pub listen: Option<Template>,
}
