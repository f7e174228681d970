//! Restores of whole clusters: what will be done, and what came of it.

use crate::base::visible;
use crate::plan::{ClusterRecovered, ClusterRestoration, ClusterRestored};
use serde_json::{Value, json};
use std::fmt::Write;

/// What will be done, for people.
pub fn cluster_restoration(plan: &ClusterRestoration) -> String {
    let mut text = String::new();
    let folder = visible(&plan.folder);
    // Writing into a String never fails.
    let _ = writeln!(
        text,
        "Restore cluster {} (PostgreSQL {}) into `{folder}`\n  from {} of tier `{}` at `{}`, begun {}",
        plan.system_identifier, plan.server_version, plan.id, plan.tier, plan.storage, plan.taken_at
    );
    let kept = if plan.keeps {
        "; files that are as in the backup stay, all others there are replaced or removed"
    } else {
        ""
    };
    let _ = writeln!(text, "  1. write {} files, {}{kept}", plan.files, plan.bytes);
    let silent = if plan.archives { "" } else { ", and archiving off" };
    let _ = writeln!(text, "  2. set recovery up to end at {}{silent}", plan.target);
    if plan.starts {
        let _ = writeln!(text, "  3. start the server and wait until it has recovered");
    }
    if plan.bad_pages > 0 {
        let _ =
            writeln!(text, "  {} pages were damaged on the server already when they were backed up", plan.bad_pages);
    }
    text
}

/// What came of it, for people.
pub fn restored_cluster(done: &ClusterRestored) -> String {
    let ClusterRestored { plan, .. } = done;
    let folder = visible(&plan.folder);
    let mut text = String::new();
    let _ = writeln!(text, "Restored cluster from {} into `{folder}` in {}s", plan.id, done.seconds);
    let _ = write!(text, "  {} files, {}", plan.files, plan.bytes);
    if plan.keeps {
        let _ = write!(text, "; {} were there already, {} others were removed", done.kept_files, done.removed_files);
    }
    text.push('\n');
    match &done.recovered {
        Some(recovered) => text.push_str(&told(recovered)),
        None => {
            let _ = writeln!(
                text,
                "  start it with `pg_ctl -D '{folder}' start`: it recovers to {} and takes connections then",
                plan.target
            );
        }
    }
    if !plan.archives {
        text.push_str(
            "  it archives no WAL: for one that takes the old one's place, remove `archive_mode = 'off'` from its \
             `postgresql.auto.conf` before it is started, or restore with `--archive-mode preserve`\n",
        );
    }
    text
}

fn told(recovered: &ClusterRecovered) -> String {
    let reached = recovered.last_transaction.as_ref();
    let reached = reached.map_or_else(
        || "no transaction had to be replayed".to_owned(),
        |at| format!("the last transaction in it was committed at {at}"),
    );
    format!(
        "  it has recovered: {reached}; it is on timeline {} now\n  connect with `psql -h {} -p {}`; until it is started again it logs to {}\n",
        recovered.timeline,
        visible(&recovered.socket),
        recovered.port,
        visible(&recovered.log)
    )
}

/// What will be done, for programs.
pub fn cluster_restoration_json(plan: &ClusterRestoration) -> String {
    lines(&planned(plan))
}

/// What came of it, for programs.
pub fn restored_cluster_json(done: &ClusterRestored) -> String {
    let mut value = planned(&done.plan);
    value["kept_files"] = json!(done.kept_files);
    value["removed_files"] = json!(done.removed_files);
    value["seconds"] = json!(done.seconds);
    value["recovered"] = done.recovered.as_ref().map_or(Value::Null, |recovered| {
        json!({
            "last_transaction": recovered.last_transaction,
            "timeline": recovered.timeline,
            "socket": recovered.socket,
            "port": recovered.port,
            "log": recovered.log,
        })
    });
    lines(&value)
}

fn planned(plan: &ClusterRestoration) -> Value {
    json!({
        "id": plan.id.to_string(),
        "tier": plan.tier,
        "storage": plan.storage,
        "taken_at": plan.taken_at.to_string(),
        "system_identifier": plan.system_identifier,
        "server_version": plan.server_version,
        "files": plan.files,
        "bytes": plan.bytes.0,
        "bad_pages": plan.bad_pages,
        "folder": plan.folder,
        "target": plan.target.to_string(),
        "delta": plan.keeps,
        "start": plan.starts,
        "archive_mode": if plan.archives { "preserve" } else { "off" },
    })
}

fn lines(value: &Value) -> String {
    // Values serialise always.
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}
