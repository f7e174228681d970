//! From bytes to a [`Document`], with everything that is wrong in one run.

use super::check;
use super::document::Document;
use super::ignore::{Remarks, silence};
use super::model::Policy;
use super::remainder::remainder;
use super::secrets::written_secrets;
use super::text::assemble;
use crate::diag::{Diagnostic, Diagnostics, Sources, codes};
use std::collections::HashSet;

/// Nobody reads more problems than these in one go.
const MOST_PROBLEMS: usize = 300;

/// What reading a policy gave.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// The policy, if it is valid. Warnings about its text wait in its `remarks` for [`lint`](super::lint).
    pub document: Option<Document>,
    /// Of an invalid policy, what is valid on its own: for [`lint_rest`](super::lint_rest). `None` when nothing is.
    pub rest: Option<Document>,
    /// Everything that was found in an invalid policy; empty for a valid one.
    pub found: Diagnostics,
}

/// Reads a policy. `name` is the path as the user knows it; `fetch` gives the bytes of a file that it extends, by its
/// path, or says what went wrong. Either there is a document or an error. Secrets that the text holds are concealed in
/// `sources`.
pub fn load(
    sources: &mut Sources,
    name: &str,
    bytes: &[u8],
    fetch: &dyn Fn(&str) -> Result<Vec<u8>, String>,
) -> Loaded {
    let mut found = Diagnostics::default();
    let assembled = assemble(sources, name, bytes, fetch, &mut found);
    let Some(tree) = assembled.tree else {
        found.sort();
        return Loaded { found: bounded(found), ..Loaded::default() };
    };
    for secret in written_secrets(&tree) {
        sources.conceal(secret.span);
    }
    let json = tree.to_json();
    found.extend(check::check(&tree, &json));
    if !found.has_errors() {
        match serde_path_to_error::deserialize::<_, Policy>(json) {
            Ok(model) => {
                let document = Document { model, tree, sources: assembled.sources, remarks: found };
                return Loaded { document: Some(document), ..Loaded::default() };
            }
            Err(error) => {
                // The schema is made from the model, so this happens only for what a schema cannot say.
                let path = error.path().to_string();
                found.push(Diagnostic::new(&codes::FORM_INVALID, error.inner().to_string()).with_path(path));
            }
        }
    }
    let rest = remainder(&tree, &assembled.sources, &found);
    // What stands behind an anchor is judged at every alias, and told once.
    let mut told = HashSet::new();
    found.0.retain(|d| d.span.is_none() || told.insert((d.code.id, d.span, d.detail.clone())));
    let left = silence(&tree, &assembled.sources, sources, found, Remarks::Skip);
    Loaded { document: None, rest, found: bounded(left) }
}

/// The first problems of a text that is wrong all over: probably it is no policy at all.
fn bounded(mut found: Diagnostics) -> Diagnostics {
    let all = found.0.len();
    if all > MOST_PROBLEMS {
        found.0.truncate(MOST_PROBLEMS);
        let detail = format!("{all} in all; the first {MOST_PROBLEMS} are told");
        found.push(Diagnostic::new(&codes::MORE_PROBLEMS, detail).with_hint("Check that the path names a policy."));
    }
    found
}
