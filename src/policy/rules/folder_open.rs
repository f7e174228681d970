//! The folder of a storage is open to other users of the machine.

use crate::diag::{Diagnostic, codes};
use crate::policy::model::{FilesystemStorage, Storage};
use crate::policy::route::Route;
use crate::policy::rule::{Rule, Subject};

/// The rule.
pub(super) const RULE: Rule = Rule { code: &codes::FOLDER_OPEN, judge };

fn judge(subject: &Subject<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (name, storage) in &subject.document.model.storage {
        let Storage::Filesystem(FilesystemStorage { manage: Some(manage), .. }) = storage else { continue };
        let Some(mode) = manage.mode.as_ref().map(|mode| mode.0) else { continue };
        let who = match (mode & 0o022 != 0, mode & 0o007 != 0) {
            (true, true) if mode & 0o002 != 0 => "every user can change or delete backups",
            (true, _) => "every member of the group can change or delete backups",
            (false, true) => "every user can read backups",
            (false, false) => continue,
        };
        let route = Route::of(["storage", name, "manage", "mode"]);
        found.push(
            subject
                .document
                .diagnostic(&codes::FOLDER_OPEN, &route, format!("mode {mode:04o}: {who}"))
                .with_why("A backup holds everything the database holds, and none of its access rights.")
                .with_hint("Use `\"0700\"`, or `\"0750\"` for a group that may read."),
        );
    }
    found
}
