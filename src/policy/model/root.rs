//! The whole policy.

use super::access::Access;
use super::alerts::Alerts;
use super::database::Database;
use super::defaults::{Defaults, Safety};
use super::encryption::Encryption;
use super::metrics::Metrics;
use super::named::Named;
use super::run::Run;
use super::storage::Storage;
use super::tier::Tier;
use super::written::{PolicyName, Written, ZoneName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a set of PostgreSQL databases is backed up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Version of the policy format; always `1`.
    #[schemars(schema_with = "version_schema")]
    pub version: u32,
    /// Name of the policy; used in tags, rule ids, locks and alerts.
    pub name: Written<PolicyName>,
    /// Base policies that this file adds to: maps merge key by key, lists and scalars replace, `null` removes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extends: Option<Extends>,
    /// Time zone in which every schedule is read; UTC unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<Written<ZoneName>>,
    /// Places that hold backups, by name.
    pub storage: Named<Storage>,
    /// Kinds of backup: when, how, where to, for how long; by name.
    pub tiers: Named<Tier>,
    /// Ways to encrypt before bytes leave this machine, by name.
    #[serde(default)]
    pub encryption: Named<Encryption>,
    /// Databases to back up, by name.
    pub databases: Named<Database>,
    /// What every database or tier gets that says nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub defaults: Option<Defaults>,
    /// Floors under every deletion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub safety: Option<Safety>,
    /// Users and roles that `apply` provisions in AWS IAM, by name.
    #[serde(default)]
    pub access: Named<Access>,
    /// Who starts the scheduled work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Run>,
    /// Who is told about what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alerts: Option<Alerts>,
    /// Where metrics go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<Metrics>,
}

/// One base policy or several, each merged over the one before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Extends {
    /// One path, relative to this file.
    One(String),
    /// Several paths, relative to this file.
    Several(Vec<String>),
}

fn version_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "integer", "const": 1 })
}
