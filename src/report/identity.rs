//! Who we are to AWS, in the head of a plan.

use super::Style;
use crate::plan::{Identity, Plan};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// One line for each identity, with the storages and entries of `access` that it stands for.
pub(super) fn identities(out: &mut String, plan: &Plan, style: Style) {
    let mut by_identity: BTreeMap<(&str, &str, &str), Vec<&str>> = BTreeMap::new();
    for (of, Identity { account, arn, region }) in &plan.outlook.callers {
        by_identity.entry((account, arn, region)).or_default().push(name(of));
    }
    for ((account, arn, region), of) in by_identity {
        let region = if region.is_empty() { String::new() } else { format!(" in {region}") };
        let text = format!("{}: account {account}{region}, as {arn}", of.join(", "));
        // Writing into a String cannot fail.
        let _ = writeln!(out, "  {}", style.dim(&text));
    }
}

/// A storage by its name, an entry of `access` by its address.
pub(super) fn name(of: &str) -> &str {
    of.strip_prefix("storage/").unwrap_or(of)
}
