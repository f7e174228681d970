//! What storage costs before and after a plan, for people.

use super::Style;
use super::table::plural;
use crate::base::{Money, Size};
use crate::plan::{ClassCost, Cost, Plan, StorageCost};
use std::fmt::Write as _;

/// The cost of every storage that the plan changes it of.
pub(super) fn cost(out: &mut String, plan: &Plan, style: Style) {
    let Some(cost) = &plan.outlook.cost else { return };
    let changed: Vec<&StorageCost> = cost.storages.iter().filter(|storage| is_changed(storage)).collect();
    if changed.is_empty() {
        return;
    }
    let Cost { prices_of, prices_region, currency, .. } = cost;
    let title = style.bold("Cost a month");
    let basis = style.dim(&format!("(an estimate in {currency}: prices of {prices_of}, region {prices_region})"));
    // Writing into a String cannot fail, so the results of `writeln!` are dropped throughout.
    let _ = writeln!(out, "\n{title} {basis}");
    for storage in changed {
        one(out, storage, prices_region);
    }
}

fn is_changed(storage: &StorageCost) -> bool {
    storage.before != storage.after || storage.n_unknown > 0 || !storage.early.is_empty()
}

fn one(out: &mut String, storage: &StorageCost, prices_region: &str) {
    let elsewhere = match storage.region.as_str() {
        "" => String::new(),
        region if region == prices_region => String::new(),
        region => format!(" (it is in {region})"),
    };
    let (before, after) = (money(storage.month_before), money(storage.month_after));
    let _ = writeln!(out, "  {}{elsewhere}: {before} → {after}", storage.storage);
    if !storage.before.is_empty() {
        let _ = writeln!(out, "      now {}", classes(&storage.before));
    }
    if !storage.after.is_empty() {
        let _ = writeln!(out, "      then {}", classes(&storage.after));
    }
    if storage.n_unknown > 0 {
        let n = storage.n_unknown as usize;
        let _ = writeln!(out, "      and {n} first backup{} of unknown size", plural(n));
    }
    for early in &storage.early {
        let n = early.n_backups as usize;
        let _ = writeln!(
            out,
            "      once: {n} backup{} leave{} {} before the days that are billed, up to {} paid for nothing: {}",
            plural(n),
            if n == 1 { "s" } else { "" },
            early.class,
            if early.most_days == 1 { "1 day".to_owned() } else { format!("{} days", early.most_days) },
            money(early.amount)
        );
    }
    if !storage.unpriced.is_empty() {
        let _ = writeln!(out, "      not counted, as the table has no price: {}", storage.unpriced.join(", "));
    }
}

fn classes(side: &[ClassCost]) -> String {
    let one = |class: &ClassCost| {
        let n = class.n_backups as usize;
        format!("{} {n} backup{} of {}: {}", class.class, plural(n), Size(class.bytes), money(class.month))
    };
    side.iter().map(one).collect::<Vec<_>>().join("; ")
}

fn money(amount: Option<Money>) -> String {
    amount.map_or_else(|| "no known price".to_owned(), |amount| amount.to_string())
}
