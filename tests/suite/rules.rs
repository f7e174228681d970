//! Every rule of advice: its two fixtures, the examples of policies, and no policy that makes a rule panic.

use backstay::diag::{CODES, Diagnostic, Severity, Sources};
use backstay::policy::{self, RULES, Subject};
use backstay::report::{self, Style};
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Advice on a text as `ID at LINE:COLUMN`, and the texts of it all for messages.
fn advice(name: &str, text: &str) -> (Vec<String>, String) {
    let mut sources = Sources::default();
    let fetch = |path: &str| Err(format!("{path} is not there"));
    let policy::Loaded { document, found, .. } = policy::load(&mut sources, name, text.as_bytes(), &fetch);
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

/// A comment above the line silences advice and says why; errors stay.
#[test]
fn every_advice_can_be_silenced_where_it_stands() {
    for rule in RULES.iter().filter(|rule| rule.code.severity != Severity::Error) {
        let (name, text) = fixture(rule.code.id, "bad");
        let (place, _) = text.split_once('\n').unwrap();
        let line: usize = place.rsplit_once(" at ").and_then(|(_, at)| at.split_once(':')).unwrap().0.parse().unwrap();
        let mut lines: Vec<&str> = text.lines().collect();
        let indent = " ".repeat(lines[line - 1].len() - lines[line - 1].trim_start().len());
        let comment = format!("{indent}# backstay: ignore[{}] as the test wants it", rule.code.id);
        lines.insert(line - 1, &comment);
        let (_, long) = advice(&name, &lines.join("\n"));
        assert!(long.is_empty(), "{name}\n{long}");
    }
}

/// Neither advice on a secret nor any error on the same line shows it.
#[test]
fn a_written_secret_is_never_shown() {
    let (_, bad) = fixture("BS201", "bad");
    let typo = bad.replace("connection:", "conection:");
    let url = "postgresql://app:hunter2@db1.internal/shop";
    let parts = bad.replace(url, "{ password: hunter2, hots: x }");
    let argv =
        bad.replace(url, "${env:URL}\n    hooks: { after_backup: [[notify, --token, hunter2]], befor_backup: [] }");
    for text in [&bad, &typo, &parts, &argv] {
        assert!(text.contains("hunter2"));
        let mut sources = Sources::default();
        let policy::Loaded { document, mut found, .. } =
            policy::load(&mut sources, "a.yaml", text.as_bytes(), &|_| Err(String::new()));
        if let Some(document) = document {
            let desired = policy::resolve(&document, "a.yaml", &sources);
            let now = "2026-11-20T12:00:00Z".parse().unwrap();
            let subject = Subject { document: &document, desired: &desired, sources: &sources, now };
            found.extend(policy::lint(&subject));
        }
        assert!(found.has_errors());
        let human = report::diagnostics(&found, &sources, Style::PLAIN);
        let machine = report::diagnostics_json(&found, &sources);
        assert!(human.contains("*******") && !human.contains("hunter2"), "{human}");
        assert!(!machine.contains("hunter2"), "{machine}");
    }
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

    internet-id.yaml

    ordering-system.yaml

    shiftmanager.yaml
    ");
}
