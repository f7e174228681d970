//! A storage lies in a folder that the system empties by itself.

use crate::diag::{Diagnostic, codes};
use crate::policy::model::Storage;
use crate::policy::route::Route;
use crate::policy::rule::{Rule, Subject};

/// The rule.
pub(super) const RULE: Rule = Rule { code: &codes::FOLDER_VOLATILE, judge };

const VOLATILE: [&str; 6] = ["/tmp", "/var/tmp", "/dev/shm", "/run", "/var/run", "/var/cache"];

fn judge(subject: &Subject<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (name, storage) in &subject.document.model.storage {
        let Storage::Filesystem(folder) = storage else { continue };
        let path = folder.path.text();
        let is_under =
            |root: &&&str| path.strip_prefix(**root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let Some(root) = VOLATILE.iter().find(is_under) else { continue };
        found.push(
            subject
                .document
                .diagnostic(
                    &codes::FOLDER_VOLATILE,
                    &Route::of(["storage", name, "path"]),
                    format!("`{root}` is emptied by age or at boot"),
                )
                .with_why("The system removes what lies there, and backups with it.")
                .with_hint("Use a folder that lasts, such as `/var/backups`."),
        );
    }
    found
}
