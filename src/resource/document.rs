//! Policy documents of AWS, of buckets and of IAM, in one canonical form: AWS stores the same meaning in many spellings
//! and returns another one than it was given.

use serde_json::{Map, Value};

/// The canonical form of a policy document: one item is a list of one, order does not count, numbers and booleans of
/// conditions are text, an account is its twelve digits, actions and condition keys are in lower case, empty lists are
/// gone. Text is read as JSON, percent-encoded or not, as IAM returns it. For comparison only: what is written keeps
/// its own spelling.
///
/// A missing `Version` stays missing: to AWS that means `2008-10-17`, which is not the same as `2012-10-17`.
pub fn canonical_document(document: &Value) -> Value {
    match document {
        Value::String(text) => match parse(text) {
            Some(parsed) => canonical_document(&parsed),
            None => document.clone(),
        },
        Value::Array(items) if items.len() == 1 => canonical_document(&items[0]),
        Value::Object(object) => {
            let mut out = Map::new();
            for (key, value) in sorted(object) {
                let value = match key.as_str() {
                    "Statement" => {
                        let mut statements: Vec<Value> = listed(value).iter().map(canonical_statement).collect();
                        statements.sort_by_key(ToString::to_string);
                        Value::Array(statements)
                    }
                    _ => value.clone(),
                };
                let is_empty = value.as_array().is_some_and(Vec::is_empty) || value.as_str() == Some("");
                if !is_empty {
                    out.insert(key.clone(), value);
                }
            }
            Value::Object(out)
        }
        Value::Null => Value::Object(Map::new()),
        other => other.clone(),
    }
}

/// A document out of its wrapping, in its own spelling: text is read as JSON, percent-encoded or not, and a list of one
/// document is that document. Text that is none stays text.
pub fn parsed_document(document: &Value) -> Value {
    match document {
        Value::String(text) => parse(text).map_or_else(|| document.clone(), |parsed| parsed_document(&parsed)),
        Value::Array(items) if items.len() == 1 => parsed_document(&items[0]),
        other => other.clone(),
    }
}

/// True when two policy documents mean the same.
pub fn same_document(a: &Value, b: &Value) -> bool {
    canonical_document(a) == canonical_document(b)
}

/// The canonical form of one statement.
pub(super) fn canonical_statement(statement: &Value) -> Value {
    let Value::Object(object) = statement else { return statement.clone() };
    let mut out = Map::new();
    for (key, value) in sorted(object) {
        let value = match key.as_str() {
            "Effect" => match value.as_str().map(str::to_ascii_lowercase).as_deref() {
                Some("allow") => Value::from("Allow"),
                Some("deny") => Value::from("Deny"),
                _ => value.clone(),
            },
            "Action" | "NotAction" => words(value, |action| action.to_ascii_lowercase()),
            "Resource" | "NotResource" => words(value, str::to_owned),
            "Principal" | "NotPrincipal" => principal(value),
            "Condition" => condition(value),
            _ => value.clone(),
        };
        let is_empty = match &value {
            Value::Array(items) => items.is_empty(),
            Value::Object(entries) => entries.is_empty(),
            Value::String(text) => text.is_empty(),
            _ => false,
        };
        if !is_empty {
            out.insert(key.clone(), value);
        }
    }
    Value::Object(out)
}

/// The account of `arn:aws:iam::123456789012:root`, which says the same as its number; every other text as it is.
fn account(text: &str) -> String {
    let number = text.strip_suffix(":root").and_then(|rest| rest.strip_prefix("arn:")?.split_once(":iam::"));
    match number {
        Some((_, number)) if number.len() == 12 && number.bytes().all(|b| b.is_ascii_digit()) => number.to_owned(),
        _ => text.to_owned(),
    }
}

fn principal(value: &Value) -> Value {
    let Value::Object(kinds) = value else { return value.clone() };
    let mut out = Map::new();
    for (kind, who) in sorted(kinds) {
        let who = words(who, account);
        if who.as_array().is_some_and(|who| !who.is_empty()) {
            out.insert(kind.clone(), who);
        }
    }
    Value::Object(out)
}

fn condition(value: &Value) -> Value {
    let Value::Object(operators) = value else { return value.clone() };
    let mut out = Map::new();
    for (operator, tests) in sorted(operators) {
        let Value::Object(tests) = tests else {
            out.insert(operator.clone(), tests.clone());
            continue;
        };
        let mut keys: Vec<(String, Value)> =
            tests.iter().map(|(key, values)| (key.to_ascii_lowercase(), words(values, str::to_owned))).collect();
        keys.sort_by(|a, b| a.0.cmp(&b.0));
        if !keys.is_empty() {
            out.insert(operator.clone(), Value::Object(keys.into_iter().collect()));
        }
    }
    Value::Object(out)
}

