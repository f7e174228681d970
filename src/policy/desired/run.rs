//! What a policy means by `run`.

use crate::schedule::{CronJobs, CronTable, SystemdUnits};

/// Who starts the scheduled work, defaults filled in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum RunSpec {
    /// Timers of systemd, a service and a timer for each tier and database.
    Systemd(SystemdUnits),
    /// A file of cron.
    Cron(CronTable),
    /// Cron jobs of Kubernetes, one for each tier.
    Kubernetes(CronJobs),
    /// Nobody that this version installs anything for.
    #[default]
    Elsewhere,
}
