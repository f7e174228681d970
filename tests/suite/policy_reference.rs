//! docs/policy.md and schemas/policy.v1.json are made from the model, and every key stands in a policy that loads.
//! `BLESS=1 cargo test --test suite policy_reference` writes them anew.

use backstay::diag::Sources;
use backstay::policy::{Content, Loaded, Node, load, schema};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const MARK: &str = "<!-- From here on made from the model by `BLESS=1 cargo test --test suite policy_reference`. -->\n";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// One key of the format, merged over the forms that have it.
#[derive(Default)]
struct Key {
    descriptions: Vec<String>,
    forms: Vec<String>,
    kinds: Vec<String>,
    choices: Vec<String>,
    required: bool,
}

#[derive(Default)]
struct Reference {
    order: Vec<String>,
    keys: BTreeMap<String, Key>,
}

impl Reference {
    fn of(schema: &Value) -> Reference {
        let mut reference = Reference::default();
        reference.walk(schema, schema, "", "");
        reference
    }

    fn walk(&mut self, root: &Value, at: &Value, route: &str, form: &str) {
        let at = resolved(root, at);
        for branch in ["oneOf", "anyOf"].iter().filter_map(|key| at.get(key)?.as_array()).flatten() {
            self.walk(root, branch, route, form);
        }
        let word = |key: &str| Some(format!("{key}: {}", at.pointer(&format!("/properties/{key}/const"))?.as_str()?));
        let form = word("type").or_else(|| word("by")).unwrap_or_else(|| form.to_owned());
        let required: Vec<&str> = ["required", "/else/required"]
            .iter()
            .filter_map(|key| at.get(key).or_else(|| at.pointer(key))?.as_array())
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        for (name, property) in at.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let below = if route.is_empty() { name.clone() } else { format!("{route}.{name}") };
            if !self.keys.contains_key(&below) {
                self.order.push(below.clone());
            }
            let key = self.keys.entry(below.clone()).or_default();
            key.required |= required.contains(&name.as_str());
            add(&mut key.forms, &form);
            if let Some(description) = property.get("description").and_then(Value::as_str) {
                add(&mut key.descriptions, description);
            }
            describe(root, property, key);
            self.walk(root, property, &below, "");
        }
        if let Some(entry) = at.get("additionalProperties").filter(|entry| entry.is_object()) {
            let below = format!("{route}.<name>");
            let description = resolved(root, entry).get("description").and_then(Value::as_str);
            if let Some(description) = description.filter(|_| at.get("propertyNames").is_some()) {
                self.order.push(below.clone());
                let key = self.keys.entry(below.clone()).or_default();
                add(&mut key.descriptions, description);
                add(&mut key.kinds, "map");
                key.required = true;
            }
            self.walk(root, entry, &below, &form);
        }
        if let Some(items) = at.get("items") {
            self.walk(root, items, &format!("{route}[]"), &form);
        }
    }
}

fn add(list: &mut Vec<String>, word: &str) {
    if !word.is_empty() && !list.iter().any(|known| known == word) {
        list.push(word.to_owned());
    }
}

fn resolved<'a>(root: &'a Value, at: &'a Value) -> &'a Value {
    match at.get("$ref").and_then(Value::as_str) {
        Some(reference) => root.pointer(reference.trim_start_matches('#')).unwrap(),
        None => at,
    }
}

/// Kinds of value and choices of a property.
fn describe(root: &Value, at: &Value, key: &mut Key) {
    let at = resolved(root, at);
    if let Some(word) = at.get("const") {
        add(&mut key.choices, &word.to_string().replace('"', ""));
        return;
    }
    for branch in ["oneOf", "anyOf"].iter().filter_map(|word| at.get(word)?.as_array()).flatten() {
        describe(root, branch, key);
    }
    let kind = match (at.get("format").and_then(Value::as_str), at.get("type").and_then(Value::as_str)) {
        (Some(format), _) => match format.trim_start_matches("backstay-") {
            "reference" => "text, may hold references".to_owned(),
            "policy-name" => "name".to_owned(),
            other => other.to_owned(),
        },
        (None, Some("object")) => "map".to_owned(),
        (None, Some("array")) => {
            let mut inner = Key::default();
            describe(root, at.get("items").unwrap(), &mut inner);
            inner.choices.iter().for_each(|choice| add(&mut key.choices, choice));
            inner.kinds.push(if inner.choices.is_empty() { String::new() } else { "choice".to_owned() });
            format!(
                "list of {}",
                inner.kinds.iter().filter(|k| !k.is_empty()).cloned().collect::<Vec<_>>().join(" or ")
            )
        }
        (None, Some("string")) => "text".to_owned(),
        (None, Some("integer")) => match (at.get("minimum"), at.get("maximum")) {
            (Some(least), Some(most)) => format!("whole number, {least} to {most}"),
            _ => "whole number".to_owned(),
        },
        (None, Some(other)) => other.to_owned(),
        (None, None) => return,
    };
    add(&mut key.kinds, &kind);
}

