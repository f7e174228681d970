//! What the schema validator says, in our own words and at the right place.

use super::branch;
use super::class_names::class_meant;
use super::formats::{self, FORMATS};
use super::words::{either, kind};
use crate::diag::{Diagnostic, Diagnostics, codes, nearest};
use crate::policy::route::Route;
use crate::policy::tree::{Content, Node};
use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{JsonType, ValidationError};
use serde_json::Value;

const SCHEDULE: &str = "backstay-schedule";

/// Collects errors of the validator; unknown and missing keys of one map are told together.
pub(super) struct Translator<'a> {
    tree: &'a Node,
    schema: &'a Value,
    found: Diagnostics,
    unknown: Vec<UnknownKey>,
    missing: Vec<(Route, String)>,
}

struct UnknownKey {
    map: Route,
    key: String,
    allowed: Vec<String>,
}

impl<'a> Translator<'a> {
    pub(super) fn new(tree: &'a Node, schema: &'a Value) -> Translator<'a> {
        Translator { tree, schema, found: Diagnostics::default(), unknown: Vec::new(), missing: Vec::new() }
    }

    /// Takes one error in.
    pub(super) fn take(&mut self, error: &ValidationError<'_>) {
        let route = self.route(error.instance_path().as_str());
        match error.kind() {
            ValidationErrorKind::Required { property } => {
                self.missing.push((route, property.as_str().unwrap_or_default().to_owned()));
            }
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                let allowed = self.keys_beside(error.schema_path().as_str());
                for key in unexpected {
                    self.unknown.push(UnknownKey { map: route.clone(), key: key.clone(), allowed: allowed.clone() });
                }
            }
            ValidationErrorKind::OneOfNotValid { context } | ValidationErrorKind::AnyOf { context } => {
                self.union(&route, error.instance_path().as_str(), context);
            }
            ValidationErrorKind::PropertyNames { error } => self.name(&route, error),
            ValidationErrorKind::Type { kind: TypeKind::Single(expected) } => {
                let format = self.beside(error.schema_path().as_str(), "format").and_then(Value::as_str);
                self.wrong_type(&route, &[*expected], format);
            }
            ValidationErrorKind::Type { .. } => self.wrong_type(&route, &[], None),
            ValidationErrorKind::Constant { .. } if route == Route::of(["version"]) => {
                let version = error.instance().to_string();
                self.say(
                    &route,
                    Diagnostic::new(
                        &codes::VERSION_UNSUPPORTED,
                        format!("this program knows version 1, not {version}"),
                    )
                    .with_hint("Write `version: 1`."),
                );
            }
            ValidationErrorKind::Constant { expected_value } => {
                self.choice(&route, &[branch::plain(expected_value)]);
            }
            ValidationErrorKind::Enum { options } => {
                let options: Vec<String> = options.as_array().into_iter().flatten().map(branch::plain).collect();
                self.choice(&route, &options);
            }
            ValidationErrorKind::Format { format } => self.format(&route, format, error.instance()),
            kind => self.bound(&route, kind),
        }
    }

    /// Every diagnostic, unknown keys matched with missing ones.
    pub(super) fn finish(mut self) -> Diagnostics {
        for UnknownKey { map, key, allowed } in std::mem::take(&mut self.unknown) {
            let present = self.tree.at(&map).and_then(Node::entries);
            let free = allowed.iter().map(String::as_str).filter(|k| present.is_none_or(|p| !p.contains_key(*k)));
            let meant = nearest(&key, free).map(str::to_owned);
            let route = map.key(&key);
            let place = self.tree.at(&route).and_then(|node| node.key);
            let whose = if map.steps().is_empty() { "at the top".to_owned() } else { format!("in `{map}`") };
            let mut diagnostic = Diagnostic::new(&codes::KEY_UNKNOWN, format!("`{key}` {whose}"))
                .with_path(route.to_string())
                .with_span(place);
            diagnostic = match &meant {
                Some(meant) => {
                    self.missing.retain(|(route, missing)| *route != map || missing != meant);
                    diagnostic.with_hint(format!("Did you mean `{meant}`?")).with_fix(place, meant)
                }
                None if allowed.is_empty() => diagnostic.with_hint("Remove it: nothing can be set here."),
                None => diagnostic.with_hint(format!("Known here: {}.", either(&allowed).replace(" or ", ", "))),
            };
            self.found.push(diagnostic);
        }
        for (map, key) in std::mem::take(&mut self.missing) {
            let whose = if map.steps().is_empty() { "the policy".to_owned() } else { format!("`{map}`") };
            self.say(
                &map,
                Diagnostic::new(&codes::KEY_ABSENT, format!("{whose} needs `{key}`"))
                    .with_hint(format!("Add `{key}`; `backstay explain {}` says what it means.", map.key(&key))),
            );
        }
        self.found
    }

    fn say(&mut self, route: &Route, diagnostic: Diagnostic) {
        let place =
            self.tree.at(route).map(|node| if route.steps().is_empty() { first_key(node) } else { node.place() });
        self.found.push(diagnostic.with_path(route.to_string()).with_span(place));
    }

    /// Several forms are allowed and the value has none of them: speak of the form that was meant.
    fn union(&mut self, route: &Route, pointer: &str, context: &[Vec<ValidationError<'static>>]) {
        match branch::meant(pointer, context) {
            branch::Meant::Branch(errors) => errors.iter().for_each(|error| self.take(error)),
            branch::Meant::Choice { key, options } => {
                let route = key.map_or_else(|| route.clone(), |key| route.key(&key));
                self.choice(&route, &options);
            }
            branch::Meant::Discriminator { key, options, unexpected } => {
                let typo = unexpected.iter().find(|unknown| nearest(unknown, [key.as_str()]).is_some());
                match typo {
                    Some(typo) => {
                        self.unknown.push(UnknownKey { map: route.clone(), key: typo.clone(), allowed: vec![key] });
                    }
                    None => self.say(
                        route,
                        Diagnostic::new(&codes::KEY_ABSENT, format!("`{route}` needs `{key}`"))
                            .with_hint(format!("Add `{key}`: {}.", either(&options))),
                    ),
                }
            }
            branch::Meant::Type(expected, text) => {
                let format = text.and_then(|text| self.beside(&text, "format")).and_then(Value::as_str);
                self.wrong_type(route, &expected, format);
            }
        }
    }

    fn name(&mut self, map: &Route, error: &ValidationError<'_>) {
        let key = error.instance().as_str().unwrap_or_default().to_owned();
        let detail = match error.kind() {
            ValidationErrorKind::Format { format } => problem(format, &key).map(|(_, detail)| detail),
            _ => None,
        };
        let route = map.key(&key);
        self.found.push(
            Diagnostic::new(&codes::NAME_INVALID, detail.unwrap_or_else(|| format!("`{key}`")))
                .with_path(route.to_string())
                .with_span(self.tree.at(&route).and_then(|node| node.key)),
        );
    }

    fn wrong_type(&mut self, route: &Route, expected: &[JsonType], format: Option<&str>) {
        let Some(node) = self.tree.at(route) else { return };
        let wanted: Vec<&str> = expected.iter().map(|kind| type_name(*kind, format)).collect();
        let wanted = if wanted.is_empty() { "something else".to_owned() } else { wanted.join(" or ") };
        let subject = if route.steps().is_empty() { "the policy".to_owned() } else { format!("`{route}`") };
        let mut diagnostic = match node.content {
            Content::Null => {
                Diagnostic::new(&codes::TYPE_WRONG, format!("{subject} has no value, and must be {wanted}"))
                    .with_hint("Give it a value, or remove the key.")
            }
            _ => Diagnostic::new(&codes::TYPE_WRONG, format!("{subject} is {}, and must be {wanted}", kind(node))),
        };
        match &node.content {
            Content::Text(text) if expected.contains(&JsonType::Boolean) => {
                let meant = match text.to_ascii_lowercase().as_str() {
                    "yes" | "on" | "y" | "true" | "1" => Some("true"),
                    "no" | "off" | "n" | "false" | "0" => Some("false"),
                    _ => None,
                };
                if let Some(meant) = meant {
                    diagnostic = diagnostic.with_hint(format!("Write `{meant}`.")).with_fix(Some(node.span), meant);
                }
            }
            Content::Number(number) if format == Some("backstay-duration") => {
                diagnostic = diagnostic.with_hint(format!("Add a unit: `{number}d` for days, `{number}h` for hours."));
            }
            Content::Number(number) if format == Some("backstay-share") => {
                diagnostic =
                    diagnostic.with_hint(format!("Write `{number}%`.")).with_fix(Some(node.span), format!("{number}%"));
            }
            Content::Number(number) if format == Some("backstay-size") => {
                diagnostic = diagnostic.with_hint(format!("Add a unit: `{number}MiB`, `{number}GiB`."));
            }
            Content::Number(_) | Content::Bool(_) if expected == [JsonType::String] && format != Some(SCHEDULE) => {
                let json = node.to_json();
                diagnostic = diagnostic
                    .with_hint(format!("Write `\"{json}\"`, in quotes."))
                    .with_fix(Some(node.span), format!("\"{json}\""));
            }
            Content::Text(text) if expected.contains(&JsonType::Integer) && text.parse::<i64>().is_ok() => {
                diagnostic = diagnostic.with_hint("Write the number without quotes.").with_fix(Some(node.span), text);
            }
            Content::Text(_) | Content::Number(_) if expected == [JsonType::Array] => {
                diagnostic = diagnostic.with_hint("Write it as a list: put it between `[` and `]`.");
            }
            _ => {}
        }
        self.say(route, diagnostic);
    }

    fn choice(&mut self, route: &Route, options: &[String]) {
        let Some(node) = self.tree.at(route) else { return };
        let Some(text) = node.text() else {
            let subject = kind(node);
            let detail = format!("`{route}` is {subject}, and must be {}", either(options));
            return self.say(route, Diagnostic::new(&codes::TYPE_WRONG, detail));
        };
        let mut diagnostic = Diagnostic::new(&codes::CHOICE_UNKNOWN, format!("`{text}` for `{route}`"));
        let near = || nearest(text, options.iter().map(String::as_str));
        let meant = class_meant(text).filter(|class| options.iter().any(|option| option == class)).or_else(near);
        diagnostic = match meant {
            Some(meant) => diagnostic
                .with_hint(format!("Did you mean `{meant}`? Possible: {}.", either(options)))
                .with_fix(Some(node.span), meant),
            None => diagnostic.with_hint(format!("Write {}.", either(options))),
        };
        self.say(route, diagnostic);
    }

    fn format(&mut self, route: &Route, format: &str, instance: &Value) {
        let text = instance.as_str().unwrap_or_default();
        let Some((code, detail)) = problem(format, text) else { return };
        let mut diagnostic = Diagnostic::new(code, detail);
        diagnostic.hint = formats::hint(code, text);
        self.say(route, diagnostic);
    }

    fn bound(&mut self, route: &Route, kind: &ValidationErrorKind) {
        let (code, what) = match kind {
            ValidationErrorKind::Minimum { limit } => (&codes::OUT_OF_RANGE, format!("must be at least {limit}")),
            ValidationErrorKind::Maximum { limit } => (&codes::OUT_OF_RANGE, format!("must be at most {limit}")),
            ValidationErrorKind::MinItems { limit } => (&codes::OUT_OF_RANGE, format!("needs at least {limit} entry")),
            ValidationErrorKind::MinProperties { limit } => {
                (&codes::OUT_OF_RANGE, format!("needs at least {limit} key"))
            }
            ValidationErrorKind::MinLength { .. } => (&codes::OUT_OF_RANGE, "must not be empty".to_owned()),
            ValidationErrorKind::MaxLength { limit } => {
                (&codes::OUT_OF_RANGE, format!("must have at most {limit} characters"))
            }
            ValidationErrorKind::Pattern { pattern } => (&codes::FORM_INVALID, format!("must match `{pattern}`")),
            other => (&codes::FORM_INVALID, format!("breaks the rule `{}` of the schema", other.keyword())),
        };
        self.say(route, Diagnostic::new(code, format!("`{route}` {what}")));
    }

    /// A JSON pointer as a route; the tree says which digits are list entries.
    fn route(&self, pointer: &str) -> Route {
        pointer.split('/').skip(1).fold(Route::top(), |route, part| {
            let key = part.replace("~1", "/").replace("~0", "~");
            let in_list = self.tree.at(&route).is_some_and(|node| node.items().is_some());
            match key.parse() {
                Ok(index) if in_list => route.index(index),
                _ => route.key(&key),
            }
        })
    }

    /// The keys that stand beside `additionalProperties` at a place of the schema.
    fn keys_beside(&self, pointer: &str) -> Vec<String> {
        let properties = self.beside(pointer, "properties").and_then(Value::as_object);
        properties.map(|properties| properties.keys().cloned().collect()).unwrap_or_default()
    }

    /// Another keyword beside the one at a place of the schema.
    fn beside(&self, pointer: &str, keyword: &str) -> Option<&'a Value> {
        let (parent, _) = pointer.rsplit_once('/')?;
        self.schema.pointer(parent)?.get(keyword)
    }
}

fn first_key(node: &Node) -> crate::diag::Span {
    node.entries().and_then(|entries| entries.values().find_map(|entry| entry.key)).unwrap_or(node.span)
}

fn problem(format: &str, text: &str) -> Option<(&'static crate::diag::Code, String)> {
    let format = FORMATS.iter().find(|known| known.keyword == format)?;
    (format.problem)(text).map(|detail| (format.code, detail))
}

fn type_name(kind: JsonType, format: Option<&str>) -> &'static str {
    match kind {
        JsonType::String if format == Some("backstay-duration") => "a duration",
        JsonType::String if format == Some("backstay-size") => "a size",
        JsonType::String if format == Some("backstay-share") => "a share",
        JsonType::String if format == Some(SCHEDULE) => "a schedule",
        JsonType::Array => "a list",
        JsonType::Boolean => "`true` or `false`",
        JsonType::Integer => "a whole number",
        JsonType::Null => "nothing",
        JsonType::Number => "a number",
        JsonType::Object => "a map",
        JsonType::String => "a text",
    }
}
