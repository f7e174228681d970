//! The shape of a policy against its schema.

use super::formats::FORMATS;
use super::schema_errors::Translator;
use crate::diag::Diagnostics;
use crate::policy::schema::schema;
use crate::policy::tree::Node;
use jsonschema::{Draft, Registry, ValidationError, ValidationOptions, Validator};
use serde_json::{Value, json};
use std::sync::OnceLock;

/// The schema as this program uses it, and compiled. It is the same for every policy of a process.
fn compiled() -> &'static (Value, Validator) {
    static COMPILED: OnceLock<(Value, Validator)> = OnceLock::new();
    COMPILED.get_or_init(|| {
        let mut schema = schema();
        strict(&mut schema);
        let mut options = jsonschema::options().should_validate_formats(true).should_ignore_unknown_formats(true);
        for format in FORMATS {
            options = options.with_format(format.keyword, move |text: &str| (format.problem)(text).is_none());
        }
        let validator = by_name(&schema, &options).expect("a schema made from the model is valid; tests compile it");
        (schema, validator)
    })
}

/// Compiles a schema that a shorter one refers to. Of what is given to it the library looks first whether it is a schema,
/// by the rules of its draft, which takes as long as everything else; of this one a test does so once and for all.
fn by_name(schema: &Value, options: &ValidationOptions<'_>) -> Result<Validator, ValidationError<'static>> {
    const NAME: &str = "urn:backstay:policy";
    let registry = Registry::new().add(NAME, schema)?.prepare()?;
    options.clone().with_draft(Draft::Draft4).with_registry(&registry).build(&json!({ "$ref": NAME }))
}

/// The schema that [`check`] judges by.
pub(super) fn schema_in_use() -> &'static Value {
    &compiled().0
}

/// The schema as this program needs it: patterns are for editors where a parser of ours decides, and a merged policy
/// must have every key.
fn strict(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            if map.get("format").and_then(Value::as_str).is_some_and(|format| format.starts_with("backstay-")) {
                map.remove("pattern");
            }
            if let Some(otherwise) = map.get("else").cloned() {
                map.remove("if");
                map.remove("else");
                map.extend(otherwise.as_object().cloned().unwrap_or_default());
            }
            map.values_mut().for_each(strict);
        }
        Value::Array(items) => items.iter_mut().for_each(strict),
        _ => {}
    }
}

/// Every way in which the policy does not have the shape of the schema.
pub(super) fn check(tree: &Node, json: &Value) -> Diagnostics {
    let (schema, validator) = compiled();
    let mut translator = Translator::new(tree, schema);
    for error in validator.iter_errors(json) {
        translator.take(&error);
    }
    translator.finish()
}
