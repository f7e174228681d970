//! Everything that makes a policy invalid, found in one run: first its shape against the schema, then what a schema
//! cannot say. All checks look at the tree, not at the model, so one mistake never hides another.

mod aws;
mod branch;
mod class_names;
mod copies;
mod encryption;
mod formats;
mod names;
mod placement;
mod schema_errors;
mod shape;
mod words;

use super::tree::Node;
use crate::diag::Diagnostics;

/// Every error of a policy's meaning.
pub(super) fn check(tree: &Node, json: &serde_json::Value) -> Diagnostics {
    let mut found = shape::check(tree, json);
    if tree.entries().is_some() {
        found.extend(names::check(tree));
        found.extend(copies::check(tree));
        found.extend(encryption::check(tree));
        found.extend(placement::check(tree));
        found.extend(aws::check(tree));
    }
    found
}
