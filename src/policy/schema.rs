//! The JSON schema of the policy format, made from the model.

use super::model::Policy;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

/// The schema, draft 2020-12, as it stands in schemas/policy.v1.json.
pub fn schema() -> Value {
    let root = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Policy>();
    let mut root = root.to_value();
    tidy(&mut root);
    if let Value::Object(root) = &mut root {
        root.insert("$id".to_owned(), json!("urn:backstay:schema:policy:1"));
        root.insert("title".to_owned(), json!("backstay policy"));
        relax_overlays(root);
    }
    root
}

/// A file that extends others need not repeat what they say.
fn relax_overlays(root: &mut Map<String, Value>) {
    if let Some(required) = root.remove("required") {
        root.insert("if".to_owned(), json!({ "required": ["extends"] }));
        root.insert("else".to_owned(), json!({ "required": required }));
    }
}

/// Walks the whole schema: no `null` beside optional values, no integer formats that only Rust knows, and a title on
/// every key.
fn tidy(schema: &mut Value) {
    let Value::Object(map) = schema else { return };
    without_null(map);
    if map.get("format").and_then(Value::as_str).is_some_and(|format| !format.starts_with("backstay-")) {
        map.remove("format");
    }
    if map.get("default").is_some_and(|default| *default == json!({}) || *default == json!([])) {
        map.remove("default");
    }
    for (key, value) in map.iter_mut() {
        match (key.as_str(), value) {
            ("properties", Value::Object(properties)) => {
                for (name, property) in properties {
                    tidy(property);
                    if let Value::Object(property) = property {
                        entitle(name, property);
                    }
                }
            }
            ("$defs", Value::Object(definitions)) => definitions.values_mut().for_each(tidy),
            ("oneOf" | "anyOf" | "allOf", Value::Array(branches)) => branches.iter_mut().for_each(tidy),
            ("items" | "additionalProperties" | "propertyNames", value) => tidy(value),
            _ => {}
        }
    }
}

/// In YAML a key without a value is a mistake, not a way to leave it out.
fn without_null(map: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = map.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            map.insert("type".to_owned(), only);
        }
    }
    let Some(Value::Array(branches)) = map.get_mut("anyOf") else { return };
    branches.retain(|branch| *branch != json!({ "type": "null" }));
    if let [Value::Object(only)] = branches.as_slice() {
        let only = only.clone();
        map.remove("anyOf");
        for (key, value) in only {
            map.entry(key).or_insert(value);
        }
    }
}

fn entitle(name: &str, property: &mut Map<String, Value>) {
    let mut title = name.replace('_', " ");
    if let Some(first) = title.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    property.insert("title".to_owned(), Value::String(title));
    if property.get("const").is_some() && !property.contains_key("description") {
        property.insert("description".to_owned(), json!("Which kind it is."));
    }
}
