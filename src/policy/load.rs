//! From bytes to a [`Document`], with everything that is wrong in one run.

use super::check;
use super::document::Document;
use super::model::Policy;
use super::text::assemble;
use crate::diag::{Diagnostic, Diagnostics, Sources, codes};

/// Reads a policy. `name` is the path as the user knows it; `fetch` gives the bytes of a file that it extends, by its
/// path, or says what went wrong. The document is `None` when there is any error.
pub fn load(
    sources: &mut Sources,
    name: &str,
    bytes: &[u8],
    fetch: &dyn Fn(&str) -> Result<Vec<u8>, String>,
) -> (Option<Document>, Diagnostics) {
    let mut found = Diagnostics::default();
    let assembled = assemble(sources, name, bytes, fetch, &mut found);
    let document = assembled.tree.and_then(|tree| {
        let json = tree.to_json();
        found.extend(check::check(&tree, &json));
        if found.has_errors() {
            return None;
        }
        match serde_path_to_error::deserialize::<_, Policy>(json) {
            Ok(model) => Some(Document { model, tree, sources: assembled.sources }),
            Err(error) => {
                // The schema is made from the model, so this happens only for what a schema cannot say.
                let path = error.path().to_string();
                found.push(Diagnostic::new(&codes::FORM_INVALID, format!("{}", error.inner())).with_path(path));
                None
            }
        }
    });
    found.sort();
    (document, found)
}
