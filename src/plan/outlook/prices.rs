//! The price table that estimates are made from: dated, for one region, and replaced as a whole by `--prices FILE`.
//!
//! The one built in has the figures that could be sourced; what it does not have is said to be unknown, never taken for
//! free. docs/aws.md describes the format.

use crate::resource::{StorageClass, ThawSpeed};
use serde::Deserialize;
use std::collections::BTreeMap;

const BUILT_IN: &str = include_str!("prices.json");

/// Bytes that AWS sells as a gigabyte.
pub(super) const GB: f64 = (1_u64 << 30) as f64;

/// Days of a month on a bill.
pub(super) const MONTH: f64 = 30.0;

/// Prices of one region at one time.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    format_version: u32,
    /// The day that they are of.
    pub as_of: String,
    /// The region that they are of.
    pub region: String,
    /// Their currency, such as `USD`.
    pub currency: String,
    /// Where they come from.
    #[serde(default)]
    pub sources: Vec<String>,
    /// By storage class; a class that is missing has no known price.
    pub(super) classes: BTreeMap<StorageClass, ClassPrices>,
}

/// Prices of a storage class. What is missing is not known.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClassPrices {
    /// A gigabyte for a month, by how much lies there; the first step begins at 0.
    pub(super) gb_month: Vec<PriceStep>,
    /// Reading a gigabyte, in classes that need no thaw.
    #[serde(default)]
    pub(super) retrieval_gb: Option<f64>,
    /// Watching a thousand objects for a month, in classes that do.
    #[serde(default)]
    pub(super) month_1000_objects: Option<f64>,
    /// A thousand objects that are put there.
    #[serde(default)]
    pub(super) put_1000: Option<f64>,
    /// A thousand objects that move there.
    #[serde(default)]
    pub(super) transition_1000: Option<f64>,
    /// A thaw, by its speed.
    #[serde(default)]
    pub(super) thaw: BTreeMap<ThawSpeed, ThawPrices>,
}

/// A price from so many gigabytes on.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PriceStep {
    pub(super) from_gb: u64,
    pub(super) price: f64,
}

/// What a thaw at one speed costs.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ThawPrices {
    #[serde(default)]
    pub(super) gb: Option<f64>,
    #[serde(default)]
    pub(super) requests_1000: Option<f64>,
}

/// A text is no price table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPrices {
    /// It is no JSON of the right shape.
    #[error("it is not a price table: {0}")]
    Shape(String),
    /// Another version of the format.
    #[error("it has format version {0}; this program reads 1")]
    Version(u32),
    /// A number that is no price.
    #[error("the steps of {0} must begin at 0 and rise, and no price may be negative")]
    Steps(StorageClass),
}

impl Prices {
    /// The table that is built in.
    pub fn built_in() -> Prices {
        // A test reads it; were it broken, nothing would have a price.
        Prices::parse(BUILT_IN).unwrap_or_else(|_| Prices {
            format_version: 1,
            as_of: String::new(),
            region: String::new(),
            currency: String::new(),
            sources: Vec::new(),
            classes: BTreeMap::new(),
        })
    }

    /// Reads a table.
    pub fn parse(text: &str) -> Result<Prices, InvalidPrices> {
        let prices: Prices = serde_json::from_str(text).map_err(|e| InvalidPrices::Shape(e.to_string()))?;
        if prices.format_version != 1 {
            return Err(InvalidPrices::Version(prices.format_version));
        }
        for (class, of) in &prices.classes {
            let begins = of.gb_month.first().is_none_or(|step| step.from_gb == 0);
            let rises = of.gb_month.windows(2).all(|pair| pair[0].from_gb < pair[1].from_gb);
            let thaws = of.thaw.values().flat_map(|thaw| [thaw.gb, thaw.requests_1000]);
            let others = [of.retrieval_gb, of.month_1000_objects, of.put_1000, of.transition_1000];
            let steps = of.gb_month.iter().map(|step| Some(step.price));
            if !begins || !rises || steps.chain(thaws).chain(others).flatten().any(|price| price < 0.0) {
                return Err(InvalidPrices::Steps(*class));
            }
        }
        Ok(prices)
    }

    /// So much in a class for a month; `None` when that has no known price.
    pub(super) fn gb_month(&self, class: StorageClass, gigabytes: f64) -> Option<f64> {
        let steps = &self.classes.get(&class)?.gb_month;
        if steps.is_empty() {
            return None;
        }
        let ends = steps.iter().skip(1).map(|step| step.from_gb as f64).chain([f64::INFINITY]);
        Some(
            steps
                .iter()
                .zip(ends)
                .map(|(step, end)| {
                    let (from, to) = (step.from_gb as f64, gigabytes.min(end));
                    (to - from).max(0.0) * step.price
                })
                .sum(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_that_is_built_in_prices_every_class() {
        let prices = Prices::parse(BUILT_IN);
        assert_eq!(prices.as_ref().map(|p| p.region.as_str()), Ok("us-east-1"), "{prices:?}");
        let prices = Prices::built_in();
        assert!(StorageClass::ALL.iter().all(|class| prices.gb_month(*class, 1.0).is_some_and(|price| price > 0.0)));
        assert_eq!(prices.gb_month(StorageClass::Standard, 0.0), Some(0.0));
        let tb = 1024.0;
        let steps = prices.gb_month(StorageClass::Standard, 600.0 * tb).unwrap_or_default();
        assert!((steps - (50.0 * tb * 0.023 + 450.0 * tb * 0.022 + 100.0 * tb * 0.021)).abs() < 1e-6, "{steps}");
    }

    #[test]
    fn what_is_no_table_is_refused() {
        let of = |classes: &str| {
            let text = format!(
                r#"{{"format_version":1,"as_of":"2026-11-01","region":"eu-west-1","currency":"EUR","classes":{classes}}}"#
            );
            Prices::parse(&text)
        };
        assert!(of(r#"{"GLACIER":{"gb_month":[{"from_gb":0,"price":0.004}]}}"#).is_ok());
        let steps = Err(InvalidPrices::Steps(StorageClass::Glacier));
        assert_eq!(of(r#"{"GLACIER":{"gb_month":[{"from_gb":1,"price":0.004}]}}"#), steps);
        assert_eq!(of(r#"{"GLACIER":{"gb_month":[{"from_gb":0,"price":-1}]}}"#), steps);
        assert!(matches!(of(r#"{"TAPE":{"gb_month":[]}}"#), Err(InvalidPrices::Shape(_))));
        assert!(matches!(of(r#"{"GLACIER":{"gb_month":[],"retrival_gb":1}}"#), Err(InvalidPrices::Shape(_))));
        assert!(matches!(Prices::parse("[]"), Err(InvalidPrices::Shape(_))));
    }
}
