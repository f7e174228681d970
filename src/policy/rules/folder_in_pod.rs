//! Pods of Kubernetes write backups, or WAL that must not be lost, to a folder that goes with them.

use crate::diag::{Diagnostic, codes};
use crate::policy::desired::{RunSpec, StorageKind};
use crate::policy::model::WalMode;
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
    let storages = subject.desired.storages.iter().filter_map(|(name, storage)| match &storage.kind {
        StorageKind::Filesystem(folder) => Some((Route::of(["storage", name, "path"]), &folder.path)),
        StorageKind::S3(_) => None,
    });
    let spools = subject.desired.databases.iter().filter_map(|(name, database)| {
        let wal = database.wal.as_ref().filter(|wal| wal.mode == WalMode::Stream)?;
        Some((Route::of(["databases", name, "wal", "spool", "path"]), &wal.spool.as_ref()?.path))
    });
    let mut found = Vec::new();
    for (route, path) in storages.chain(spools) {
        // What is behind a reference is known only where the job runs.
        let Some(path) = path.as_literal() else { continue };
        if !lasts(&path) {
            let detail = format!("`{path}` lies in no volume of the jobs");
            found.push(
                subject
                    .document
                    .diagnostic(&codes::FOLDER_IN_POD, &route, detail)
                    .with_why("Each job runs in a pod of its own, and what it writes beside its volumes goes with it.")
                    .with_hint(format!(
                        "Add `volumes: [{{ claim: backups, path: {path}, size: 50GiB }}]` to `run`, or use S3."
                    )),
            );
        }
    }
    found
}
