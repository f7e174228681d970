//! What a thaw costs.

use super::Prices;
use super::prices::{GB, MONTH};
use crate::base::Money;
use crate::resource::{StorageClass, ThawSpeed};

/// The estimated cost of a thaw.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ThawCost {
    /// Everything that has a known price.
    pub known: Money,
    /// What has none, as phrases: `requests`, `retrieval`, `the thawed copy`.
    pub unpriced: Vec<&'static str>,
}

/// What it costs to thaw so many objects of one class and read the copies for `days`.
pub fn thaw_cost(
    prices: &Prices,
    class: StorageClass,
    speed: ThawSpeed,
    n_objects: u64,
    bytes: u64,
    days: u32,
) -> ThawCost {
    let gigabytes = bytes as f64 / GB;
    let thaw = prices.classes.get(&class).and_then(|of| of.thaw.get(&speed)).copied().unwrap_or_default();
    let copy = prices.gb_month(StorageClass::Standard, gigabytes);
    let mut cost = ThawCost::default();
    let parts = [
        ("requests", thaw.requests_1000.map(|price| price * n_objects as f64 / 1_000.0)),
        ("retrieval", thaw.gb.map(|price| price * gigabytes)),
        ("the thawed copy", copy.map(|month| month * f64::from(days) / MONTH)),
    ];
    for (what, amount) in parts {
        match amount {
            Some(amount) => cost.known = cost.known + Money::of(amount),
            None => cost.unpriced.push(what),
        }
    }
    cost
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_price_is_said_and_not_taken_for_free() {
        let prices = Prices::built_in();
        let cost = |class, speed| thaw_cost(&prices, class, speed, 1_000, 100 << 30, 3);
        let standard = cost(StorageClass::Glacier, ThawSpeed::Standard);
        // 0.05 for the requests, 1.00 for the retrieval, 0.23 for three days of a copy.
        assert_eq!((standard.known.to_string().as_str(), standard.unpriced.len()), ("1.28", 0));
        assert_eq!(cost(StorageClass::Glacier, ThawSpeed::Bulk).unpriced, ["requests"]);
        assert_eq!(cost(StorageClass::DeepArchive, ThawSpeed::Bulk).unpriced, ["requests", "retrieval"]);
    }
}
