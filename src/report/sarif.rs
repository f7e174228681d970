//! A review or a plan as SARIF 2.1.0, as code scanning takes it.

use super::remark::{Remark, Remarks, of_plans, of_review};
use crate::base::Sha256;
use crate::diag::{Code, Severity};
use crate::plan::Plan;
use crate::review::{Place, Review};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Code scanning takes 25,000 results of a run and shows 5,000.
const MOST_RESULTS: usize = 5_000;
/// So many databases of a finding are named.
const DATABASES: usize = 12;

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// A review as one JSON document, ending with a line feed.
pub fn review_sarif(review: &Review) -> String {
    log(of_review(review))
}

/// Plans as one JSON document, ending with a line feed.
pub fn plan_sarif(plans: &[&Plan]) -> String {
    log(of_plans(plans))
}

fn log(remarks: Remarks<'_>) -> String {
    let Remarks { mut all, command } = remarks;
    all.sort_by_key(|remark| std::cmp::Reverse(remark.code.severity));
    let left_out = all.len().saturating_sub(MOST_RESULTS);
    all.truncate(MOST_RESULTS);
    let mut codes: BTreeMap<&str, &Code> = BTreeMap::new();
    for remark in &all {
        codes.insert(remark.code.id, remark.code);
    }
    let index: BTreeMap<&str, usize> = codes.keys().enumerate().map(|(index, id)| (*id, index)).collect();
    let results: Vec<Value> = all.iter().map(|remark| result(remark, &index)).collect();
    let mut notices = Vec::new();
    if left_out > 0 {
        let text = format!("{left_out} more findings; `{command}` has them all");
        notices.push(json!({ "level": "warning", "message": { "text": text } }));
    }
    let log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "backstay",
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": codes.values().map(|code| rule(code)).collect::<Vec<_>>(),
            } },
            "columnKind": "unicodeCodePoints",
            "invocations": [{ "executionSuccessful": true, "toolExecutionNotifications": notices }],
            "results": results,
        }],
    });
    // Values hold only texts and numbers, which JSON can always say.
    serde_json::to_string_pretty(&log).unwrap_or_default() + "\n"
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

fn rule(code: &Code) -> Value {
    let help = format!("`backstay explain {}` says what it means and what to do.", code.id);
    json!({
        "id": code.id,
        "name": name(code.title),
        "shortDescription": { "text": sentence(code.title) },
        "fullDescription": { "text": sentence(code.title) },
        "help": { "text": help, "markdown": help },
        "defaultConfiguration": { "level": level(code.severity) },
        "properties": { "tags": ["recoverability"] },
    })
}

/// `a tier writes one copy less` as `ATierWritesOneCopyLess`.
fn name(title: &str) -> String {
    let words = title.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(|word| word[..1].to_ascii_uppercase() + &word[1..]).collect()
}

fn sentence(title: &str) -> String {
    let mut letters = title.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

fn result(remark: &Remark<'_>, index: &BTreeMap<&str, usize>) -> Value {
    let mut message = remark.headline.clone();
    if let Some((before, after)) = remark.change {
        message.push_str(&format!(" ({before} → {after})"));
    }
    if let Some(databases) = remark.databases(DATABASES) {
        message.push_str(&format!(", of {databases}"));
    }
    let location = match (remark.place, remark.file) {
        (Some(at), _) => Some(physical(&at.file, region(at))),
        (None, Some(file)) => Some(physical(file, json!({ "startLine": 1 }))),
        (None, None) => None,
    };
    let mut location = location.unwrap_or_else(|| json!({}));
    if !remark.path.is_empty() {
        location["logicalLocations"] = json!([{ "fullyQualifiedName": remark.path }]);
    }
    json!({
        "ruleId": remark.code.id,
        "ruleIndex": index.get(remark.code.id).copied().unwrap_or_default(),
        "level": level(remark.code.severity),
        "message": { "text": message },
        "locations": [location],
        // The same remark in the next run, wherever its line has moved.
        "partialFingerprints": { "backstayFinding/v1": Sha256::of(remark.identity.as_bytes()).to_string() },
    })
}

fn physical(file: &str, region: Value) -> Value {
    json!({ "physicalLocation": { "artifactLocation": { "uri": uri(file) }, "region": region } })
}

fn region(at: &Place) -> Value {
    json!({
        "startLine": at.start.line,
        "startColumn": at.start.column,
        "endLine": at.end.line,
        "endColumn": at.end.column.max(at.start.column),
    })
}

/// A path as a relative reference.
fn uri(path: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/".contains(&b);
    let mut out = String::new();
    for byte in path.strip_prefix("./").unwrap_or(path).bytes() {
        if plain(byte) { out.push(char::from(byte)) } else { out.push_str(&format!("%{byte:02X}")) }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_names_have_the_form_that_sarif_asks_for() {
        assert_eq!(uri("./a b/ä#.yaml"), "a%20b/%C3%A4%23.yaml");
        assert_eq!(name("a tier writes one copy less"), "ATierWritesOneCopyLess");
        assert_eq!(sentence("a tier"), "A tier.");
    }
}
