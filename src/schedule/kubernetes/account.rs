//! The account that jobs run as, and what it may do in the cluster: nothing, unless databases are reached by
//! `kubectl exec`.

use super::{CronJobs, account_name, head, text};
use crate::schedule::Program;

/// The manifests, by file name. An account that the policy names is made and given its rights by somebody else.
pub(super) fn account(jobs: &CronJobs, program: &Program) -> Vec<(String, String)> {
    if jobs.service_account.is_some() {
        return Vec::new();
    }
    let head = head(&program.policy);
    let (name, namespace) = (text(&account_name(jobs, program)), text(&jobs.namespace));
    let metadata = format!("metadata:\n  name: {name}\n  namespace: {namespace}\n");
    let mut manifests = vec![(
        "serviceaccount.yaml".to_owned(),
        format!(
            "{head}apiVersion: v1\nkind: ServiceAccount\n{metadata}automountServiceAccountToken: {}\n",
            jobs.asks_cluster
        ),
    )];
    if jobs.asks_cluster {
        let role = format!(
            "{head}apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\n{metadata}rules:\n  - apiGroups: [\"\"]\n    \
             resources: [pods]\n    verbs: [get, list]\n  - apiGroups: [\"\"]\n    resources: [pods/exec]\n    \
             verbs: [create, get]\n"
        );
        let binding = format!(
            "{head}apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\n{metadata}roleRef:\n  \
             apiGroup: rbac.authorization.k8s.io\n  kind: Role\n  name: {name}\nsubjects:\n  - kind: ServiceAccount\n    \
             name: {name}\n    namespace: {namespace}\n"
        );
        manifests.push(("role.yaml".to_owned(), role));
        manifests.push(("rolebinding.yaml".to_owned(), binding));
    }
    manifests
}
