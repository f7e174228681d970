//! `run`: who starts the work, with paths and users filled in.

use crate::policy::desired::RunSpec;
use crate::policy::model::{Policy, Run};
use crate::schedule::{CronJobs, CronTable, SystemdUnits};

pub(super) fn run(policy: &Policy) -> RunSpec {
    let name = policy.name.text();
    match &policy.run {
        Some(Run::Systemd(units)) => RunSpec::Systemd(SystemdUnits {
            directory: trimmed(units.directory.as_deref().unwrap_or("/etc/systemd/system")),
            user: units.user.clone(),
            environment_file: units.environment_file.clone(),
        }),
        Some(Run::Cron(cron)) => RunSpec::Cron(CronTable {
            file: cron.file.clone().unwrap_or_else(|| format!("/etc/cron.d/backstay-{name}")),
            user: cron.user.clone().unwrap_or_else(|| "root".to_owned()),
        }),
        Some(Run::Kubernetes(jobs)) => match (&jobs.directory, &jobs.image) {
            (Some(directory), Some(image)) => RunSpec::Kubernetes(CronJobs {
                directory: trimmed(directory),
                namespace: jobs.namespace.clone().unwrap_or_else(|| "default".to_owned()),
                image: image.clone(),
                service_account: jobs.service_account.clone(),
                environment_secret: jobs.environment_secret.clone(),
            }),
            _ => RunSpec::Elsewhere,
        },
        _ => RunSpec::Elsewhere,
    }
}

fn trimmed(directory: &str) -> String {
    match directory.trim_end_matches('/') {
        "" => "/".to_owned(),
        trimmed => trimmed.to_owned(),
    }
}
