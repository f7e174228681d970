//! A folder of a storage, or of WAL that waits, is another one wherever backstay is started.

use crate::diag::{Diagnostic, codes};
use crate::policy::model::Storage;
use crate::policy::route::Route;
use crate::policy::rule::{Rule, Subject};

/// The rule.
pub(super) const RULE: Rule = Rule { code: &codes::FOLDER_RELATIVE, judge };

fn judge(subject: &Subject<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let model = &subject.document.model;
    let storages = model.storage.iter().filter_map(|(name, storage)| match storage {
        Storage::Filesystem(folder) => Some((Route::of(["storage", name, "path"]), folder.path.text())),
        _ => None,
    });
    let spools = model.databases.iter().filter_map(|(name, database)| {
        let spool = database.wal.as_ref()?.spool.as_ref()?;
        Some((Route::of(["databases", name, "wal", "spool", "path"]), spool.path.text()))
    });
    for (route, path) in storages.chain(spools) {
        // Who writes `./` means it; what a reference begins with is known only where it is looked up.
        if ["/", "./", "../", "${"].iter().any(|start| path.starts_with(start)) {
            continue;
        }
        let detail = if path.starts_with(['~', '$']) {
            format!("`{path}` is not expanded as a shell would, and means a folder of that very name")
        } else {
            format!("`{path}` begins at the folder that backstay is started in")
        };
        found.push(
            subject
                .document
                .diagnostic(&codes::FOLDER_RELATIVE, &route, detail)
                .with_why(
                    "Started elsewhere, as cron does, it finds an empty place there and begins a second repository.",
                )
                .with_hint("Write an absolute path, such as `/var/backups/shop`, or a reference such as `${env:HOME}/backups`."),
        );
    }
    found
}
