//! `metrics`: where metrics go.

use super::written::Written;
use crate::base::Template;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where metrics go, in the text format of Prometheus.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    /// File for node_exporter's textfile collector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub textfile: Option<Written<Template>>,
    /// URL of a Pushgateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pushgateway: Option<Written<Template>>,
    /// Address to be scraped at, such as `127.0.0.1:9187`; needs `run: { by: agent }`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listen: Option<Written<Template>>,
}
