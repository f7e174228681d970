//! The JSON schema of plans, made from the types.

use super::SavedPlan;
use schemars::schema_for;
use serde_json::{Value, json};

/// The schema of what `plan --json` prints and `plan --out` saves: what `schemas/plan.v1.json` holds.
pub fn plan_schema() -> Value {
    let mut schema = schema_for!(SavedPlan).to_value();
    schema["$id"] = json!("urn:backstay:schema:plan:1");
    schema["title"] = json!("Plans of one run, format 1");
    schema["properties"]["sha256"] = json!({
        "description": "Only in a saved plan: SHA-256 of all bytes of the file before the comma that precedes this member.",
        "type": "string",
        "pattern": "^[0-9a-f]{64}$",
    });
    schema
}
