//! A deployment: a pod that is kept running.

use super::pod::{Pod, pod_spec};
use super::{CronJobs, LONGEST_NAME, fitted, text};
use crate::schedule::installed::{dashed, head};
use crate::schedule::{Program, Receiver};

/// Where a receiver keeps what is under way when the policy names no folder. It goes with the pod: what no store has
/// then, the server's slot still keeps.
const FOLDER: &str = "/var/lib/backstay";

/// The manifest of a receiver. Two of them would both write the same segment, so the old one ends before the new one
/// begins.
pub(super) fn deployment(jobs: &CronJobs, program: &Program, name: &str, receiver: &Receiver) -> String {
    let mut words = receiver.words();
    if !receiver.has_folder {
        words.extend(["--state-dir", FOLDER].map(str::to_owned));
    }
    let folder = (!receiver.has_folder).then_some(FOLDER);
    let pod = Pod { command: &program.call(words), restart: "Always", grace: 120, folder };
    format!(
        "{head}apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
  namespace: {namespace}
  labels:
    app.kubernetes.io/name: backstay
    app.kubernetes.io/instance: {name}
    app.kubernetes.io/managed-by: backstay
spec:
  replicas: 1
  revisionHistoryLimit: 2
  strategy:
    type: Recreate
  selector:
    matchLabels:
      app.kubernetes.io/name: backstay
      app.kubernetes.io/instance: {name}
  template:
    metadata:
      labels:
        app.kubernetes.io/name: backstay
        app.kubernetes.io/instance: {name}
      annotations:
        # What the policy says of it: the pod is started again when this changes.
        backstay/meaning: {meaning}
    spec:
{pod}",
        head = head(&program.policy),
        name = text(&fitted(format!("backstay-{}-{name}", dashed(&program.policy)), LONGEST_NAME)),
        namespace = text(&jobs.namespace),
        meaning = text(&receiver.meaning.short()),
        pod = pod_spec(jobs, program, &pod, 6),
    )
}
