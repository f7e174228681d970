//! Settings that are right in themselves and do not fit where they stand.

use super::names::{entries, items};
use crate::diag::{Diagnostic, Diagnostics, codes};
use crate::policy::route::Route;
use crate::policy::tree::{Content, Node};

/// Every setting that has no meaning where it stands.
pub(super) fn check(tree: &Node) -> Diagnostics {
    let mut found = Vec::new();
    for (route, tier) in entries(tree, &Route::of(["tiers"])) {
        if let Some(incremental) = tier.get("incremental")
            && tier.get("method").and_then(Node::text).is_none_or(|method| method == "logical")
        {
            found.push(misplaced(
                &route.key("incremental"),
                incremental.key,
                "logical backups are always whole",
                "Remove it, or set `method: physical`.",
            ));
        }
        found.extend(compression(&route.key("compression"), tier.get("compression")));
        for (index, copy) in items(tier.get("copies")) {
            found.extend(of_copy(tree, &route.key("copies").index(index), copy));
        }
    }
    found.extend(compression(
        &Route::of(["defaults", "compression"]),
        tree.get("defaults").and_then(|defaults| defaults.get("compression")),
    ));
    for (route, storage) in entries(tree, &Route::of(["storage"])) {
        found.extend(folder(&route.key("path"), storage));
        found.extend(credentials(&route.key("credentials"), storage.get("credentials")));
        let replica = storage.get("manage").and_then(|manage| manage.get("replicate_to"));
        found.extend(s3_only(tree, &route.key("manage").key("replicate_to"), replica, "only buckets replicate"));
    }
    let cloudwatch = Route::of(["alerts", "cloudwatch", "credentials"]);
    found.extend(credentials(&cloudwatch, tree.at(&cloudwatch)));
    for (route, access) in entries(tree, &Route::of(["access"])) {
        for (index, storage) in items(access.get("storage")) {
            let route = route.key("storage").index(index);
            found.extend(s3_only(tree, &route, Some(storage), "IAM knows only buckets"));
        }
    }
    for (route, database) in entries(tree, &Route::of(["databases"])) {
        found.extend(connection(&route.key("connection"), database.get("connection")));
        found.extend(streamed_only(&route.key("wal"), database.get("wal")));
    }
    Diagnostics(found)
}

fn misplaced(route: &Route, place: Option<crate::diag::Span>, detail: &str, hint: &str) -> Diagnostic {
    let key = route.last_key().unwrap_or_default();
    Diagnostic::new(&codes::SETTING_MISPLACED, format!("`{key}`: {detail}"))
        .with_path(route.to_string())
        .with_span(place)
        .with_hint(hint)
}

fn type_of<'a>(tree: &'a Node, storage: &str) -> Option<&'a str> {
    tree.get("storage")?.get(storage)?.get("type")?.text()
}

fn streamed_only(route: &Route, wal: Option<&Node>) -> Vec<Diagnostic> {
    let Some(wal) = wal.filter(|wal| wal.get("mode").and_then(Node::text) == Some("archive")) else {
        return Vec::new();
    };
    let keys = ["slot", "synchronous"].into_iter().filter_map(|key| Some((key, wal.get(key)?)));
    keys.map(|(key, node)| {
        let detail = "the server archives WAL by itself, and nothing is streamed";
        misplaced(&route.key(key), node.key, detail, "Remove it, or set `mode: stream`.")
    })
    .collect()
}

fn of_copy(tree: &Node, route: &Route, copy: &Node) -> Vec<Diagnostic> {
    let Some(to) = copy.get("to").and_then(Node::text) else { return Vec::new() };
    let mut found = Vec::new();
    if type_of(tree, to) == Some("filesystem") {
        for key in ["storage_class", "transitions", "lock"] {
            if let Some(node) = copy.get(key) {
                let detail = format!("`{to}` is a folder, which has no such thing");
                found.push(misplaced(&route.key(key), node.key, &detail, "Remove it: only S3 knows it."));
            }
        }
    }
    let pruned_by = tree.get("storage").and_then(|s| s.get(to)?.get("prune")?.text());
    let keep = copy.get("keep");
    if pruned_by == Some("lifecycle")
        && let Some(keep) = keep
        && let Some(counted) = keep.get("last").or_else(|| keep.get("at_least"))
    {
        let detail = format!("`{to}` is pruned by lifecycle rules, which cannot count");
        found.push(misplaced(&route.key("keep"), counted.key, &detail, "Write a duration, or set `prune: backstay`."));
    }
    found
}

