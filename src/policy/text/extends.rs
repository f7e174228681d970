//! `extends`: a policy laid over its bases. Maps merge key by key, lists and scalars replace, `null` removes.

use super::{bytes, yaml};
use crate::diag::{Diagnostic, Diagnostics, SourceId, Sources, codes};
use crate::policy::route::Route;
use crate::policy::tree::{Content, Node};
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// More bases than this are a mistake.
const MOST_BASES: usize = 64;

/// A policy text with everything it extends merged in.
pub(in crate::policy) struct Assembled {
    /// The merged tree, without `extends`; `None` when a text could not be read.
    pub(in crate::policy) tree: Option<Node>,
    /// The policy's own text first, then its bases.
    pub(in crate::policy) sources: Vec<SourceId>,
}

/// Reads a policy and the bases it extends. `fetch` gives the bytes of a base by its path.
pub(in crate::policy) fn assemble(
    sources: &mut Sources,
    name: &str,
    bytes: &[u8],
    fetch: &dyn Fn(&str) -> Result<Vec<u8>, String>,
    found: &mut Diagnostics,
) -> Assembled {
    let mut assembly = Assembly { sources, fetch, found, read: Vec::new(), layers: BTreeMap::new(), stack: Vec::new() };
    let tree = assembly.layer(&normal(Path::new(name)), name, bytes);
    Assembled { tree, sources: assembly.read }
}

struct Assembly<'a> {
    sources: &'a mut Sources,
    fetch: &'a dyn Fn(&str) -> Result<Vec<u8>, String>,
    found: &'a mut Diagnostics,
    read: Vec<SourceId>,
    layers: BTreeMap<PathBuf, Option<Node>>,
    stack: Vec<PathBuf>,
}

impl Assembly<'_> {
    fn layer(&mut self, path: &Path, name: &str, bytes: &[u8]) -> Option<Node> {
        if let Some(known) = self.layers.get(path) {
            return known.clone();
        }
        let before = self.sources.iter().count();
        let source = bytes::read_text(self.sources, name, bytes, self.found);
        if self.sources.iter().count() > before {
            self.read.push(SourceId(before));
        }
        let own = source.and_then(|source| yaml::parse(self.sources, source, self.found));
        let merged = own.and_then(|own| self.over_bases(path, own));
        self.layers.insert(path.to_owned(), merged.clone());
        merged
    }

    /// The tree laid over its bases, if it names any.
    fn over_bases(&mut self, path: &Path, mut own: Node) -> Option<Node> {
        let Content::Map(entries) = &mut own.content else { return Some(own) };
        let Some(extends) = entries.get("extends") else { return Some(own) };
        let bases: Vec<Node> = match &extends.content {
            Content::Text(_) => vec![extends.clone()],
            Content::List(items) if !items.is_empty() && items.iter().all(|item| item.text().is_some()) => {
                items.clone()
            }
            // The shape is reported with all others.
            _ => return Some(own),
        };
        entries.shift_remove("extends");
        self.stack.push(path.to_owned());
        let mut below: Option<Node> = None;
        let mut whole = true;
        for base in &bases {
            match self.base(path, base) {
                Some(layer) => {
                    below = Some(match below {
                        Some(below) => Overlay { found: None }.lay(&Route::top(), below, layer),
                        None => layer,
                    });
                }
                None => whole = false,
            }
        }
        self.stack.pop();
        match below {
            Some(below) if whole => {
                let mut used = Diagnostics::default();
                let merged = Overlay { found: Some(&mut used) }.lay(&Route::top(), below, own);
                self.found.extend(used);
                Some(merged)
            }
            _ => None,
        }
    }

    fn base(&mut self, path: &Path, base: &Node) -> Option<Node> {
        let written = base.text().unwrap_or_default();
        let target = normal(&path.parent().unwrap_or(Path::new("")).join(written));
        let mut complain = |code, detail: String, hint: Option<&str>| {
            let mut diagnostic = Diagnostic::new(code, detail).with_path("extends").with_span(Some(base.span));
            diagnostic.hint = hint.map(str::to_owned);
            self.found.push(diagnostic);
            None
        };
        if self.stack.contains(&target) {
            let mut names: Vec<String> = self.stack.iter().map(|p| p.display().to_string()).collect();
            names.push(target.display().to_string());
            return complain(&codes::BASE_CYCLE, names.join(" -> "), Some("Remove one `extends` of the circle."));
        }
        if self.layers.len() >= MOST_BASES {
            return complain(&codes::BASE_UNREADABLE, format!("more than {MOST_BASES} bases"), None);
        }
        let name = target.display().to_string();
        if self.layers.contains_key(&target) {
            return self.layer(&target, &name, &[]);
        }
        match (self.fetch)(&name) {
            Ok(bytes) => self.layer(&target, &name, &bytes),
            Err(problem) => complain(
                &codes::BASE_UNREADABLE,
                format!("`{name}`: {problem}"),
                Some("Paths in `extends` start at the folder of the file that names them."),
            ),
        }
    }
}

/// Lays one tree over another.
struct Overlay<'a> {
    /// Receives overrides that change nothing; `None`: nobody wants to know.
    found: Option<&'a mut Diagnostics>,
}

impl Overlay<'_> {
    fn lay(&mut self, route: &Route, below: Node, above: Node) -> Node {
        let (mut under, over) = match (below.content, above.content) {
            (Content::Map(under), Content::Map(over)) => (under, over),
            (_, content) => return Node { content, ..above },
        };
        for (key, node) in over {
            let here = route.key(&key);
            match (under.get_mut(&key), &node.content) {
                (Some(_), Content::Null) => {
                    under.shift_remove(&key);
                }
                (None, Content::Null) if self.found.is_some() => {
                    self.unused(&here, &node, "there is nothing to remove: no base has this key", None);
                }
                (Some(old), Content::Map(_)) if matches!(old.content, Content::Map(_)) => {
                    let merged = self.lay(&here, old.clone(), node);
                    under.insert(key, merged);
                }
                (Some(old), _) => {
                    if old.to_json() == node.to_json() && key != "version" {
                        self.unused(&here, &node, "the base already says the same", Some(old));
                    }
                    under.insert(key, node);
                }
                (None, _) => {
                    under.insert(key, node);
                }
            }
        }
        Node { key: above.key, span: above.span, content: Content::Map(under) }
    }

    fn unused(&mut self, route: &Route, node: &Node, detail: &str, old: Option<&Node>) {
        if let Some(found) = &mut self.found {
            found.push(
                Diagnostic::new(&codes::OVERRIDE_UNUSED, format!("`{route}`: {detail}"))
                    .with_path(route.to_string())
                    .with_span(Some(node.key.unwrap_or(node.span)))
                    .with_label(old.map(|old| old.key.unwrap_or(old.span)), "the base")
                    .with_hint("Remove the key here, or check its spelling."),
            );
        }
    }
}

/// The path without `.` and, where it can be said without looking, without `..`.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(out.components().next_back(), Some(Component::Normal(_))) => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}
