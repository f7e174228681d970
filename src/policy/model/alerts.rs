//! `alerts`: who is told about what.

use super::channel::Channel;
use super::cloudwatch::Cloudwatch;
use super::named::Named;
use super::written::{Name, Written};
use crate::base::{Period, Share, Size};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who is told about what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Alerts {
    /// Ways to reach people and machines, by name.
    #[serde(default)]
    pub channels: Named<Channel>,
    /// Which events go where.
    #[serde(default)]
    pub rules: Vec<AlertRule>,
    /// When a number becomes an event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thresholds: Option<Thresholds>,
    /// Ages of backups as metrics of AWS CloudWatch, with alarms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloudwatch: Option<Cloudwatch>,
}

/// Which events go where.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlertRule {
    /// The events.
    #[schemars(length(min = 1))]
    pub on: Vec<AlertEvent>,
    /// Names of the channels that are told.
    #[schemars(length(min = 1))]
    pub notify: Vec<Written<Name>>,
    /// Names of the databases it is about; all unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub databases: Option<Vec<Written<Name>>>,
    /// How loud the message is; decided by the event unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<AlertSeverity>,
    /// URL that its messages end with: what to do then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^https?://\S+$"))]
    pub link: Option<String>,
}

/// Events that can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlertEvent {
    /// A backup failed.
    BackupFailed,
    /// A scheduled backup did not come.
    BackupOverdue,
    /// A backup is much larger or smaller than the one before.
    BackupSize,
    /// A stored backup is damaged.
    VerifyFailed,
    /// A restore drill failed.
    DrillFailed,
    /// A storage is nearly full.
    StorageLow,
    /// WAL is missing between two segments.
    WalGap,
    /// WAL arrives late.
    WalLag,
    /// A copy is missing at one storage.
    CopyMissing,
    /// The world no longer is as the policy says.
    PlanDrift,
    /// The files of a policy under a running agent cannot be used; an older version of it stays in force.
    PolicyInvalid,
    /// A backup was made.
    BackupSucceeded,
    /// A restore ended.
    RestoreDone,
}

impl AlertEvent {
    /// The word of the policy.
    pub fn word(self) -> &'static str {
        match self {
            AlertEvent::BackupFailed => "backup_failed",
            AlertEvent::BackupOverdue => "backup_overdue",
            AlertEvent::BackupSize => "backup_size",
            AlertEvent::VerifyFailed => "verify_failed",
            AlertEvent::DrillFailed => "drill_failed",
            AlertEvent::StorageLow => "storage_low",
            AlertEvent::WalGap => "wal_gap",
            AlertEvent::WalLag => "wal_lag",
            AlertEvent::CopyMissing => "copy_missing",
            AlertEvent::PlanDrift => "plan_drift",
            AlertEvent::PolicyInvalid => "policy_invalid",
            AlertEvent::BackupSucceeded => "backup_succeeded",
            AlertEvent::RestoreDone => "restore_done",
        }
    }
}

/// How loud a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlertSeverity {
    /// For the record.
    Info,
    /// Look at it today.
    Warning,
    /// Look at it now.
    Critical,
}

/// When a number becomes an event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// Age of the newest backup that is overdue; by the schedule unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overdue: Option<Written<Period>>,
    /// Change of size from one backup to the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_change: Option<Written<Share>>,
    /// Largest size of a backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_max: Option<Written<Size>>,
    /// Share of a storage that is in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_used: Option<Written<Share>>,
    /// How long WAL may wait to be archived. By itself ten times `archive_timeout`, and a day where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wal_lag: Option<Written<Period>>,
}
