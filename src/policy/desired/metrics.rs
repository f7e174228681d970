//! What a policy means by `metrics`.

use crate::base::Template;

/// Where metrics go. All parts may hold references.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MetricsSpec {
    /// File for node_exporter's textfile collector.
    pub textfile: Option<Template>,
    /// URL of a Pushgateway.
    pub pushgateway: Option<Template>,
    /// Address at which the agent can be scraped.
    pub listen: Option<Template>,
}
