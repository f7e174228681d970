//! A cron job.

use super::pod::{Pod, pod_spec};
use super::{CronJobs, LONGEST_NAME, fitted, text};
use crate::schedule::installed::{dashed, head};
use crate::schedule::{Fields, Job, Program};

/// The manifest of a job.
pub(super) fn cron_job(jobs: &CronJobs, program: &Program, name: &str, job: &Job) -> String {
    // What only some crons know is looked at every hour: a job does only what is due.
    let schedule = if Fields::of(&job.schedule).is_some() { job.schedule.text() } else { "0 * * * *" };
    let pod = Pod { command: &program.command(job), restart: "Never", grace: 300, folder: None };
    format!(
        "{head}apiVersion: batch/v1
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
{pod}",
        head = head(&program.policy),
        name = text(&fitted(format!("backstay-{}-{name}", dashed(&program.policy)), LONGEST_NAME)),
        namespace = text(&jobs.namespace),
        schedule = text(schedule),
        zone = text(&program.zone),
        pod = pod_spec(jobs, program, &pod, 10),
    )
}
