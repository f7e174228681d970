//! Starts of keys.

use super::storage::{S3, clear, wrong};
use crate::diag::{Diagnostic, codes};
use crate::policy::route::Route;
use crate::policy::tree::Node;

/// A key has at most 1,024 bytes, and so has the prefix of a lifecycle rule. The names of a repository's files take up to
/// half of it.
const LONGEST: usize = 512;

/// The prefix of a storage, and of its access log.
pub(super) fn check(storage: &S3<'_>) -> Vec<Diagnostic> {
    let log = storage.manage("access_logs").and_then(|logs| logs.get("prefix"));
    let log_route = storage.manage_route("access_logs").key("prefix");
    [prefix(&storage.route.key("prefix"), storage.node.get("prefix")), prefix(&log_route, log)]
        .into_iter()
        .flatten()
        .collect()
}

fn prefix(route: &Route, node: Option<&Node>) -> Option<Diagnostic> {
    let (node, prefix) = clear(node)?;
    let parts = || prefix.trim_matches('/').split('/');
    let (detail, hint) = if prefix.starts_with("s3://") {
        ("it is a URL".to_owned(), "Write what stands behind the bucket.")
    } else if prefix.chars().any(char::is_control) {
        ("it has a character that cannot be seen".to_owned(), "Write it as one line of letters and digits.")
    } else if prefix.len() > LONGEST {
        let length = prefix.len();
        let detail = format!("it has {length} bytes, and with the names of files a key would be longer than S3 takes");
        (detail, "Write at most 512 bytes.")
    } else if parts().any(|part| matches!(part, "." | "..")) {
        ("`.` and `..` are folders to most programs, and plain names to S3".to_owned(), "Remove them.")
    } else if parts().count() > 1 && parts().any(str::is_empty) {
        ("it has two slashes in a row, which most programs take for one".to_owned(), "Write one.")
    } else {
        return None;
    };
    Some(wrong(&codes::PREFIX_INVALID, route, node, detail).with_hint(hint))
}
