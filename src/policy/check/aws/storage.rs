//! The S3 storages of a policy, as far as they are said in clear.

use crate::base::Template;
use crate::diag::{Code, Diagnostic};
use crate::policy::check::names::entries;
use crate::policy::facts::is_endpoint_of_aws;
use crate::policy::route::Route;
use crate::policy::tree::Node;

/// One storage of type `s3`.
pub(super) struct S3<'a> {
    /// Its name.
    pub(super) name: String,
    /// Where it stands.
    pub(super) route: Route,
    /// What it says.
    pub(super) node: &'a Node,
}

/// Every storage of type `s3`.
pub(super) fn all(tree: &Node) -> Vec<S3<'_>> {
    let storages = entries(tree, &Route::of(["storage"])).into_iter();
    let is_s3 = |node: &Node| node.get("type").and_then(Node::text) == Some("s3");
    storages
        .filter(|(_, node)| is_s3(node))
        .map(|(route, node)| S3 { name: route.last_key().unwrap_or_default().to_owned(), route, node })
        .collect()
}

/// The text of a value; `None` when a reference hides a part of it.
pub(super) fn clear(node: Option<&Node>) -> Option<(&Node, String)> {
    let node = node?;
    let text = node.text()?.parse::<Template>().ok()?.as_literal()?;
    Some((node, text))
}

/// What is wrong with the value at a route.
pub(super) fn wrong(code: &'static Code, route: &Route, node: &Node, detail: impl Into<String>) -> Diagnostic {
    Diagnostic::new(code, detail).with_path(route.to_string()).with_span(Some(node.place()))
}

impl<'a> S3<'a> {
    /// A text in clear of the storage.
    pub(super) fn clear(&self, key: &str) -> Option<(&'a Node, String)> {
        clear(self.node.get(key))
    }

    /// What `manage` says of a setting.
    pub(super) fn manage(&self, key: &str) -> Option<&'a Node> {
        self.node.get("manage")?.get(key)
    }

    /// The route of a setting of `manage`.
    pub(super) fn manage_route(&self, key: &str) -> Route {
        self.route.key("manage").key(key)
    }

    /// True when the storage is certainly in AWS.
    pub(super) fn is_aws(&self) -> bool {
        match self.node.get("endpoint") {
            None => true,
            Some(endpoint) => clear(Some(endpoint)).is_some_and(|(_, url)| is_endpoint_of_aws(&url)),
        }
    }

    /// Its region, where it is said in clear.
    pub(super) fn region(&self) -> Option<(&'a Node, String)> {
        self.clear("region").filter(|(_, region)| !region.is_empty())
    }
}
