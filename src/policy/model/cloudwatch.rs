//! `alerts.cloudwatch`: the age of backups as a metric of AWS CloudWatch, with an alarm for each tier.

use super::storage::Credentials;
use super::written::{Name, Written};
use crate::base::Template;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Ages as metrics of CloudWatch: every run puts them, and `apply` owns an alarm for each scheduled tier of each database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cloudwatch {
    /// The region.
    pub region: String,
    /// Namespace of the metric; `backstay` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[A-Za-z0-9._/#-]{1,255}$"))]
    pub namespace: Option<String>,
    /// How to log in; the default chain of AWS unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Credentials>,
    /// Names of the databases it is about; all unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub databases: Option<Vec<Written<Name>>>,
    /// Whether `apply` owns alarms; `true` unless set. `false` takes away those that it made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarms: Option<bool>,
    /// ARNs that are told when an alarm begins and when it is over, such as topics of SNS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 5))]
    pub notify: Option<Vec<Written<Template>>>,
}
