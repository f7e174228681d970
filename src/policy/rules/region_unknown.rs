//! A region that has the right form, and that was not there when this program was made.

use crate::diag::{Diagnostic, codes, nearest};
use crate::policy::facts::buckets_of_aws;
use crate::policy::route::Route;
use crate::policy::rule::{Rule, Subject};
use crate::resource::validity::REGIONS;

/// The rule.
pub(super) const RULE: Rule = Rule { code: &codes::REGION_UNKNOWN, judge };

fn judge(subject: &Subject<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (name, storage) in buckets_of_aws(&subject.document.model) {
        let Some(region) = storage.region.as_ref().and_then(|region| region.as_literal()) else { continue };
        if region.is_empty() || REGIONS.contains(&region.as_str()) {
            continue;
        }
        let route = Route::of(["storage", name, "region"]);
        let hint = match nearest(&region, REGIONS) {
            Some(meant) => format!("Did you mean `{meant}`? If the region is new, silence this."),
            None => "Write a region such as `eu-central-1`; if this one is new, silence this.".to_owned(),
        };
        found.push(
            subject
                .document
                .diagnostic(
                    &codes::REGION_UNKNOWN,
                    &route,
                    format!("`{region}` is not among the {} known ones", REGIONS.len()),
                )
                .with_why("A bucket in a region that does not exist cannot be made or found.")
                .with_hint(hint),
        );
    }
    found
}
