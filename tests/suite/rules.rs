//! Every rule of advice: its two fixtures, the examples of policies, and no policy that makes a rule panic.

use backstay::diag::{CODES, Diagnostic, Sources};
use backstay::policy::{self, RULES, Subject};
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Advice on a text as `ID at LINE:COLUMN`, and the texts of it all for messages.
fn advice(name: &str, text: &str) -> (Vec<String>, String) {
    let mut sources = Sources::default();
    let fetch = |path: &str| Err(format!("{path} is not there"));
    let (document, found) = policy::load(&mut sources, name, text.as_bytes(), &fetch);
    let document = document.unwrap_or_else(|| panic!("{name} does not load: {:#?}", found.0));
    let desired = policy::resolve(&document, name, &sources);
    let now = "2026-11-20T12:00:00Z".parse().unwrap();
    let found = policy::lint(&Subject { document: &document, desired: &desired, sources: &sources, now });
    let place = |diagnostic: &Diagnostic| {
        let at = diagnostic.span.map(|span| sources.start(span));
        at.map_or_else(|| "nowhere".to_owned(), |at| format!("{}:{}", at.line, at.column))
    };
    let short = found.iter().map(|d| format!("{} at {}", d.code.id, place(d))).collect();
    let long: Vec<String> =
        found.iter().map(|d| format!("{} at {} {}: {}", d.code.id, place(d), d.code.title, d.detail)).collect();
    (short, long.join("\n"))
}

fn fixture(id: &str, kind: &str) -> (String, String) {
    let folder = root().join("tests/fixtures/policy/rules");
    let fits = |path: &Path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.starts_with(&format!("{id}-")) && name.ends_with(&format!(".{kind}.yaml"))
    };
    let found: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).filter(|p| fits(p)).collect();
    assert_eq!(found.len(), 1, "{id} needs one fixture `{id}-….{kind}.yaml`");
    (found[0].file_name().unwrap().to_string_lossy().into_owned(), std::fs::read_to_string(&found[0]).unwrap())
}

#[test]
fn every_advice_has_a_rule_of_its_own() {
    let advice: Vec<&str> = CODES.iter().map(|code| code.id).filter(|id| id.starts_with("BS2")).collect();
    let rules: Vec<&str> = RULES.iter().map(|rule| rule.code.id).collect();
    assert_eq!(advice, rules);
}

/// The first line of a bad fixture says what it raises and where; it raises that and nothing else.
#[test]
fn every_bad_fixture_raises_its_code_at_its_place() {
    let mut wrong = Vec::new();
    for rule in RULES {
        let (name, text) = fixture(rule.code.id, "bad");
        let expected = text.lines().next().unwrap().trim_start_matches("# ").to_owned();
        let (short, long) = advice(&name, &text);
        if short != [expected.clone()] {
            wrong.push(format!("{name} should raise {expected}, and raises\n{long}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// A good fixture raises nothing at all.
#[test]
fn no_good_fixture_raises_anything() {
    let mut wrong = Vec::new();
    for rule in RULES {
        let (name, text) = fixture(rule.code.id, "good");
        let (_, long) = advice(&name, &text);
        if !long.is_empty() {
            wrong.push(format!("{name} raises\n{long}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Policies as people have them: all are valid, and what is advised on them is known.
#[test]
fn example_policies_are_valid() {
    let folder = root().join("policies");
    let mut told = String::new();
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let (_, long) = advice(&name, &std::fs::read_to_string(&file).unwrap());
        told.push_str(&format!("{name}\n{long}\n"));
    }
    insta::assert_snapshot!(told, @r"
    dorami.yaml

    ftry.yaml
    BS220 at 35:66 older backups take longer than the recovery time objective: backups of `weekly` older than 1d thaw for up to 5h, longer than the 1h promised for `ftry`
    BS230 at 35:66 days of a storage class are paid for nothing: GLACIER bills at least 90 days and the copy stays for 89: 1 day wasted
    BS220 at 39:65 older backups take longer than the recovery time objective: backups of `monthly` older than 1d thaw for up to 12h, longer than the 1h promised for `ftry`
    internet-id.yaml

    ordering.yaml

    shiftmanager.yaml
    ");
}
