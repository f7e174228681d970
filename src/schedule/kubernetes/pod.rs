//! What a pod is like that does work of a policy.

use super::{CronJobs, Volume, account_name, config_map, text};
use crate::schedule::Program;
use std::fmt::Write as _;

/// How a pod is started and ended.
pub(super) struct Pod<'a> {
    /// The words of the call, the program's name before them.
    pub(super) command: &'a [String],
    /// What is done when it ended.
    pub(super) restart: &'a str,
    /// Seconds that it may take to end.
    pub(super) grace: u32,
    /// A folder that lasts as long as the pod does.
    pub(super) folder: Option<&'a str>,
}

/// The value of `spec` of a pod, `indent` spaces from the left.
pub(super) fn pod_spec(jobs: &CronJobs, program: &Program, pod: &Pod<'_>, indent: usize) -> String {
    let arguments = pod.command.iter().skip(1).map(|word| format!("      - {}\n", text(word)));
    let mut out = format!(
        "restartPolicy: {restart}
serviceAccountName: {account}
terminationGracePeriodSeconds: {grace}
securityContext:
  runAsNonRoot: true
{group}  seccompProfile:
    type: RuntimeDefault
containers:
  - name: backstay
    image: {image}
    args:
{arguments}",
        restart = pod.restart,
        account = text(&account_name(jobs, program)),
        grace = pod.grace,
        group = if jobs.volumes.is_empty() { "" } else { VOLUME_GROUP },
        image = text(&jobs.image),
        arguments = arguments.collect::<String>(),
    );
    // Writing into a String cannot fail.
    if let Some(secret) = &jobs.environment_secret {
        let _ = write!(out, "    envFrom:\n      - secretRef:\n          name: {}\n", text(secret));
    }
    let mount = |path: &str| format!("      - name: work\n        mountPath: {}\n", text(path));
    let _ = write!(
        out,
        "    securityContext:
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
{folder}{mounts}volumes:
  - name: policy
    configMap:
      name: {map}
  - name: temporary
    emptyDir: {{}}
{made}{volumes}",
        folder = pod.folder.map(mount).unwrap_or_default(),
        mounts = jobs.volumes.iter().enumerate().map(mounted).collect::<String>(),
        map = config_map(&program.policy),
        made = if pod.folder.is_some() { "  - name: work\n    emptyDir: {}\n" } else { "" },
        volumes = jobs.volumes.iter().enumerate().map(claimed).collect::<String>(),
    );
    out.lines().map(|line| format!("{:indent$}{line}\n", "")).collect()
}

/// Volumes belong to a group of their own, which whoever runs in the image is a member of, so that it may write there.
const VOLUME_GROUP: &str = "  fsGroup: 10001\n  fsGroupChangePolicy: OnRootMismatch\n";

fn mounted((at, volume): (usize, &Volume)) -> String {
    format!("      - name: volume-{at}\n        mountPath: {}\n", text(&volume.path))
}

fn claimed((at, volume): (usize, &Volume)) -> String {
    format!("  - name: volume-{at}\n    persistentVolumeClaim:\n      claimName: {}\n", text(&volume.claim))
}