/// The good policies as trees; each must load without any problem.
fn good() -> Vec<Node> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(root().join("tests/fixtures/policy/good"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "yaml"))
        .collect();
    paths.sort();
    // `full` shows how things are written; the others only add what it cannot have at once.
    paths.sort_by_key(|path| !path.ends_with("full.yaml"));
    paths.iter().map(|path| tree_of(path)).collect()
}

fn tree_of(path: &Path) -> Node {
    let fetch = |path: &str| std::fs::read(path).map_err(|e| e.to_string());
    let Loaded { document, found, .. } =
        load(&mut Sources::default(), &path.display().to_string(), &std::fs::read(path).unwrap(), &fetch);
    assert!(found.0.is_empty(), "{}: {found:?}", path.display());
    document.unwrap().tree
}

/// Values that stand at a route such as `tiers.<name>.copies[].keep`.
fn values<'a>(node: &'a Node, route: &str) -> Vec<&'a Node> {
    let Some((step, rest)) = split(route) else { return vec![node] };
    let below: Vec<&Node> = match (&node.content, step) {
        (Content::List(items), "[]") => items.iter().collect(),
        (Content::Map(entries), "<name>") => entries.values().collect(),
        (Content::Map(entries), key) => entries.get(key).into_iter().collect(),
        _ => Vec::new(),
    };
    below.into_iter().flat_map(|node| values(node, rest)).collect()
}

fn split(route: &str) -> Option<(&str, &str)> {
    let route = route.trim_start_matches('.');
    if let Some(rest) = route.strip_prefix("[]") {
        return Some(("[]", rest));
    }
    let end = route.find(['.', '[']).unwrap_or(route.len());
    (!route.is_empty()).then(|| route.split_at(end))
}

