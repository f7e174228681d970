//! YAML text to a tree with places. The YAML library is known to this file and to `fault` only.

use super::bare::{mask, unmask};
use super::fault;
use crate::diag::{Diagnostic, Diagnostics, SourceId, Sources, Span, codes};
use crate::policy::tree::{Content, Node};
use indexmap::IndexMap;
use indexmap::map::Entry;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, Location, Options, Spanned};
use std::fmt;
use std::ops::Range;

/// The tree of one source, with everything that is wrong with its YAML. `None` when the text cannot be read at all.
pub(super) fn parse(sources: &Sources, source: SourceId, found: &mut Diagnostics) -> Option<Node> {
    let text = &sources.get(source).text;
    let read = |text: &str, duplicates| serde_saphyr::from_str_with_options::<Raw>(text, options(duplicates));
    let mut masked = None;
    let mut result = read(text, DuplicateKeyPolicy::Error);
    if result.is_err() {
        masked = mask(text);
        if let Some((text, _)) = &masked {
            result = read(text, DuplicateKeyPolicy::Error);
        }
    }
    if let Err(error) = &result
        && fault::is_duplicate(error)
    {
        // The strict reading stops at the first duplicate; the loose one lets us see all of them.
        let all = read(masked.as_ref().map_or(&**text, |(text, _)| text), DuplicateKeyPolicy::LastWins);
        let mut planter = Planter { source, text, masked: masked.as_ref(), found: Diagnostics::default() };
        let node = all.ok().map(|raw| planter.plant(raw, None, false));
        if !planter.found.iter().any(|d| d.code == &codes::KEY_TWICE) {
            found.push(fault::diagnose(error, source, text));
        }
        found.extend(planter.found);
        return node;
    }
    match result {
        Ok(raw) => {
            let mut planter = Planter { source, text, masked: masked.as_ref(), found: Diagnostics::default() };
            let node = planter.plant(raw, None, false);
            found.extend(planter.found);
            Some(node)
        }
        Err(error) => {
            found.push(fault::diagnose(&error, source, text));
            None
        }
    }
}

fn options(duplicates: DuplicateKeyPolicy) -> Options {
    serde_saphyr::options! {
        strict_booleans: true,
        reject_unsupported_tags: true,
        with_snippet: false,
        duplicate_keys: duplicates,
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: 100_000, max_replay_stack_depth: 16 },
        budget: serde_saphyr::budget! {
            max_depth: 32,
            flow_nesting_limit: 32,
            max_aliases: 5_000,
            max_anchors: 1_000,
            max_recorded_anchor_events: 200_000,
        },
    }
}

/// A value as the YAML library reads it.
struct Raw(Spanned<RawContent>);

enum RawContent {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    List(Vec<Raw>),
    Map(Vec<(Spanned<String>, Raw)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Spanned::deserialize(deserializer).map(Raw)
    }
}

