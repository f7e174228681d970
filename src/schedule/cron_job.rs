//! Cron jobs of Kubernetes, with a service account of their own.

use super::installed::{Content, Job, Program, WantedFile, dashed, head};
use super::{Fields, Schedule};
use crate::base::Sha256;
use std::fmt::Write as _;

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
}

/// Where the policy is in the jobs' containers. It comes from the config map [`config_map`].
const POLICY: &str = "/etc/backstay/backstay.yaml";

/// One manifest a tier, the service account and a kustomization that names them all.
pub fn cron_jobs(jobs: &CronJobs, program: &Program, work: &[Job]) -> Vec<WantedFile> {
    let program = Program { program: "backstay".to_owned(), file: POLICY.to_owned(), ..program.clone() };
    let file = |name: &str, text: String| WantedFile {
        path: format!("{}/{name}", jobs.directory),
        content: Content::Text(text),
    };
    let mut files: Vec<WantedFile> = Vec::new();
    let mut names = Vec::new();
    for job in work.iter().filter(|job| job.schedule != Schedule::Manual) {
        let name = format!("cronjob-{}.yaml", dashed(&job.tier));
        files.push(file(&name, cron_job(jobs, &program, job)));
        names.push(name);
    }
    if files.is_empty() {
        return files;
    }
    if jobs.service_account.is_none() {
        files.push(file("serviceaccount.yaml", service_account(jobs, &program)));
        names.push("serviceaccount.yaml".to_owned());
    }
    let resources: String = names.iter().map(|name| format!("  - {name}\n")).collect();
    let text = format!(
        "{}# The policy comes from a config map: kubectl -n {} create configmap {} --from-file=backstay.yaml=POLICY\n\
         apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnamespace: {}\nresources:\n{resources}",
        head(&program.policy),
        jobs.namespace,
        config_map(&program.policy),
        jobs.namespace,
    );
    files.push(file("kustomization.yaml", text));
    files
}

/// Name of the config map that holds the policy, under the key `backstay.yaml`.
fn config_map(policy: &str) -> String {
    format!("backstay-{}", dashed(policy))
}

fn account(jobs: &CronJobs, program: &Program) -> String {
    jobs.service_account.clone().unwrap_or_else(|| format!("backstay-{}", dashed(&program.policy)))
}

fn service_account(jobs: &CronJobs, program: &Program) -> String {
    format!(
        "{}apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: {}\n  namespace: {}\n\
         automountServiceAccountToken: false\n",
        head(&program.policy),
        account(jobs, program),
        jobs.namespace
    )
}

fn cron_job(jobs: &CronJobs, program: &Program, job: &Job) -> String {
    let mut out = head(&program.policy);
    // What only some crons know is looked at every hour: `run` does only what is due.
    let schedule = if Fields::of(&job.schedule).is_some() { job.schedule.text() } else { "0 * * * *" };
    let name = job_name(&program.policy, &job.tier);
    let arguments: String =
        program.command(job).iter().skip(1).map(|word| format!("                - {}\n", text(word))).collect();
    // Writing into a String cannot fail.
    let _ = write!(
        out,
        "apiVersion: batch/v1
kind: CronJob
metadata:
  name: {name}
  namespace: {namespace}
  labels:
    app.kubernetes.io/name: backstay
    app.kubernetes.io/managed-by: backstay
spec:
  schedule: {schedule}
  timeZone: {zone}
  concurrencyPolicy: Forbid
  startingDeadlineSeconds: 3600
  successfulJobsHistoryLimit: 3
  failedJobsHistoryLimit: 3
  jobTemplate:
    spec:
      backoffLimit: 1
      template:
        metadata:
          labels:
            app.kubernetes.io/name: backstay
        spec:
          restartPolicy: Never
          serviceAccountName: {account}
          terminationGracePeriodSeconds: 300
          securityContext:
            runAsNonRoot: true
            seccompProfile:
              type: RuntimeDefault
          containers:
            - name: backstay
              image: {image}
              args:
{arguments}",
        namespace = jobs.namespace,
        schedule = text(schedule),
        zone = text(&program.zone),
        account = account(jobs, program),
        image = text(&jobs.image),
    );
    if let Some(secret) = &jobs.environment_secret {
        let _ =
            write!(out, "              envFrom:\n                - secretRef:\n                    name: {secret}\n");
    }
    let _ = write!(
        out,
        "              securityContext:
                allowPrivilegeEscalation: false
                readOnlyRootFilesystem: true
                capabilities:
                  drop: [ALL]
              volumeMounts:
                - name: policy
                  mountPath: /etc/backstay
                  readOnly: true
                - name: temporary
                  mountPath: /tmp
          volumes:
            - name: policy
              configMap:
                name: {map}
            - name: temporary
              emptyDir: {{}}
",
        map = config_map(&program.policy)
    );
    out
}

/// 52 characters are the most that Kubernetes takes as the name of a cron job; a longer one ends in a digest.
fn job_name(policy: &str, tier: &str) -> String {
    let name = format!("backstay-{}-{}", dashed(policy), dashed(tier));
    if name.len() <= 52 { name } else { format!("{}-{}", &name[..39], Sha256::of(name.as_bytes()).short()) }
}

/// A text of YAML between quotes: JSON's strings are YAML's.
fn text(value: &str) -> String {
    serde_json::Value::from(value).to_string()
}