/// Folders that belong to the whole machine. A storage's folder is made private, and these must not be.
const OF_THE_SYSTEM: [&str; 22] = [
    "/",
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/home",
    "/lib",
    "/lib64",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/sys",
    "/tmp",
    "/usr",
    "/usr/local",
    "/var",
    "/var/cache",
    "/var/lib",
    "/var/log",
    "/var/run",
    "/var/tmp",
];

fn folder(route: &Route, storage: &Node) -> Option<Diagnostic> {
    let path = storage.get("path")?;
    let text = path.text()?;
    let is_folder = storage.get("type").and_then(Node::text) == Some("filesystem");
    // `/tmp/./` and `//tmp` are `/tmp`.
    let parts: Vec<&str> = text.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    let place = format!("/{}", parts.join("/"));
    let detail = if !is_folder {
        return None;
    } else if text.is_empty() || text.contains('\0') {
        "no folder has such a name".to_owned()
    } else if text.starts_with('/') && OF_THE_SYSTEM.contains(&place.as_str()) {
        format!("`{place}` belongs to the whole machine, and a storage's folder is made private")
    } else {
        return None;
    };
    Some(misplaced(
        route,
        Some(path.span),
        &detail,
        "Give the storage a folder of its own, such as `/var/backups/shop`.",
    ))
}

fn compression(route: &Route, compression: Option<&Node>) -> Option<Diagnostic> {
    let level = compression?.get("level")?;
    let Content::Number(number) = &level.content else { return None };
    match compression?.get("type")?.text()? {
        "none" => Some(misplaced(&route.key("level"), level.key, "`none` has no level", "Remove it.")),
        "gzip" if number.as_i64().is_some_and(|level| (10..=22).contains(&level)) => Some(
            Diagnostic::new(&codes::OUT_OF_RANGE, format!("`{}` of gzip must be at most 9", route.key("level")))
                .with_path(route.key("level").to_string())
                .with_span(Some(level.span)),
        ),
        _ => None,
    }
}

fn credentials(route: &Route, credentials: Option<&Node>) -> Option<Diagnostic> {
    let credentials = credentials?;
    let entries = credentials.entries()?;
    let has = |key: &str| entries.contains_key(key);
    let key_pair = has("access_key_id") || has("secret_access_key");
    let detail = if has("access_key_id") != has("secret_access_key") {
        "an access key has two parts"
    } else if has("profile") && key_pair {
        "`profile` and an access key are two ways"
    } else if entries.is_empty() {
        "nothing is said"
    } else {
        return None;
    };
    Some(
        Diagnostic::new(&codes::CREDENTIALS_UNCLEAR, detail)
            .with_path(route.to_string())
            .with_span(Some(credentials.place()))
            .with_hint("Write `profile`, or `access_key_id` with `secret_access_key`, or `role`."),
    )
}

fn s3_only(tree: &Node, route: &Route, name: Option<&Node>, detail: &str) -> Option<Diagnostic> {
    let name = name?;
    (type_of(tree, name.text()?) == Some("filesystem"))
        .then(|| misplaced(route, Some(name.span), detail, "Name a storage of type `s3`."))
}

fn connection(route: &Route, connection: Option<&Node>) -> Option<Diagnostic> {
    let connection = connection?;
    let text = connection.text()?;
    let known = ["postgresql://", "postgres://", "${"].iter().any(|start| text.starts_with(start));
    // The text may hold a password and is not repeated.
    (!known).then(|| {
        Diagnostic::new(&codes::FORM_INVALID, "a connection is a URL that begins with `postgresql://`")
            .with_path(route.to_string())
            .with_span(Some(connection.span))
            .with_hint("Write `postgresql://user@host:5432/database`, a reference such as `${env:DATABASE_URL}`, or `{ host, database, … }`.")
    })
}
