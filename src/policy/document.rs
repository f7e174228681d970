//! A policy that was read: the model, and the place of everything in its text.

use super::model::Policy;
use super::route::Route;
use super::secrets::written_secrets;
use super::tree::Node;
use crate::diag::{Code, Diagnostic, Diagnostics, SourceId, Span};

/// A policy that was read without errors.
#[derive(Debug, Clone)]
pub struct Document {
    /// What it says.
    pub model: Policy,
    /// The same as a tree with places; bases that it extends are merged in.
    pub tree: Node,
    /// Its own text first, then the bases it extends.
    pub sources: Vec<SourceId>,
    /// Warnings and remarks about its text; [`lint`](super::lint) reports those that no comment silences.
    pub remarks: Diagnostics,
}

impl Document {
    /// Place of the value at a route; of a map or list: all of it.
    pub fn span_of(&self, route: &Route) -> Option<Span> {
        self.tree.at(route).map(|node| node.span)
    }

    /// Place of the key at a route; `None` for list entries and for what the text does not write.
    pub fn key_span_of(&self, route: &Route) -> Option<Span> {
        self.tree.at(route).and_then(|node| node.key)
    }

    /// Where values stand that hold a secret in clear, and may be shown to nobody.
    pub fn secrets(&self) -> Vec<Route> {
        written_secrets(&self.tree).into_iter().map(|secret| secret.route).collect()
    }

    /// A diagnostic about what stands at a route. What the text does not write (a default) is placed at the nearest
    /// key above it.
    pub fn diagnostic(&self, code: &'static Code, route: &Route, detail: impl Into<String>) -> Diagnostic {
        Diagnostic::new(code, detail).with_path(route.to_string()).with_span(self.place_of(route))
    }

    /// The best place to point at for a route: scalars at their value, maps and lists at their key, what is not
    /// written at the nearest key above; `None` for the whole text.
    pub fn place_of(&self, route: &Route) -> Option<Span> {
        let mut route = route.clone();
        while !route.steps().is_empty() {
            if let Some(node) = self.tree.at(&route) {
                return Some(node.place());
            }
            route = route.parent();
        }
        None
    }
}
