//! A dashboard for Grafana that shows these numbers.

use serde_json::{Value, json};

/// The dashboard as JSON for import: what `docs/monitoring/dashboard.json` holds.
pub fn dashboard() -> String {
    let panels = [
        stat(0, "Critical", "sum(backstay_concerns{policy=~\"$policy\",gravity=\"critical\"})", "none", "red"),
        stat(
            1,
            "Warnings",
            "sum(backstay_concerns{policy=~\"$policy\",gravity=~\"warning|unknown\"})",
            "none",
            "yellow",
        ),
        stat(2, "Restore points", "sum(backstay_restore_points{policy=~\"$policy\"})", "none", "none"),
        stat(3, "Stored", "sum(backstay_storage_stored_bytes{policy=~\"$policy\"})", "bytes", "none"),
        stat(
            4,
            "Largest loss now",
            "max(time() - max by (policy, database) (backstay_backup_last_success_timestamp_seconds{policy=~\"$policy\"}))",
            "s",
            "none",
        ),
        stat(5, "Copies missing", "sum(backstay_copies_missing{policy=~\"$policy\"})", "none", "yellow"),
        series(
            6,
            "Age of the last good backup",
            "time() - backstay_backup_last_success_timestamp_seconds{policy=~\"$policy\"}",
            "{{database}} {{tier}}",
            "s",
        ),
        series(
            7,
            "Loss against the objective (1 is the limit)",
            "(time() - max by (policy, database) (backstay_backup_last_success_timestamp_seconds{policy=~\"$policy\"})) \
             / on (policy, database) backstay_objective_rpo_seconds unless on (policy, database) backstay_wal_loss_seconds or \
             backstay_wal_loss_seconds{policy=~\"$policy\"} / on (policy, database) backstay_objective_rpo_seconds",
            "{{database}}",
            "percentunit",
        ),
        series(
            8,
            "Size of a backup as stored",
            "backstay_backup_stored_bytes{policy=~\"$policy\"}",
            "{{database}} {{tier}}",
            "bytes",
        ),
        series(
            9,
            "Duration of a backup",
            "backstay_backup_duration_seconds{policy=~\"$policy\"}",
            "{{database}} {{tier}}",
            "s",
        ),
        series(
            10,
            "Time to recover",
            "backstay_recovery_duration_seconds{policy=~\"$policy\"}",
            "{{database}} ({{evidence}})",
            "s",
        ),
        series(
            11,
            "Disk in use",
            "1 - backstay_storage_free_bytes{policy=~\"$policy\"} / backstay_storage_size_bytes",
            "{{storage}}",
            "percentunit",
        ),
        series(
            12,
            "Stored at each storage",
            "backstay_storage_stored_bytes{policy=~\"$policy\"}",
            "{{storage}}",
            "bytes",
        ),
        series(
            13,
            "Since the last passed proof",
            "time() - backstay_verify_last_timestamp_seconds{policy=~\"$policy\"} or time() - \
             (backstay_drill_last_timestamp_seconds{policy=~\"$policy\"} and on (policy, database) backstay_drill_passed == 1)",
            "{{database}}",
            "s",
        ),
        series(
            14,
            "WAL that waits to be archived",
            "backstay_wal_lag_seconds{policy=~\"$policy\"}",
            "{{database}}",
            "s",
        ),
        series(
            15,
            "Restorable to any moment, back from now",
            "time() - backstay_wal_window_start_timestamp_seconds{policy=~\"$policy\"}",
            "{{database}}",
            "s",
        ),
    ];
    let board = json!({
        "title": "backstay",
        "uid": "backstay",
        "description": "Recoverability of PostgreSQL databases. Made by `backstay metrics --dashboard`.",
        "tags": ["backstay", "postgresql", "backup"],
        "timezone": "utc",
        "editable": true,
        "schemaVersion": 39,
        "version": 1,
        "refresh": "1m",
        "time": { "from": "now-30d", "to": "now" },
        "templating": { "list": [
            { "name": "datasource", "type": "datasource", "query": "prometheus", "label": "Data source" },
            {
                "name": "policy", "type": "query", "label": "Policy", "datasource": SOURCE_VALUE.clone(),
                "query": { "query": "label_values(backstay_observed_timestamp_seconds, policy)", "refId": "policy" },
                "refresh": 2, "includeAll": true, "multi": true, "current": { "text": "All", "value": "$__all" },
            },
        ] },
        "annotations": { "list": [] },
        "panels": panels,
    });
    // A value always serialises.
    serde_json::to_string_pretty(&board).unwrap_or_default() + "\n"
}

static SOURCE_VALUE: std::sync::LazyLock<Value> =
    std::sync::LazyLock::new(|| json!({ "type": "prometheus", "uid": "${datasource}" }));

/// Six small panels stand in the first row, 24 columns wide.
fn stat(id: u64, title: &str, expr: &str, unit: &str, alarm: &str) -> Value {
    let mut steps = vec![json!({ "color": "green", "value": null })];
    if alarm != "none" {
        steps.push(json!({ "color": alarm, "value": 1 }));
    }
    json!({
        "id": id + 1,
        "type": "stat",
        "title": title,
        "datasource": SOURCE_VALUE.clone(),
        "gridPos": { "h": 4, "w": 4, "x": id * 4, "y": 0 },
        "targets": [{ "refId": "A", "expr": expr, "instant": true }],
        "fieldConfig": {
            "defaults": { "unit": unit, "thresholds": { "mode": "absolute", "steps": steps } },
            "overrides": [],
        },
        "options": { "colorMode": "value", "graphMode": "none", "reduceOptions": { "calcs": ["lastNotNull"] } },
    })
}

/// Curves stand below, two a row.
fn series(id: u64, title: &str, expr: &str, legend: &str, unit: &str) -> Value {
    let at = id - 6;
    json!({
        "id": id + 1,
        "type": "timeseries",
        "title": title,
        "datasource": SOURCE_VALUE.clone(),
        "gridPos": { "h": 8, "w": 12, "x": at % 2 * 12, "y": 4 + at / 2 * 8 },
        "targets": [{ "refId": "A", "expr": expr, "legendFormat": legend }],
        "fieldConfig": {
            "defaults": { "unit": unit, "min": 0, "custom": { "lineWidth": 2, "fillOpacity": 8, "spanNulls": true } },
            "overrides": [],
        },
        "options": {
            "legend": { "displayMode": "list", "placement": "bottom" },
            "tooltip": { "mode": "multi", "sort": "desc" },
        },
    })
}
