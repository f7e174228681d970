//! Documents of statements that are written as a whole: what of them is ours, what stays, what a change lets in.

use super::document::{canonical_statement, parsed_document};
use serde_json::{Value, json};

/// The statements of a document, one or many, in their own spelling.
pub(super) fn statements(document: &Value) -> Vec<Value> {
    match document.get("Statement") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(statements)) => statements.clone(),
        Some(one) => vec![one.clone()],
    }
}

fn sid(statement: &Value) -> Option<&str> {
    statement.get("Sid").and_then(Value::as_str)
}

/// The parts of two documents put together.
pub(super) struct Joined {
    /// What was found, with the spelling of what is wanted where both mean the same.
    pub(super) before: Vec<Value>,
    /// What is found and not ours, unchanged and in its order, then what is wanted.
    pub(super) after: Vec<Value>,
    /// What is not ours and stays, for people.
    pub(super) kept: Vec<String>,
    /// Something is allowed that was not, or is denied no longer.
    pub(super) lets_in: bool,
}

/// Puts ours into what was found. `is_ours` says it of a statement's `Sid`.
pub(super) fn join(wanted: &[Value], found: &[Value], is_ours: impl Fn(&str) -> bool) -> Joined {
    let same = |a: &Value, b: &Value| canonical_statement(a) == canonical_statement(b);
    let is_foreign = |statement: &&Value| !sid(statement).is_some_and(&is_ours);
    let spelled = |statement: &Value| wanted.iter().find(|ours| same(ours, statement)).unwrap_or(statement).clone();
    let foreign: Vec<Value> = found.iter().filter(is_foreign).cloned().collect();
    let (mut before_ours, before_foreign): (Vec<Value>, Vec<Value>) =
        found.iter().map(spelled).partition(|statement| !is_foreign(&statement));
    // Ours are compared in the order of what is wanted; AWS keeps none.
    before_ours.sort_by_key(|statement| wanted.iter().position(|ours| ours == statement).unwrap_or(usize::MAX));
    let is_new = |statement: &&Value| !found.iter().any(|there| same(there, statement));
    let is_gone = |statement: &&Value| !wanted.iter().any(|ours| same(ours, statement));
    let effect = |statement: &Value| statement.get("Effect").and_then(Value::as_str).unwrap_or_default().to_lowercase();
    let allows = wanted.iter().filter(is_new).any(|statement| effect(statement) == "allow");
    let ours_found = found.iter().filter(|statement| !is_foreign(statement));
    let undenies = ours_found.filter(is_gone).any(|statement| effect(statement) == "deny");
    let describe = |(index, statement): (usize, &Value)| {
        format!("statement {}", sid(statement).map_or_else(|| format!("number {}", index + 1), str::to_owned))
    };
    Joined {
        before: before_foreign.into_iter().chain(before_ours).collect(),
        kept: foreign.iter().enumerate().map(describe).collect(),
        after: foreign.into_iter().chain(wanted.iter().cloned()).collect(),
        lets_in: allows || undenies,
    }
}

/// A document of IAM with our statements in it.
pub(super) struct JoinedDocument {
    /// What was found, with the spelling of what is wanted where both mean the same.
    pub(super) before: Option<Value>,
    /// What is written: everybody's statements in their own spelling.
    pub(super) after: Value,
    /// See [`Joined::kept`].
    pub(super) kept: Vec<String>,
    /// See [`Joined::lets_in`]; never so for a document that was not there.
    pub(super) lets_in: bool,
}

