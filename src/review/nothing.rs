//! The policy of who has none: what is added or removed as a whole is compared with it.

use crate::policy::model::{Named, Policy};
use crate::policy::{Content, Document, Node};
use indexmap::IndexMap;

/// A policy that has the name and the clock of another, and nothing else.
pub(super) fn nothing(like: &Document) -> Document {
    let model = Policy {
        version: like.model.version,
        name: like.model.name.clone(),
        extends: None,
        timezone: like.model.timezone.clone(),
        storage: Named::default(),
        tiers: Named::default(),
        encryption: Named::default(),
        databases: Named::default(),
        defaults: None,
        safety: None,
        access: Named::default(),
        run: None,
        alerts: None,
        metrics: None,
    };
    let tree = Node { key: None, span: like.tree.span, content: Content::Map(IndexMap::new()) };
    Document { model, tree, sources: Vec::new(), remarks: crate::diag::Diagnostics::default() }
}
