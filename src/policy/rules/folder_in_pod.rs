//! Pods of Kubernetes write backups to a folder that goes with them.

use crate::diag::{Diagnostic, codes};
use crate::policy::desired::{RunSpec, StorageKind};
use crate::policy::route::Route;
use crate::policy::rule::{Rule, Subject};

/// The rule.
pub(super) const RULE: Rule = Rule { code: &codes::FOLDER_IN_POD, judge };

fn judge(subject: &Subject<'_>) -> Vec<Diagnostic> {
    let RunSpec::Kubernetes(jobs) = &subject.desired.run else { return Vec::new() };
    let lasts = |path: &str| {
        let below =
            |volume: &str| path.strip_prefix(volume).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        jobs.volumes.iter().any(|volume| below(volume.path.trim_end_matches('/')))
    };
    let mut found = Vec::new();
    for (name, storage) in &subject.desired.storages {
        let StorageKind::Filesystem(folder) = &storage.kind else { continue };
        // What is behind a reference is known only where the job runs.
        let Some(path) = folder.path.as_literal() else { continue };
        if !lasts(&path) {
            let detail = format!("`{path}` lies in no volume of the jobs");
            found.push(
                subject
                    .document
                    .diagnostic(&codes::FOLDER_IN_POD, &Route::of(["storage", name, "path"]), detail)
                    .with_why("Each job runs in a pod of its own, and what it writes beside its volumes goes with it.")
                    .with_hint(format!(
                        "Add `volumes: [{{ claim: backups, path: {path}, size: 50GiB }}]` to `run`, or use S3."
                    )),
            );
        }
    }
    found
}
