//! The JSON Schemas of stored files, made from the types that write them.

use super::{DrillBook, Manifest, VerifyRecord};
use schemars::{JsonSchema, schema_for};
use serde_json::{Value, json};

/// The schema of `manifest/<tier>/<database>/<id>.json`: what `schemas/manifest.v1.json` holds.
pub fn manifest_schema() -> Value {
    sealed::<Manifest>("urn:backstay:schema:manifest:1", "Manifest of a backup, format 1")
}

/// The schema of `manifest/<tier>/<database>/<id>.verified.json`: what `schemas/verified.v1.json` holds.
pub fn verified_schema() -> Value {
    sealed::<VerifyRecord>("urn:backstay:schema:verified:1", "Record of a verification, format 1")
}

/// The schema of `manifest/<tier>/<database>/drills.json`: what `schemas/drills.v1.json` holds.
pub fn drills_schema() -> Value {
    sealed::<DrillBook>("urn:backstay:schema:drills:1", "Drills of a database, format 1")
}

/// The schema of a sealed file: the type's own members, and the digest at its end.
fn sealed<T: JsonSchema>(id: &str, title: &str) -> Value {
    let mut schema = schema_for!(T).to_value();
    schema["$id"] = json!(id);
    schema["title"] = json!(title);
    schema["properties"]["sha256"] = json!({
        "description": "SHA-256 of all bytes of the file before the comma that precedes this member.",
        "type": "string",
        "pattern": "^[0-9a-f]{64}$",
    });
    if let Some(required) = schema["required"].as_array_mut() {
        required.push(json!("sha256"));
    }
    schema
}