/// Puts our statements into a document of IAM: those whose `Sid` begins with `Backstay` are ours.
pub(super) fn join_documents(wanted: &Value, found: Option<&Value>) -> JoinedDocument {
    let Some(found) = found.map(parsed_document) else {
        return JoinedDocument { before: None, after: wanted.clone(), kept: Vec::new(), lets_in: false };
    };
    let joined = join(&statements(wanted), &statements(&found), |sid| sid.starts_with("Backstay"));
    let with = |statements: Vec<Value>| {
        let mut document = if found.is_object() { found.clone() } else { json!({}) };
        document["Statement"] = Value::Array(statements);
        document
    };
    let mut after = with(joined.after);
    // Another version gives variables in the statements of others another meaning; ours have none.
    if joined.kept.is_empty() {
        after["Version"] = json!("2012-10-17");
    }
    JoinedDocument { before: Some(with(joined.before)), after, kept: joined.kept, lets_in: joined.lets_in }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(sid: &str, effect: &str, action: &str) -> Value {
        json!({ "Sid": sid, "Effect": effect, "Action": [action] })
    }

    fn joined(wanted: &[Value], found: &[Value]) -> Joined {
        join(wanted, found, |sid| sid.starts_with("Ours"))
    }

    #[test]
    fn what_is_not_ours_stays_as_it_came_and_in_its_order() {
        let theirs = [json!({ "Effect": "Allow", "New": 1, "Action": "S3:GetObject" }), statement("B", "Deny", "x:y")];
        let ours = [statement("OursA", "Deny", "s3:PutObject")];
        let found = [theirs[0].clone(), statement("OursOld", "Allow", "a:b"), theirs[1].clone()];
        let joined = joined(&ours, &found);
        assert_eq!(joined.after, [theirs[0].clone(), theirs[1].clone(), ours[0].clone()]);
        assert_eq!(joined.kept, ["statement number 1", "statement B"]);
    }

    #[test]
    fn another_spelling_of_ours_is_no_difference() {
        let ours = [statement("OursA", "Deny", "s3:PutObject"), statement("OursB", "Deny", "s3:GetObject")];
        let respelled = |sid: &str, action: &str| json!({ "Action": action, "Effect": "deny", "Sid": sid });
        let found = [respelled("OursB", "S3:GetObject"), respelled("OursA", "s3:putobject")];
        let joined = joined(&ours, &found);
        assert_eq!(joined.before, joined.after);
        assert!(!joined.lets_in);
    }

    #[test]
    fn a_new_permission_and_a_denial_that_goes_let_in() {
        let (deny, allow) = (statement("OursD", "Deny", "a:b"), statement("OursA", "allow", "a:b"));
        let theirs = statement("T", "Deny", "a:b");
        let lets_in = |wanted: &[&Value], found: &[&Value]| {
            let own = |all: &[&Value]| all.iter().map(|one| (*one).clone()).collect::<Vec<_>>();
            joined(&own(wanted), &own(found)).lets_in
        };
        assert!(lets_in(&[&allow], &[]));
        assert!(lets_in(&[], &[&deny]));
        assert!(!lets_in(&[&deny], &[]));
        assert!(!lets_in(&[], &[&allow]));
        assert!(!lets_in(&[&deny, &allow], &[&allow, &deny, &theirs]));
    }

    #[test]
    fn documents_keep_what_else_they_say() {
        let wanted = json!({ "Version": "2012-10-17", "Statement": [statement("BackstayA", "Allow", "s3:GetObject")] });
        let theirs = statement("Theirs", "Allow", "sqs:SendMessage");
        let found = json!({ "Version": "2008-10-17", "Id": "x", "Statement": theirs });
        let joined = join_documents(&wanted, Some(&Value::from(found.to_string())));
        let expected = json!({
            "Version": "2008-10-17", "Id": "x", "Statement": [theirs, statement("BackstayA", "Allow", "s3:GetObject")],
        });
        assert_eq!(joined.after, expected, "their version, and everybody's spelling");
        assert!(joined.lets_in);
        // A document that is ours alone gets our version.
        let old = json!({ "Statement": wanted["Statement"] });
        assert_eq!(join_documents(&wanted, Some(&old)).after["Version"], "2012-10-17");
        assert!(!join_documents(&wanted, None).lets_in, "there was nobody");
    }
}
