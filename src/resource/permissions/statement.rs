//! One statement of a policy of IAM, and a whole document of them.

use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Actions that are allowed on resources under conditions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Names it within a document: letters and digits, beginning with `Backstay`.
    pub sid: String,
    /// The actions, such as `s3:PutObject`.
    pub actions: BTreeSet<&'static str>,
    /// ARNs, with wildcards.
    pub resources: BTreeSet<String>,
    /// What must hold: values by operator and key.
    pub conditions: BTreeMap<(&'static str, &'static str), Vec<String>>,
}

impl Statement {
    /// A statement without conditions.
    pub fn new(
        sid: &str,
        actions: impl IntoIterator<Item = &'static str>,
        resources: impl IntoIterator<Item = String>,
    ) -> Statement {
        Statement {
            sid: format!("Backstay{sid}"),
            actions: actions.into_iter().collect(),
            resources: resources.into_iter().collect(),
            conditions: BTreeMap::new(),
        }
    }

    /// The same under one more condition.
    #[must_use]
    pub fn when(mut self, operator: &'static str, key: &'static str, values: impl Into<Vec<String>>) -> Statement {
        self.conditions.insert((operator, key), values.into());
        self
    }

    fn value(&self, sid: &str) -> Value {
        let mut out = Map::new();
        out.insert("Sid".to_owned(), json!(sid));
        out.insert("Effect".to_owned(), json!("Allow"));
        out.insert("Action".to_owned(), json!(self.actions));
        out.insert("Resource".to_owned(), json!(self.resources));
        if !self.conditions.is_empty() {
            let mut conditions: BTreeMap<&str, BTreeMap<&str, &Vec<String>>> = BTreeMap::new();
            for ((operator, key), values) in &self.conditions {
                conditions.entry(operator).or_default().insert(key, values);
            }
            out.insert("Condition".to_owned(), json!(conditions));
        }
        Value::Object(out)
    }
}

/// The longest document that IAM takes as a managed policy, in characters that are not white space.
pub const LONGEST_MANAGED_POLICY: usize = 6_144;

/// The document that allows what the statements allow, and nothing else: those that differ in actions only or in
/// resources only become one, so that it stays within the sizes that IAM takes. Order of the input does not matter
/// to what is allowed.
pub fn policy_document(statements: &[Statement]) -> Value {
    document(&merged(statements))
}

/// The same as documents none of which is longer than `limit`, as far as one action on one resource fits into it; one
/// document where that is enough.
pub fn policy_documents(statements: &[Statement], limit: usize) -> Vec<Value> {
    let mut documents = Vec::new();
    let mut current: Vec<Statement> = Vec::new();
    let mut rest: Vec<Statement> = merged(statements);
    rest.reverse();
    while let Some(next) = rest.pop() {
        current.push(next);
        if policy_length(&document(&current)) <= limit {
            continue;
        }
        let Some(over) = current.pop() else { continue };
        match halves(&over).filter(|_| current.is_empty()) {
            Some((first, second)) => rest.extend([second, first]),
            // Nothing is left to cut, so it stands alone.
            None if current.is_empty() => documents.push(document(&[over])),
            None => {
                documents.push(document(&current));
                current.clear();
                rest.push(over);
            }
        }
    }
    if !current.is_empty() || documents.is_empty() {
        documents.push(document(&current));
    }
    documents
}

/// A statement in two that allow the same together.
fn halves(statement: &Statement) -> Option<(Statement, Statement)> {
    let (mut first, mut second) = (statement.clone(), statement.clone());
    if let Some(middle) = statement.resources.iter().nth(statement.resources.len().div_ceil(2)) {
        second.resources = first.resources.split_off(middle);
    } else {
        let middle = statement.actions.iter().nth(statement.actions.len().div_ceil(2))?;
        second.actions = first.actions.split_off(middle);
    }
    Some((first, second))
}

