//! Rules by which Prometheus alerts on these numbers.

use std::fmt::Write as _;

struct Rule {
    name: &'static str,
    /// What is wrong, in PromQL.
    expr: &'static str,
    /// How long it must be so.
    lasting: &'static str,
    severity: &'static str,
    summary: &'static str,
    /// What to run.
    action: &'static str,
}

const RULES: &[Rule] = &[
    Rule {
        name: "BackstayBackupOverdue",
        expr: "time() - backstay_backup_due_timestamp_seconds > 3600",
        lasting: "5m",
        severity: "critical",
        summary: "{{ $labels.database }} ({{ $labels.tier }}): the backup is overdue for {{ $value | humanizeDuration }}",
        action: "backstay status; backstay backup {{ $labels.database }} --tier {{ $labels.tier }}",
    },
    Rule {
        name: "BackstayNoBackup",
        expr: "sum by (policy, database) (backstay_restore_points) == 0",
        lasting: "1h",
        severity: "critical",
        summary: "{{ $labels.database }} has no backup that can be restored",
        action: "backstay backup {{ $labels.database }}",
    },
    Rule {
        name: "BackstayRecoveryPointObjectiveMissed",
        expr: "time() - max by (policy, database) (backstay_backup_last_success_timestamp_seconds) > on (policy, database) \
               backstay_objective_rpo_seconds unless on (policy, database) backstay_wal_loss_seconds or backstay_wal_loss_seconds > on (policy, \
               database) backstay_objective_rpo_seconds",
        lasting: "5m",
        severity: "critical",
        summary: "{{ $labels.database }} would lose {{ $value | humanizeDuration }}, more than its objective allows",
        action: "backstay backup {{ $labels.database }}",
    },
    Rule {
        name: "BackstayRecoveryTimeObjectiveMissed",
        expr: "max by (policy, database) (backstay_recovery_duration_seconds) > on (policy, database) \
               backstay_objective_rto_seconds",
        lasting: "1h",
        severity: "warning",
        summary: "{{ $labels.database }} takes {{ $value | humanizeDuration }} to restore, more than its objective allows",
        action: "backstay restore {{ $labels.database }} --into NEW_DB --dry-run",
    },
    Rule {
        name: "BackstayWalCutOff",
        expr: "backstay_wal_cut_off > 0",
        lasting: "0s",
        severity: "critical",
        summary: "{{ $labels.database }}: archived WAL is of no use from some moment on, until a base backup is taken",
        action: "backstay status {{ $labels.database }}; backstay backup {{ $labels.database }}",
    },
    Rule {
        name: "BackstayWalLate",
        expr: "backstay_wal_lag_seconds > on (policy, database) backstay_wal_lag_limit_seconds",
        lasting: "5m",
        severity: "warning",
        summary: "{{ $labels.database }}: WAL waits to be archived for {{ $value | humanizeDuration }}",
        action: "backstay wal list {{ $labels.database }}; look at pg_stat_archiver and the server's log",
    },
    Rule {
        name: "BackstayCopyDamaged",
        expr: "backstay_copies_damaged > 0",
        lasting: "0s",
        severity: "critical",
        summary: "{{ $labels.database }} ({{ $labels.tier }}): {{ $value }} copies at {{ $labels.storage }} are damaged",
        action: "backstay verify {{ $labels.database }}; backstay sync",
    },
    Rule {
        name: "BackstayCopyMissing",
        expr: "backstay_copies_missing > 0",
        lasting: "6h",
        severity: "warning",
        summary: "{{ $labels.database }} ({{ $labels.tier }}): {{ $labels.storage }} lacks {{ $value }} copies",
        action: "backstay sync",
    },
    Rule {
        name: "BackstayBackupShrank",
        expr: "backstay_backup_stored_bytes < 0.5 * backstay_backup_previous_stored_bytes",
        lasting: "0s",
        severity: "warning",
        summary: "{{ $labels.database }} ({{ $labels.tier }}): the last backup is less than half of the one before",
        action: "backstay list {{ $labels.database }}",
    },
    Rule {
        name: "BackstayVerificationOverdue",
        expr: "time() - backstay_verify_due_timestamp_seconds > 86400",
        lasting: "5m",
        severity: "warning",
        summary: "{{ $labels.database }}: a verification is overdue for {{ $value | humanizeDuration }}",
        action: "backstay verify {{ $labels.database }}",
    },
    Rule {
        name: "BackstayDrillFailed",
        expr: "backstay_drill_passed == 0",
        lasting: "0s",
        severity: "critical",
        summary: "{{ $labels.database }}: the last restore drill failed",
        action: "backstay drill {{ $labels.database }}",
    },
    Rule {
        name: "BackstayDrillOverdue",
        expr: "time() - backstay_drill_due_timestamp_seconds > 86400",
        lasting: "5m",
        severity: "warning",
        summary: "{{ $labels.database }}: a restore drill is overdue for {{ $value | humanizeDuration }}",
        action: "backstay drill {{ $labels.database }}",
    },
    Rule {
        name: "BackstayStorageUnreadable",
        expr: "backstay_storage_readable == 0",
        lasting: "15m",
        severity: "critical",
        summary: "the storage {{ $labels.storage }} of {{ $labels.policy }} cannot be read",
        action: "backstay status",
    },
    Rule {
        name: "BackstayStorageNearlyFull",
        expr: "backstay_storage_free_bytes / backstay_storage_size_bytes < 0.1",
        lasting: "15m",
        severity: "warning",
        summary: "the storage {{ $labels.storage }} has {{ $value | humanizePercentage }} free",
        action: "backstay prune",
    },
    Rule {
        name: "BackstayNumbersStale",
        expr: "time() - backstay_observed_timestamp_seconds > 129600",
        lasting: "5m",
        severity: "warning",
        summary: "nothing has been heard of the policy {{ $labels.policy }} for {{ $value | humanizeDuration }}",
        action: "backstay status; look at the timers that start backstay",
    },
];

/// A file of rules for Prometheus: what `docs/monitoring/alerts.yaml` holds.
pub fn alert_rules() -> String {
    let mut out = String::from(
        "# Alerts on the metrics of backstay. Made by `backstay metrics --rules`; checked by `promtool check rules`.\n\
         groups:\n  - name: backstay\n    rules:\n",
    );
    // Writing into a String cannot fail, so the results of `writeln!` are dropped throughout.
    for rule in RULES {
        let _ = writeln!(out, "      - alert: {}", rule.name);
        let _ = writeln!(out, "        expr: {}", quoted(rule.expr));
        let _ = writeln!(out, "        for: {}", rule.lasting);
        let _ = writeln!(out, "        labels: {{ severity: {} }}", rule.severity);
        let _ = writeln!(out, "        annotations:");
        let _ = writeln!(out, "          summary: {}", quoted(rule.summary));
        let _ = writeln!(out, "          action: {}", quoted(rule.action));
    }
    out
}

/// A scalar of YAML, which takes strings as JSON writes them.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
