//! Manifests of Kubernetes: cron jobs, deployments of what is kept running, the account that they run as, the claims of their volumes, and a kustomization that
//! names them all. Texts only.

mod account;
mod claim;
mod cron_job;
mod deployment;
mod pod;

pub use claim::Volume;

use super::Receiver;
use super::installed::{Content, WantedFile, dashed, head};
use super::job::{Job, Program, named, told_apart};
use crate::base::Sha256;

/// How jobs run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronJobs {
    /// Folder that receives the manifests.
    pub directory: String,
    /// Namespace of the jobs.
    pub namespace: String,
    /// Image with this program and the client programs.
    pub image: String,
    /// Service account of the jobs; one is made unless named.
    pub service_account: Option<String>,
    /// Secret whose keys become environment variables.
    pub environment_secret: Option<String>,
    /// Volumes that folders of the policy lie in.
    pub volumes: Vec<Volume>,
    /// True when databases are reached by `kubectl exec`, so that jobs talk to the cluster.
    pub asks_cluster: bool,
}

/// Where the policy is in the jobs' containers. It comes from the config map [`config_map`].
const POLICY: &str = "/etc/backstay/backstay.yaml";

/// The most that Kubernetes takes as the name of a cron job.
const LONGEST_NAME: usize = 52;

/// One manifest a job and a receiver, the account, the claims and a kustomization.
pub fn cron_jobs(jobs: &CronJobs, program: &Program, work: &[Job], receivers: &[Receiver]) -> Vec<WantedFile> {
    let program = Program { program: "backstay".to_owned(), file: POLICY.to_owned(), ..program.clone() };
    let mut manifests: Vec<(String, String)> = named(work, dashed)
        .into_iter()
        .map(|(name, job)| (format!("cronjob-{name}.yaml"), cron_job::cron_job(jobs, &program, &name, job)))
        .collect();
    let kept = receivers.iter().map(|receiver| (dashed(&receiver.name()), receiver.own(), receiver)).collect();
    manifests.extend(told_apart(kept).into_iter().map(|(name, receiver)| {
        (format!("deployment-{name}.yaml"), deployment::deployment(jobs, &program, &name, receiver))
    }));
    if manifests.is_empty() {
        return Vec::new();
    }
    manifests.extend(claim::claims(jobs, &program));
    manifests.extend(account::account(jobs, &program));
    let resources: String = manifests.iter().map(|(name, _)| format!("  - {name}\n")).collect();
    let kustomization = format!(
        "{}# The policy comes from a config map: kubectl -n {} create configmap {} --from-file=backstay.yaml=POLICY\n\
         apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnamespace: {}\nresources:\n{resources}",
        head(&program.policy),
        jobs.namespace,
        config_map(&program.policy),
        jobs.namespace,
    );
    manifests.push(("kustomization.yaml".to_owned(), kustomization));
    let file = |(name, text)| WantedFile { path: format!("{}/{name}", jobs.directory), content: Content::Text(text) };
    manifests.into_iter().map(file).collect()
}

/// Name of the config map that holds the policy, under the key `backstay.yaml`.
fn config_map(policy: &str) -> String {
    format!("backstay-{}", dashed(policy))
}

/// Name of the service account that jobs run as.
fn account_name(jobs: &CronJobs, program: &Program) -> String {
    jobs.service_account.clone().unwrap_or_else(|| format!("backstay-{}", dashed(&program.policy)))
}

/// A name of at most so many characters; a longer one ends in a digest of itself.
fn fitted(name: String, most: usize) -> String {
    if name.len() <= most {
        return name;
    }
    let digest = Sha256::of(name.as_bytes()).short();
    let start: String = name.chars().take(most - digest.len() - 1).collect();
    format!("{}-{digest}", start.trim_end_matches('-'))
}

/// A text of YAML between quotes: JSON's strings are YAML's.
fn text(value: &str) -> String {
    serde_json::Value::from(value).to_string()
}
