//! Settings that need old versions to be kept.
//!
//! As the user guide of S3 says (pages "Locking objects with Object Lock" and "Replicating objects").

use super::storage::{S3, wrong};
use crate::diag::{Diagnostic, codes};
use crate::policy::tree::{Content, Node};

/// True when the node says that no versions are kept.
pub(super) fn is_off(versioning: Option<&Node>) -> bool {
    versioning.is_some_and(|versioning| versioning.content == Content::Bool(false))
}

/// Object lock or replication of a bucket that is not to keep versions.
pub(super) fn check(storage: &S3<'_>) -> Vec<Diagnostic> {
    let Some(versioning) = storage.manage("versioning").filter(|node| is_off(Some(node))) else { return Vec::new() };
    let needs = [("object_lock", "object lock"), ("replicate_to", "replication")];
    let said = needs.iter().filter_map(|(key, what)| Some((what, storage.manage(key)?)));
    let wrong = |(what, node): (&&str, &Node)| {
        wrong(
            &codes::VERSIONS_NEEDED,
            &storage.manage_route("versioning"),
            versioning,
            format!("{what} works on versions"),
        )
        .with_label(Some(node.place()), "needs them")
        .with_why(
            "S3 refuses it on a bucket that keeps none, and a bucket with object lock can never stop keeping them.",
        )
        .with_hint("Write `versioning: true`, with `noncurrent_versions: 30d` beside it.")
    };
    said.map(wrong).collect()
}
