//! A resource as a flat list of fields, for comparison and for people.

use super::Resource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// One field that becomes different.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FieldChange {
    /// Its name.
    pub field: String,
    /// Its value now, as text.
    pub before: Option<String>,
    /// Its value afterwards, as text.
    pub after: Option<String>,
}

/// The fields of a resource that are set, by dotted name; items of lists are named by their `id` where they have one.
pub fn fields(resource: &Resource) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    // Our own types have text keys only, so they always serialise.
    if let Value::Object(mut object) = serde_json::to_value(resource).unwrap_or_default() {
        object.remove("kind");
        flatten("", &Value::Object(object), &mut found);
    }
    found
}

/// What differs between two resources, field by field.
pub fn differences(before: Option<&Resource>, after: &Resource) -> Vec<FieldChange> {
    let before = before.map(fields).unwrap_or_default();
    let after = fields(after);
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort();
    names.dedup();
    let change = |name: &String| FieldChange {
        field: name.clone(),
        before: before.get(name).cloned(),
        after: after.get(name).cloned(),
    };
    names.into_iter().map(change).filter(|change| change.before != change.after).collect()
}

fn flatten(name: &str, value: &Value, into: &mut BTreeMap<String, String>) {
    let below = |key: &str| if name.is_empty() { key.to_owned() } else { format!("{name}.{key}") };
    match value {
        Value::Null => {}
        Value::Object(object) => object.iter().for_each(|(key, value)| flatten(&below(key), value, into)),
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (index, item) in items.iter().enumerate() {
                let named = ["id", "Sid"].iter().find_map(|key| {
                    let id = item.get(key)?.as_str().filter(|id| !id.is_empty())?;
                    Some((*key, id))
                });
                let Some((key, id)) = named else {
                    flatten(&below(&index.to_string()), item, into);
                    continue;
                };
                // The name says it already.
                let mut rest = item.clone();
                if let Some(object) = rest.as_object_mut() {
                    object.shift_remove(key);
                }
                flatten(&below(id), &rest, into);
            }
        }
        Value::Array(items) => {
            let words: Vec<String> = items.iter().map(text).collect();
            into.insert(name.to_owned(), words.join(", "));
        }
        other => {
            into.insert(name.to_owned(), text(other));
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