/// A value on one line, as YAML.
fn flow(node: &Node) -> String {
    match &node.content {
        Content::Map(entries) => {
            let inside: Vec<String> = entries.iter().map(|(key, node)| format!("{key}: {}", flow(node))).collect();
            format!("{{ {} }}", inside.join(", "))
        }
        Content::List(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Content::Text(text) => {
            let plain = |c: char| c.is_ascii_alphanumeric() || "_-/.%+".contains(c);
            let bare = text.chars().all(plain) && text.parse::<f64>().is_err() && !text.is_empty();
            if bare || (text.starts_with("age1") && !text.contains(' ')) { text.clone() } else { format!("{text:?}") }
        }
        _ => node.to_json().to_string(),
    }
}

/// A value as a block of YAML under its key.
fn block(key: &str, node: &Node, indent: usize, out: &mut String) {
    let pad = " ".repeat(indent);
    let line = format!("{pad}{key}: {}", flow(node));
    match &node.content {
        Content::Map(entries) if line.len() > 76 => {
            out.push_str(&format!("{pad}{key}:\n"));
            entries.iter().for_each(|(key, node)| block(key, node, indent + 2, out));
        }
        Content::List(items) if line.len() > 76 => {
            out.push_str(&format!("{pad}{key}:\n"));
            items.iter().for_each(|item| out.push_str(&format!("{pad}  - {}\n", flow(item))));
        }
        _ => out.push_str(&format!("{line}\n")),
    }
}

fn page(reference: &Reference, examples: &[Node]) -> String {
    let mut out = String::new();
    for route in &reference.order {
        let key = &reference.keys[route];
        let (head, level) = if route.contains('.') { ("###", route) } else { ("##", route) };
        out.push_str(&format!("\n{head} `{level}`\n\n"));
        for description in &key.descriptions {
            out.push_str(&format!("{description}\n"));
        }
        out.push_str(&format!(
            "\n- type: {}\n",
            if key.kinds.is_empty() { "choice".to_owned() } else { key.kinds.join(", or ") }
        ));
        if !key.choices.is_empty() {
            let choices: Vec<String> = key.choices.iter().map(|choice| format!("`{choice}`")).collect();
            out.push_str(&format!("- choices: {}\n", choices.join(", ")));
        }
        let default = key.descriptions.iter().find_map(|text| {
            let before = text.split(" unless set").next().filter(|before| before.len() < text.len())?;
            // A dot inside of a path ends no sentence.
            let sentence = before.rsplit("; ").next()?.rsplit(". ").next()?;
            Some(sentence.trim().to_owned())
        });
        let default = match default {
            _ if route.ends_with("<name>") => "none: the name is yours to choose".to_owned(),
            _ if key.required => "none: the key is required".to_owned(),
            Some(default) => default,
            None => "not set".to_owned(),
        };
        out.push_str(&format!("- default: {default}\n"));
        if !key.forms.is_empty() && !route.ends_with(".type") && !route.ends_with(".by") {
            let forms: Vec<String> = key.forms.iter().map(|form| format!("`{form}`")).collect();
            out.push_str(&format!("- for: {}\n", forms.join(", ")));
        }
        let example = examples.iter().flat_map(|tree| values(tree, route)).next();
        if let Some(example) = example {
            let mut text = String::new();
            let name = route.rsplit('.').next().unwrap().trim_end_matches("[]");
            block(if name == "<name>" { "example" } else { name }, example, 0, &mut text);
            out.push_str(&format!("\n```yaml\n{text}```\n"));
        }
    }
    out
}

fn bless_or_compare(path: &str, wanted: &str) {
    let path = root().join(path);
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, wanted).unwrap();
    } else {
        assert!(stored == wanted, "{} is old: run `BLESS=1 cargo test --test suite policy_reference`", path.display());
    }
}

#[test]
fn the_schema_is_in_sync_with_the_model() {
    bless_or_compare("schemas/policy.v1.json", &format!("{:#}\n", schema()));
}

#[test]
fn the_reference_is_in_sync_with_the_model() {
    let stored = std::fs::read_to_string(root().join("docs/policy.md")).unwrap_or_default();
    let introduction = stored.split(MARK).next().unwrap_or_default();
    let wanted = format!("{introduction}{MARK}{}", page(&Reference::of(&schema()), &good()));
    bless_or_compare("docs/policy.md", &wanted);
}

#[test]
fn every_key_has_words_and_stands_in_a_good_policy() {
    let reference = Reference::of(&schema());
    let good = good();
    assert!(reference.order.len() > 150, "{}", reference.order.len());
    for route in &reference.order {
        assert!(!reference.keys[route].descriptions.is_empty(), "`{route}` has no description");
        // What extends others is merged before it is looked at.
        let used = route == "extends" || good.iter().any(|tree| !values(tree, route).is_empty());
        assert!(used, "no good policy has `{route}`");
    }
}

#[test]
fn the_schema_is_a_schema_with_titles() {
    let schema = schema();
    assert!(jsonschema::meta::is_valid(&schema));
    fn titles(at: &Value, path: &str) {
        if let Some(properties) = at.get("properties").and_then(Value::as_object) {
            for (name, property) in properties {
                assert!(property.get("title").is_some(), "{path}/{name} has no title");
                assert!(property.get("description").is_some(), "{path}/{name} has no description");
            }
        }
        match at {
            Value::Object(map) => map.iter().for_each(|(key, value)| titles(value, &format!("{path}/{key}"))),
            Value::Array(items) => items.iter().for_each(|value| titles(value, path)),
            _ => {}
        }
    }
    titles(&schema, "");
    let validator = jsonschema::validator_for(&schema).unwrap();
    for tree in good() {
        let json = tree.to_json();
        let errors: Vec<String> = validator.iter_errors(&json).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");
    }
}
