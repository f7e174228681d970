//! Every value with where it came from.

use crate::diag::{SourceId, Sources, Span};
use crate::policy::desired::{Compression, Desired, ExplainedValue, StorageKind};
use crate::policy::document::Document;
use crate::policy::route::Route;
use crate::policy::secrets::written_secrets;
use crate::policy::tree::{Content, Node};
use std::collections::HashMap;

pub(super) fn explain(document: &Document, desired: &Desired, sources: &Sources) -> Vec<ExplainedValue> {
    let line_starts =
        document.sources.iter().map(|source| (*source, line_starts(&sources.get(*source).text))).collect();
    let secrets = written_secrets(&document.tree).into_iter().map(|secret| secret.route).collect();
    let mut explained = Explained { document, sources, line_starts, secrets, values: Vec::new() };
    explained.written(&Route::top(), &document.tree);
    explained.filled(desired);
    explained.values.sort_by(|a, b| a.path.cmp(&b.path));
    explained.values
}

struct Explained<'a> {
    document: &'a Document,
    sources: &'a Sources,
    /// Thousands of values ask for their line, so the lines of each text are counted once.
    line_starts: HashMap<SourceId, Vec<usize>>,
    /// Where the text holds a secret in clear.
    secrets: Vec<Route>,
    values: Vec<ExplainedValue>,
}

impl Explained<'_> {
    /// What the text writes: scalars, and lists of scalars as one value.
    fn written(&mut self, route: &Route, node: &Node) {
        match &node.content {
            Content::Map(entries) => entries.iter().for_each(|(key, node)| self.written(&route.key(key), node)),
            Content::List(items) if items.iter().any(|item| item.entries().is_some()) => {
                items.iter().enumerate().for_each(|(index, node)| self.written(&route.index(index), node));
            }
            _ => {
                let origin = self.line(node.span);
                self.values.push(ExplainedValue { path: route.to_string(), value: self.shown(route, node), origin });
            }
        }
    }

    /// What the text leaves out.
    fn filled(&mut self, desired: &Desired) {
        let top = Route::top();
        self.fill(&top.key("timezone"), desired.timezone.iana_name().unwrap_or("UTC"), &[]);
        for (name, storage) in &desired.storages {
            let route = Route::of(["storage", name, "manage"]);
            if let StorageKind::Filesystem(folder) = &storage.kind {
                self.fill(&route.key("create"), &folder.create.to_string(), &[]);
                self.fill(&route.key("mode"), &format!("{:04o}", folder.mode), &[]);
            }
        }
        for (name, tier) in &desired.tiers {
            let route = Route::of(["tiers", name]);
            let method = serde_json::to_value(tier.method).unwrap_or_default();
            self.fill(&route.key("method"), method.as_str().unwrap_or_default(), &[]);
            let compression = match tier.compression {
                Compression::Zstd(level) => format!("zstd {level}"),
                Compression::Gzip(level) => format!("gzip {level}"),
                Compression::None => "none".to_owned(),
            };
            self.fill(&route.key("compression"), &compression, &[Route::of(["defaults", "compression"])]);
        }
        for (name, database) in &desired.databases {
            let route = Route::of(["databases", name]);
            let defaults = Route::of(["defaults"]);
            for key in ["host", "tiers", "encryption", "exec", "dump", "verify", "drill", "hooks"] {
                let default = defaults.key(key);
                if let Some(node) = self.document.tree.at(&default) {
                    self.fill(&route.key(key), &self.shown(&default, node), &[default]);
                }
            }
            if database.encryption.is_none() {
                self.fill(&route.key("encryption"), "none", &[]);
            }
            // A database's own `dump` replaces the default one as a whole.
            let inherits = self.document.tree.at(&route.key("dump")).is_none();
            let said: Vec<Route> = inherits.then(|| defaults.key("dump").key("globals")).into_iter().collect();
            self.fill(&route.key("dump").key("globals"), &database.dump.globals.to_string(), &said);
            for key in ["rpo", "rto"] {
                let default = defaults.key("objectives").key(key);
                if let Some(node) = self.document.tree.at(&default) {
                    self.fill(&route.key("objectives").key(key), &self.shown(&default, node), &[default]);
                }
            }
            for (key, value) in [
                ("keep_at_least", database.safety.keep_at_least.to_string()),
                ("max_prune", database.safety.max_prune.to_string()),
            ] {
                let said = [defaults.key("safety").key(key), top.key("safety").key(key)];
                self.fill(&route.key("safety").key(key), &value, &said);
            }
        }
    }

    /// One value that is not written at its own route; `said` are the places that may say it instead.
    fn fill(&mut self, route: &Route, value: &str, said: &[Route]) {
        if self.document.tree.at(route).is_some() {
            return;
        }
        let path = route.to_string();
        let origin = said
            .iter()
            .find_map(|said| self.document.tree.at(said).map(|node| format!("defaults {}", self.line(node.place()))))
            .unwrap_or_else(|| "default".to_owned());
        self.values.push(ExplainedValue { path, value: value.to_owned(), origin });
    }

    /// The value as the policy writes it, unless it holds a secret in clear.
    fn shown(&self, route: &Route, node: &Node) -> String {
        if self.secrets.iter().any(|secret| secret.steps().starts_with(route.steps())) {
            return "(hidden)".to_owned();
        }
        node.text().map_or_else(|| node.to_json().to_string(), str::to_owned)
    }

    fn line(&self, span: Span) -> String {
        let line =
            self.line_starts.get(&span.source).map_or(1, |starts| starts.partition_point(|at| *at <= span.start));
        format!("{}:{line}", self.sources.get(span.source).name)
    }
}

/// First byte of each line.
fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect()
}
