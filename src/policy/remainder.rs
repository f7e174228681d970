//! What is left of an invalid policy once everything that is in error is taken out of it. Rules that judge one entry
//! by itself look at it, so that one run tells their advice beside the errors.

use super::check;
use super::document::Document;
use super::model::Policy;
use super::route::Route;
use super::tree::{Content, Node};
use crate::diag::{Diagnostics, Severity, SourceId};

/// Taking out one entry makes what names it wrong; chains of names are shorter than this.
const MOST_ROUNDS: usize = 6;

/// The valid rest of a tree in which `found` is wrong, or `None` when nothing can be told apart: an error of the whole
/// text, or one of a part that every policy needs. Entries of a section (`tiers.daily`) are taken out whole.
pub(super) fn remainder(tree: &Node, sources: &[SourceId], found: &Diagnostics) -> Option<Document> {
    let mut tree = tree.clone();
    let mut wrong: Vec<String> = error_paths(found);
    for _ in 0..MOST_ROUNDS {
        for path in &wrong {
            take_out(&mut tree, path)?;
        }
        let json = tree.to_json();
        wrong = error_paths(&check::check(&tree, &json));
        if wrong.is_empty() {
            let model: Policy = serde_json::from_value(json).ok()?;
            return Some(Document { model, tree, sources: sources.to_vec(), remarks: Diagnostics::default() });
        }
    }
    None
}

fn error_paths(found: &Diagnostics) -> Vec<String> {
    let errors = found.iter().filter(|d| d.code.severity == Severity::Error);
    errors.map(|d| d.path.clone()).collect()
}

/// Takes out the entry of a section in which the path lies, or the section when it has no entries. Nothing to do when
/// it is gone already; `None` when the path is none of a section.
fn take_out(tree: &mut Node, path: &str) -> Option<()> {
    let Content::Map(sections) = &mut tree.content else { return None };
    let lies_in = |route: &Route| {
        let rest = path.strip_prefix(&route.to_string());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    let Some(section) = sections.keys().find(|section| lies_in(&Route::of([section]))).cloned() else {
        // Taken out before, together with another error.
        return (!path.is_empty()).then_some(());
    };
    if let Some(Content::Map(entries)) = sections.get_mut(&section).map(|node| &mut node.content) {
        if let Some(entry) = entries.keys().find(|entry| lies_in(&Route::of([section.as_str(), entry]))).cloned() {
            entries.shift_remove(&entry);
            return Some(());
        }
        if path.len() > section.len() {
            return Some(());
        }
    }
    sections.shift_remove(&section);
    Some(())
}
