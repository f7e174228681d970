//! `run`: who starts the work, with paths and users filled in.

use crate::base::{Period, Reference, Template};
use crate::policy::desired::{AgentSpec, RunSpec};
use crate::policy::model::{Agent, Exec, GithubActions, Kubernetes, Policy, Run};
use crate::schedule::{CronJobs, CronTable, SystemdUnits, Volume, Workflow};
use serde_json::Value;
use std::collections::BTreeSet;

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
            log_file: cron.log_file.clone(),
        }),
        Some(Run::Kubernetes(jobs)) => kubernetes(policy, jobs).map_or(RunSpec::Elsewhere, RunSpec::Kubernetes),
        Some(Run::GithubActions(github)) => workflow(policy, github).map_or(RunSpec::Elsewhere, RunSpec::Workflow),
        Some(Run::Agent(written)) => RunSpec::Agent(agent(policy, written)),
        Some(Run::None(_)) | None => RunSpec::Elsewhere,
    }
}

/// Manifests need a folder and an image; [`unmanaged`](super::unmanaged) says so.
fn kubernetes(policy: &Policy, jobs: &Kubernetes) -> Option<CronJobs> {
    let volume = |volume: &crate::policy::model::Volume| Volume {
        claim: volume.claim.clone(),
        path: trimmed(&volume.path),
        size: volume.size.as_deref().copied(),
        storage_class: volume.storage_class.clone(),
    };
    Some(CronJobs {
        directory: trimmed(jobs.directory.as_deref()?),
        namespace: jobs.namespace.clone().unwrap_or_else(|| "default".to_owned()),
        image: jobs.image.clone()?,
        service_account: jobs.service_account.clone(),
        environment_secret: jobs.environment_secret.clone(),
        volumes: jobs.volumes.iter().flatten().map(volume).collect(),
        asks_cluster: asks_cluster(policy),
    })
}

/// True when some database is reached by `kubectl`.
fn asks_cluster(policy: &Policy) -> bool {
    let is_kubectl = |word: Option<&str>| word.is_some_and(|word| word == "kubectl" || word.ends_with("/kubectl"));
    let asks = |exec: &Exec| match exec {
        Exec::One(argv) => is_kubectl(argv.first().map(|word| word.text())),
        Exec::Fallbacks(argvs) => argvs.iter().any(|argv| is_kubectl(argv.0.first().map(|word| word.text()))),
    };
    let default = policy.defaults.as_ref().and_then(|defaults| defaults.exec.as_ref());
    policy.databases.iter().filter_map(|(_, database)| database.exec.as_ref()).chain(default).any(asks)
}

/// A workflow needs to know what brings this program; [`unmanaged`](super::unmanaged) says so.
fn workflow(policy: &Policy, github: &GithubActions) -> Option<Workflow> {
    Some(Workflow {
        file: github.file.clone().unwrap_or_else(|| ".github/workflows/backstay.yml".to_owned()),
        runs_on: github.runs_on.clone().unwrap_or_else(|| "ubuntu-latest".to_owned()),
        environment: github.environment.clone(),
        uses: github.uses.clone()?,
        role: github.role.clone(),
        region: github.region.clone(),
        postgresql: github.postgresql,
        secrets: variables(policy),
    })
}

/// Variables of the environment that the policy refers to and gives no value for.
fn variables(policy: &Policy) -> BTreeSet<String> {
    fn collect(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::String(text) => {
                let Ok(template) = text.parse::<Template>() else { return };
                found.extend(template.references().filter_map(|reference| match reference {
                    Reference::Env { name, default: None } => Some(name.clone()),
                    _ => None,
                }));
            }
            Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
            Value::Object(entries) => entries.values().for_each(|entry| collect(entry, found)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    collect(&serde_json::to_value(policy).unwrap_or_default(), &mut found);
    found
}

const CONCURRENCY: usize = 2;
const JITTER: Period = Period::minutes(1);
const STOP_WITHIN: Period = Period::minutes(5);

fn agent(policy: &Policy, agent: &Agent) -> AgentSpec {
    AgentSpec {
        concurrency: agent.concurrency.and_then(|n| usize::try_from(n).ok()).unwrap_or(CONCURRENCY),
        jitter: agent.jitter.as_deref().copied().unwrap_or(JITTER),
        stop_within: agent.stop_within.as_deref().copied().unwrap_or(STOP_WITHIN),
        listen: policy
            .metrics
            .as_ref()
            .and_then(|metrics| metrics.listen.as_ref())
            .map(|listen| listen.value().clone()),
    }
}

fn trimmed(directory: &str) -> String {
    match directory.trim_end_matches('/') {
        "" => "/".to_owned(),
        trimmed => trimmed.to_owned(),
    }
}