fn merged(statements: &[Statement]) -> Vec<Statement> {
    let mut merged: Vec<Statement> = Vec::new();
    for statement in statements.iter().filter(|s| !s.actions.is_empty() && !s.resources.is_empty()) {
        let same = |s: &&mut Statement| s.resources == statement.resources && s.conditions == statement.conditions;
        match merged.iter_mut().find(same) {
            Some(there) => there.actions.extend(&statement.actions),
            None => merged.push(statement.clone()),
        }
    }
    let mut whole: Vec<Statement> = Vec::new();
    for statement in merged {
        let same = |s: &&mut Statement| s.actions == statement.actions && s.conditions == statement.conditions;
        match whole.iter_mut().find(same) {
            Some(there) => there.resources.extend(statement.resources),
            None => whole.push(statement),
        }
    }
    whole
}

fn document(statements: &[Statement]) -> Value {
    let mut taken: BTreeMap<&str, u32> = BTreeMap::new();
    let values: Vec<Value> = statements
        .iter()
        .map(|statement| {
            let count = taken.entry(&statement.sid).or_default();
            *count += 1;
            let sid = if *count == 1 { statement.sid.clone() } else { format!("{}{count}", statement.sid) };
            statement.value(&sid)
        })
        .collect();
    json!({ "Version": "2012-10-17", "Statement": values })
}

/// The length of a document as IAM counts it: characters that are not white space.
pub fn policy_length(document: &Value) -> usize {
    document.to_string().chars().filter(|c| !c.is_whitespace()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_that_differ_in_one_thing_become_one() {
        let resource = |name: &str| vec![format!("arn:aws:s3:::{name}")];
        let document = policy_document(&[
            Statement::new("Read", ["s3:GetObject"], resource("a/*")),
            Statement::new("Read", ["s3:GetObject"], resource("b/*")),
            Statement::new("Write", ["s3:PutObject"], resource("c/*")),
            Statement::new("Read", ["s3:GetObject"], resource("c/*")),
            Statement::new("Read", ["s3:GetObject"], resource("d/*")).when("Bool", "aws:x", ["true".to_owned()]),
            Statement::new("Nothing", [], resource("e/*")),
        ]);
        let expected = json!({
            "Version": "2012-10-17",
            "Statement": [
                { "Sid": "BackstayRead", "Effect": "Allow", "Action": ["s3:GetObject"],
                  "Resource": ["arn:aws:s3:::a/*", "arn:aws:s3:::b/*"] },
                { "Sid": "BackstayWrite", "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"],
                  "Resource": ["arn:aws:s3:::c/*"] },
                { "Sid": "BackstayRead2", "Effect": "Allow", "Action": ["s3:GetObject"],
                  "Resource": ["arn:aws:s3:::d/*"], "Condition": { "Bool": { "aws:x": ["true"] } } },
            ],
        });
        assert_eq!(document, expected);
        assert_eq!(policy_length(&json!({ "a b": 1 })), 8);
    }

    #[test]
    fn what_is_too_long_for_one_document_is_allowed_by_several() {
        let statements: Vec<Statement> = (0..40)
            .map(|n| {
                let actions = if n % 2 == 0 { vec!["s3:GetObject"] } else { vec!["s3:ListBucket", "s3:PutObject"] };
                Statement::new("Some", actions, (0..n).map(|m| format!("arn:aws:s3:::bucket-{n}-{m}/*")))
            })
            .collect();
        let pairs = |documents: &[Value]| -> BTreeSet<String> {
            let statements = documents.iter().flat_map(|d| d["Statement"].as_array().cloned().unwrap_or_default());
            statements
                .flat_map(|s| {
                    let of = |key: &str| s[key].as_array().cloned().unwrap_or_default();
                    let (actions, resources) = (of("Action"), of("Resource"));
                    actions
                        .into_iter()
                        .flat_map(move |a| resources.clone().into_iter().map(move |r| format!("{a} {r}")))
                })
                .collect()
        };
        let whole = pairs(&[policy_document(&statements)]);
        for limit in [250, 1_000, 6_144, 1_000_000] {
            let documents = policy_documents(&statements, limit);
            assert!(documents.iter().all(|document| policy_length(document) <= limit), "{limit}");
            assert_eq!(pairs(&documents), whole, "{limit}");
        }
        assert_eq!(policy_documents(&statements, 1_000_000).len(), 1);
        assert_eq!(policy_documents(&[], 100).len(), 1);
    }
}
