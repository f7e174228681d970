//! Which of several allowed forms the user meant.
//!
//! A validator only says that none fits, with the errors of each. The form that was meant is the one whose `type`
//! (or `by`) was written, else the one whose kind of value was written, else the one that is nearly right.

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{JsonType, ValidationError};
use serde_json::Value;

type Errors = Vec<ValidationError<'static>>;

/// What the user meant.
pub(super) enum Meant<'e> {
    /// This form, which has these errors.
    Branch(&'e Errors),
    /// One word of several, at this key or at the value itself; the word is none of them.
    Choice {
        /// The key below the value, or `None` for the value itself.
        key: Option<String>,
        /// The words.
        options: Vec<String>,
    },
    /// The key that tells the forms apart is missing.
    Discriminator {
        /// The key.
        key: String,
        /// What it may be.
        options: Vec<String>,
        /// Keys that no form knows.
        unexpected: Vec<String>,
    },
    /// Another kind of value; and where the schema speaks of the text that is allowed, if one is.
    Type(Vec<JsonType>, Option<String>),
}

/// A JSON value as a policy writes it.
pub(super) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Finds the form that was meant for the value at `pointer`.
pub(super) fn meant<'e>(pointer: &str, forms: &'e [Errors]) -> Meant<'e> {
    // Forms that are one word each, or one map for each word of a key.
    if let Some(options) = all(forms, |errors| constant_at(errors, pointer)) {
        return if forms.iter().all(|errors| type_at(errors, pointer).is_some()) {
            Meant::Type(types(pointer, forms), None)
        } else {
            Meant::Choice { key: None, options }
        };
    }
    for key in ["type", "by"] {
        let below = format!("{pointer}/{key}");
        if let Some(options) = all(forms, |errors| constant_at(errors, &below)) {
            return Meant::Choice { key: Some(key.to_owned()), options };
        }
        let mut fitting = forms.iter().filter(|errors| constant_at(errors, &below).is_none());
        if let (Some(only), None) = (fitting.next(), fitting.next()) {
            return Meant::Branch(only);
        }
        if forms.len() > 1 && forms.iter().all(|errors| is_missing(errors, pointer, key)) {
            let unexpected = common_unexpected(pointer, forms);
            return Meant::Discriminator { key: key.to_owned(), options: discriminators(forms, key), unexpected };
        }
    }
    let of_this_kind: Vec<&Errors> = forms.iter().filter(|errors| !other_kind(errors, pointer)).collect();
    match of_this_kind.iter().min_by_key(|errors| weight(errors)) {
        Some(errors) => Meant::Branch(errors),
        None => Meant::Type(types(pointer, forms), text_form(pointer, forms)),
    }
}

fn all(forms: &[Errors], word: impl Fn(&Errors) -> Option<String>) -> Option<Vec<String>> {
    if forms.is_empty() { None } else { forms.iter().map(word).collect() }
}

fn constant_at(errors: &Errors, pointer: &str) -> Option<String> {
    errors.iter().find_map(|error| match error.kind() {
        ValidationErrorKind::Constant { expected_value } if error.instance_path().as_str() == pointer => {
            Some(plain(expected_value))
        }
        _ => None,
    })
}

fn type_at(errors: &Errors, pointer: &str) -> Option<JsonType> {
    errors.iter().find_map(|error| match error.kind() {
        ValidationErrorKind::Type { kind: TypeKind::Single(kind) } if error.instance_path().as_str() == pointer => {
            Some(*kind)
        }
        _ => None,
    })
}

/// True when the form wants another kind of value altogether.
fn other_kind(errors: &Errors, pointer: &str) -> bool {
    errors.iter().any(|error| {
        error.instance_path().as_str() == pointer
            && match error.kind() {
                ValidationErrorKind::Type { .. } => true,
                ValidationErrorKind::OneOfNotValid { context } | ValidationErrorKind::AnyOf { context } => {
                    context.iter().all(|errors| other_kind(errors, pointer))
                }
                _ => false,
            }
    })
}

fn types(pointer: &str, forms: &[Errors]) -> Vec<JsonType> {
    let mut types = Vec::new();
    let mut add = |kind: JsonType| {
        if !types.contains(&kind) {
            types.push(kind);
        }
    };
    for errors in forms {
        for error in errors.iter().filter(|error| error.instance_path().as_str() == pointer) {
            match error.kind() {
                ValidationErrorKind::Type { kind: TypeKind::Single(kind) } => add(*kind),
                ValidationErrorKind::OneOfNotValid { context } | ValidationErrorKind::AnyOf { context } => {
                    self::types(pointer, context).into_iter().for_each(&mut add);
                }
                _ => {}
            }
        }
    }
    types
}

/// Where the schema asks for a text.
fn text_form(pointer: &str, forms: &[Errors]) -> Option<String> {
    let text = |error: &&ValidationError<'_>| {
        matches!(error.kind(), ValidationErrorKind::Type { kind: TypeKind::Single(JsonType::String) })
            && error.instance_path().as_str() == pointer
    };
    forms.iter().flatten().find(text).map(|error| error.schema_path().as_str().to_owned())
}

fn is_missing(errors: &Errors, pointer: &str, key: &str) -> bool {
    errors.iter().any(|error| match error.kind() {
        ValidationErrorKind::Required { property } => {
            error.instance_path().as_str() == pointer && property.as_str() == Some(key)
        }
        _ => false,
    })
}

/// The words of the key, read from where each form stands in the schema: its errors do not say them.
fn discriminators(forms: &[Errors], key: &str) -> Vec<String> {
    let schema = super::shape::schema_in_use();
    let form_of = |errors: &Errors| {
        let missing = errors.iter().find(|error| matches!(error.kind(), ValidationErrorKind::Required { .. }))?;
        let place = missing.schema_path().as_str().rsplit_once('/')?.0;
        schema.pointer(place)?.pointer(&format!("/properties/{key}/const")).map(plain)
    };
    forms.iter().filter_map(form_of).collect()
}

fn common_unexpected(pointer: &str, forms: &[Errors]) -> Vec<String> {
    let of = |errors: &Errors| -> Vec<String> {
        errors
            .iter()
            .filter(|error| error.instance_path().as_str() == pointer)
            .find_map(|error| match error.kind() {
                ValidationErrorKind::AdditionalProperties { unexpected } => Some(unexpected.clone()),
                _ => None,
            })
            .unwrap_or_default()
    };
    let mut common = forms.first().map(of).unwrap_or_default();
    for errors in forms {
        let unexpected = of(errors);
        common.retain(|key| unexpected.contains(key));
    }
    common
}

/// How far from right a form is.
fn weight(errors: &Errors) -> usize {
    errors
        .iter()
        .map(|error| match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected } => unexpected.len(),
            ValidationErrorKind::OneOfNotValid { context } | ValidationErrorKind::AnyOf { context } => {
                1 + context.iter().map(weight).min().unwrap_or(0)
            }
            _ => 1,
        })
        .sum()
}
