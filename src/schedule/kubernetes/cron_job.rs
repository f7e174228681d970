//! A cron job.

use super::{CronJobs, Volume, account_name, config_map, fitted, text};
use crate::schedule::installed::{dashed, head};
use crate::schedule::{Fields, Job, Program};
use std::fmt::Write as _;

/// The most that Kubernetes takes as the name of a cron job.
const LONGEST_NAME: usize = 52;

/// The manifest of a job.
pub(super) fn cron_job(jobs: &CronJobs, program: &Program, name: &str, job: &Job) -> String {
    let mut out = head(&program.policy);
    // What only some crons know is looked at every hour: a job does only what is due.
    let schedule = if Fields::of(&job.schedule).is_some() { job.schedule.text() } else { "0 * * * *" };
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
{group}            seccompProfile:
              type: RuntimeDefault
          containers:
            - name: backstay
              image: {image}
              args:
{arguments}",
        name = text(&fitted(format!("backstay-{}-{name}", dashed(&program.policy)), LONGEST_NAME)),
        namespace = text(&jobs.namespace),
        schedule = text(schedule),
        zone = text(&program.zone),
        account = text(&account_name(jobs, program)),
        group = if jobs.volumes.is_empty() { "" } else { VOLUME_GROUP },
        image = text(&jobs.image),
    );
    if let Some(secret) = &jobs.environment_secret {
        let secret = text(secret);
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
{mounts}          volumes:
            - name: policy
              configMap:
                name: {map}
            - name: temporary
              emptyDir: {{}}
{volumes}",
        mounts = jobs.volumes.iter().enumerate().map(mount).collect::<String>(),
        map = config_map(&program.policy),
        volumes = jobs.volumes.iter().enumerate().map(claimed).collect::<String>(),
    );
    out
}

/// Volumes belong to a group of their own, which whoever runs in the image is a member of, so that it may write there.
const VOLUME_GROUP: &str = "            fsGroup: 10001\n            fsGroupChangePolicy: OnRootMismatch\n";

fn mount((at, volume): (usize, &Volume)) -> String {
    format!("                - name: volume-{at}\n                  mountPath: {}\n", text(&volume.path))
}

fn claimed((at, volume): (usize, &Volume)) -> String {
    format!(
        "            - name: volume-{at}\n              persistentVolumeClaim:\n                claimName: {}\n",
        text(&volume.claim)
    )
}