/// One text or many, as a sorted list without repetition; booleans and numbers become text.
fn words(value: &Value, spell: impl Fn(&str) -> String) -> Value {
    let mut all: Vec<String> = listed(value)
        .iter()
        .map(|item| match item {
            Value::String(text) => spell(text),
            other => other.to_string(),
        })
        .collect();
    all.sort();
    all.dedup();
    Value::from(all)
}

fn listed(value: &Value) -> &[Value] {
    match value {
        Value::Null => &[],
        Value::Array(items) => items,
        one => std::slice::from_ref(one),
    }
}

fn sorted(object: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut entries: Vec<_> = object.iter().collect();
    entries.sort_by_key(|(key, _)| key.as_str());
    entries
}

fn parse(text: &str) -> Option<Value> {
    if text.trim().is_empty() {
        return Some(Value::Object(Map::new()));
    }
    let read = |text: &str| serde_json::from_str::<Value>(text).ok().filter(|value| !value.is_string());
    read(text).or_else(|| read(&percent_decoded(text)?))
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let high = char::from(rest.next()?).to_digit(16)?;
        let low = char::from(rest.next()?).to_digit(16)?;
        bytes.push(u8::try_from(high << 4 | low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;
    use serde_json::json;

    fn document(statement: &Value) -> Value {
        json!({ "Version": "2012-10-17", "Statement": statement })
    }

    #[test]
    fn spellings_of_one_meaning_are_equal() {
        let wanted = document(&json!([{
            "Sid": "A", "Effect": "Deny", "Principal": { "AWS": ["arn:aws:iam::123456789012:root", "arn:aws:iam::210987654321:user/u"] },
            "Action": ["s3:PutObject"], "Resource": ["arn:aws:s3:::b", "arn:aws:s3:::b/*"],
            "Condition": { "Bool": { "aws:SecureTransport": ["false"] }, "NumericLessThan": { "s3:TlsVersion": "1.2" } },
        }]));
        let scalars = document(&json!({
            "Condition": { "NumericLessThan": { "s3:tlsversion": 1.2 }, "Bool": { "aws:SecureTransport": false } },
            "Resource": ["arn:aws:s3:::b/*", "arn:aws:s3:::b"], "Action": "S3:putobject", "Effect": "deny",
            "Principal": { "AWS": ["arn:aws:iam::210987654321:user/u", "123456789012"], "Service": [] }, "Sid": "A",
        }));
        assert!(same_document(&wanted, &scalars));
        assert!(same_document(&wanted, &Value::from(wanted.to_string())), "JSON as text");
        let encoded: String = wanted.to_string().bytes().map(|b| format!("%{b:02X}")).collect();
        assert!(same_document(&wanted, &Value::from(encoded)), "percent-encoded");
        assert!(same_document(&wanted, &json!([wanted])), "a list of one document");
        assert!(same_document(&Value::from(""), &json!({})));
    }

    #[test]
    fn the_order_of_statements_does_not_count() {
        let (a, b) = (json!({ "Sid": "A", "Effect": "Allow" }), json!({ "Sid": "B", "Effect": "Deny" }));
        assert!(same_document(&document(&json!([a, b])), &document(&json!([b, a]))));
    }

    #[test]
    fn different_meanings_stay_different() {
        let base = json!({ "Sid": "A", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/x" });
        for (key, value) in [
            ("Sid", json!("a")),
            ("Effect", json!("Deny")),
            ("Action", json!("s3:Get*")),
            ("Resource", json!("arn:aws:s3:::b/X")),
            ("Principal", json!("*")),
            ("Condition", json!({ "Bool": { "aws:SecureTransport": "false" } })),
        ] {
            let mut other = base.clone();
            other[key] = value;
            assert!(!same_document(&document(&base), &document(&other)), "{key}");
        }
        let unversioned = json!({ "Statement": base });
        assert!(!same_document(&document(&base), &unversioned), "a missing version is the old one");
    }

    #[test]
    fn canonical_once_is_canonical() {
        let once =
            canonical_document(&document(&json!({ "Effect": "allow", "Action": ["B:x", "a:Y"], "Condition": {} })));
        assert_eq!(canonical_document(&once), once);
    }
}