impl<'de> Deserialize<'de> for RawContent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = RawContent;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<RawContent, E> {
        Ok(RawContent::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<RawContent, E> {
        Ok(RawContent::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<RawContent, E> {
        Ok(i64::try_from(value).map_or(RawContent::Float(value as f64), RawContent::Integer))
    }

    fn visit_f64<E>(self, value: f64) -> Result<RawContent, E> {
        Ok(RawContent::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<RawContent, E> {
        Ok(RawContent::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<RawContent, E> {
        Ok(RawContent::Text(value))
    }

    fn visit_unit<E>(self) -> Result<RawContent, E> {
        Ok(RawContent::Null)
    }

    fn visit_none<E>(self) -> Result<RawContent, E> {
        Ok(RawContent::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<RawContent, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(RawContent::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<RawContent, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(RawContent::Map(entries))
    }
}

/// Makes nodes of raw values and collects what is wrong on the way.
struct Planter<'a> {
    source: SourceId,
    text: &'a str,
    masked: Option<&'a (String, Vec<Range<usize>>)>,
    found: Diagnostics,
}

impl Planter<'_> {
    fn plant(&mut self, raw: Raw, key: Option<Span>, in_braces: bool) -> Node {
        let span = self.span(&raw.0.defined);
        let braces = in_braces || self.text[span.start..].starts_with(['{', '[']);
        let content = match raw.0.value {
            RawContent::Null => Content::Null,
            RawContent::Bool(value) => Content::Bool(value),
            RawContent::Integer(value) => self.number(span, serde_json::Number::from_i128(value.into())),
            RawContent::Float(value) => self.number(span, serde_json::Number::from_f64(value)),
            RawContent::Text(text) => Content::Text(self.scalar(text, span, in_braces)),
            RawContent::List(items) => {
                Content::List(items.into_iter().map(|item| self.plant(item, None, braces)).collect())
            }
            RawContent::Map(entries) => self.map(entries, braces),
        };
        let span = covering(span, &content);
        Node { key, span, content }
    }

    fn map(&mut self, entries: Vec<(Spanned<String>, Raw)>, in_braces: bool) -> Content {
        let mut map = IndexMap::with_capacity(entries.len());
        for (key, value) in entries {
            let place = self.span(&key.defined);
            let node = self.plant(value, Some(place), in_braces);
            let name = self.scalar(key.value, place, in_braces);
            match map.entry(name) {
                Entry::Vacant(vacant) => {
                    vacant.insert(node);
                }
                Entry::Occupied(taken) => {
                    let first: &Node = taken.get();
                    self.found.push(
                        Diagnostic::new(
                            &codes::KEY_TWICE,
                            format!("`{}` stands here for the second time", taken.key()),
                        )
                        .with_span(Some(place))
                        .with_label(first.key, "here for the first time")
                        .with_why("YAML readers keep one of the two without a word; which one differs.")
                        .with_hint("Remove one of the two, or merge them."),
                    );
                }
            }
        }
        Content::Map(map)
    }

    /// A number only if every reader of YAML and JSON reads the same one. An ambiguous one is reported; what stays in
    /// its place makes no second diagnostic.
    fn number(&mut self, span: Span, number: Option<serde_json::Number>) -> Content {
        let written = &self.text[span.start..span.end];
        let plain: Option<serde_json::Number> = serde_json::from_str(written).ok();
        if let (Some(number), Some(plain)) = (&number, plain)
            && number.as_f64() == plain.as_f64()
        {
            return Content::Number(plain);
        }
        self.found.push(
            Diagnostic::new(&codes::NUMBER_AMBIGUOUS, format!("`{written}` is read differently by different programs"))
                .with_span(Some(span))
                .with_why(
                    "Leading zeros, underscores, `0x` and the like change their meaning between YAML 1.1 and 1.2.",
                )
                .with_hint(format!("Write `\"{written}\"` for a text, or plain decimal digits for a number."))
                .with_fix(Some(span), format!("\"{written}\"")),
        );
        match number {
            Some(number) if !written.starts_with('0') => Content::Number(number),
            _ => Content::Text(written.to_owned()),
        }
    }

    fn scalar(&mut self, text: String, span: Span, in_braces: bool) -> String {
        let Some((masked, ranges)) = self.masked else { return text };
        let restored = unmask(text.clone(), span.start..span.end, self.text, masked, ranges);
        if restored != text && in_braces {
            let written = &self.text[span.start..span.end];
            self.found.push(
                Diagnostic::new(&codes::REFERENCE_BARE, format!("`{written}` is understood here, but is not YAML"))
                    .with_span(Some(span))
                    .with_why("Editors and other YAML readers end a plain text at `{` inside braces and brackets.")
                    .with_hint(format!("Write `\"{written}\"`."))
                    .with_fix(Some(span), format!("\"{written}\"")),
            );
        }
        restored
    }

    fn span(&self, location: &Location) -> Span {
        let (start, end) = fault::bytes_of(location, self.text);
        // A block scalar's place ends with its line break; the line before is what a reader sees.
        let seen = self.text[start..end].trim_end_matches(['\n', '\r']).len();
        Span { source: self.source, start, end: start + seen }
    }
}

/// The place of a map or list from its first key or entry to the end of its last.
fn covering(own: Span, content: &Content) -> Span {
    let mut whole: Option<Span> = None;
    let mut add = |node: &Node| {
        for span in node.key.into_iter().chain([node.span]).filter(|span| span.source == own.source) {
            let all = whole.get_or_insert(span);
            *all = Span { source: own.source, start: all.start.min(span.start), end: all.end.max(span.end) };
        }
    };
    match content {
        Content::List(items) => items.iter().for_each(&mut add),
        Content::Map(entries) => entries.values().for_each(&mut add),
        _ => return own,
    }
    whole.unwrap_or(own)
}
