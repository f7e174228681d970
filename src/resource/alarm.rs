//! Alarms of CloudWatch on the age of backups, and the metric that they watch.

use super::Resource;
use super::change::Merged;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Name of the metric: seconds since the newest good backup of a tier was begun.
pub const BACKUP_AGE: &str = "BackupAge";

/// An alarm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Alarm {
    /// Its name, unique in its account and region.
    pub name: String,
    /// What people read.
    pub description: String,
    /// Namespace of the metric.
    pub namespace: String,
    /// The metric.
    pub metric: String,
    /// Its dimensions.
    pub dimensions: BTreeMap<String, String>,
    /// How values of one period become one: `Maximum`.
    pub statistic: String,
    /// How that compares with the threshold when it is bad: `GreaterThanThreshold`.
    pub comparison: String,
    /// The threshold, in seconds.
    pub threshold_seconds: u64,
    /// Length of a period, in seconds.
    pub period_seconds: u32,
    /// How many periods must be bad.
    pub periods: u32,
    /// What a period without a value is: `breaching`.
    pub missing_data: String,
    /// It tells anybody at all.
    pub is_enabled: bool,
    /// ARNs that are told when it begins.
    pub notify: Vec<String>,
    /// ARNs that are told when it is over.
    pub notify_over: Vec<String>,
}

impl Alarm {
    /// Replaces what was found: an alarm is written as a whole.
    pub(super) fn merge(&self, found: Option<&Alarm>) -> Merged {
        Merged::whole(found.cloned().map(Resource::Alarm), Resource::Alarm(self.clone()))
    }

    /// The policy that its metric is of, for its mark.
    pub fn policy(&self) -> &str {
        self.dimensions.get("Policy").map(String::as_str).unwrap_or_default()
    }
}

/// How all names of a policy's alarms begin.
pub fn alarm_prefix(policy: &str) -> String {
    format!("backstay/{policy}/")
}

/// Name of the alarm of a tier of a database. No two have the same.
pub fn alarm_name(policy: &str, database: &str, tier: &str) -> String {
    format!("{}{}/{tier}", alarm_prefix(policy), spelled(database).replace('/', "%2F"))
}

/// Dimensions of the metric of a tier of a database.
pub fn age_dimensions(policy: &str, database: &str, tier: &str) -> BTreeMap<String, String> {
    let all = [("Policy", policy.to_owned()), ("Database", spelled(database)), ("Tier", tier.to_owned())];
    all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// A name as CloudWatch takes it: what is not visible ASCII, and the sign of that, become `%XX`.
fn spelled(name: &str) -> String {
    let mut out = String::new();
    for byte in name.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => out.push(char::from(byte)),
            // Writing into a String cannot fail.
            _ => drop(write!(out, "%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart_and_are_ascii() {
        let name = |database: &str| alarm_name("shop", database, "daily");
        assert_eq!(name("app"), "backstay/shop/app/daily");
        assert_eq!(name("tenants.k\u{fc}che/1"), "backstay/shop/tenants.k%C3%BCche%2F1/daily");
        assert_ne!(name("a/b"), name("a%2Fb"));
        assert!(!name("a").starts_with(&alarm_prefix("sho")));
    }
}
