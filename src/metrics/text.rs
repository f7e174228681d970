//! The text that Prometheus, node_exporter's textfile collector and a Pushgateway read.

use super::{Family, families};
use crate::standing::Standing;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use std::fmt;

#[derive(Debug)]
struct Families(Vec<Family>);

impl Collector for Families {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        for family in &self.0 {
            let mut descriptor =
                encoder.encode_descriptor(family.name, family.help, family.unit.as_ref(), MetricType::Gauge)?;
            for sample in &family.samples {
                descriptor.encode_family(&sample.labels)?.encode_gauge(&sample.value)?;
            }
        }
        Ok(())
    }
}

/// The exposition of some policies. Equal inputs give equal texts.
pub fn exposition(standings: &[Standing]) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Families(families(standings))));
    let mut out = String::new();
    // Writing into a String cannot fail.
    let _ = text::encode_registry(&mut out, &registry);
    // `# UNIT` is of OpenMetrics; the older text format, which textfiles and Pushgateways take, knows it as a comment
    // that `promtool` frowns at.
    out.lines().filter(|line| !line.starts_with("# UNIT ")).fold(String::new(), |text, line| text + line + "\n")
}
