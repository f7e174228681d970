//! Ages of backups for CloudWatch.

use crate::policy::{CloudwatchSpec, Desired};
use crate::resource::age_dimensions;
use crate::standing::Standing;
use std::collections::BTreeMap;

/// The age of the newest good backup of each scheduled tier, in seconds, by its dimensions. A tier without one has none:
/// to the alarm that is as bad as an old one.
pub fn ages(desired: &Desired, spec: &CloudwatchSpec, standing: &Standing) -> Vec<(BTreeMap<String, String>, u64)> {
    let mut all = Vec::new();
    for database in standing.databases.iter().filter(|database| spec.concerns(&database.entry)) {
        for tier in database.tiers.iter().filter(|tier| tier.next_due.is_some()) {
            let age =
                tier.age(standing.at).map(|age| (age_dimensions(&desired.name, &database.name, &tier.tier), age.0));
            all.extend(age);
        }
    }
    all
}
