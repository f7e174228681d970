//! How a review is said: each format by a snapshot, its limits, and what hostile texts can do to it.

use crate::review_meaning::BASE;
use crate::support::sides;
use backstay::report::{
    Style, review as human, review_annotations, review_json, review_markdown, review_sarif, review_schema,
};
use backstay::review::{PolicyReview, Recorded, Review};
use proptest::prelude::*;
use std::path::Path;

fn review(base: &str, head: &str) -> Review {
    Review { policies: vec![sides(Some(base), Some(head), None)] }
}

/// A change of each kind that a reader should see.
fn changed() -> String {
    BASE.replace("keep: 1y, transitions: [{ after: 90d, to: GLACIER_IR }]", "keep: 90d")
        .replace("  crm: { connection: \"${env:CRM_URL}\", tiers: [daily], encryption: team }\n", "")
        .replace("\"${env:KEY_B}\"]", "\"${env:KEY_B}\", \"${env:KEY_C}\"]")
        .replace("[ops, boss]", "[boss]")
        .replace("/bin/quiesce", "/bin/other")
        .replace("rto: 1h", "rto: 30m")
}

#[test]
fn for_people() {
    insta::assert_snapshot!(human(&review(BASE, &changed()), Style::PLAIN));
    assert_eq!(human(&review(BASE, BASE), Style::PLAIN), "shop (backstay.yaml)\nNo change in meaning.\n");
}

#[test]
fn for_a_comment() {
    insta::assert_snapshot!(review_markdown(&review(BASE, &changed())));
    let quiet = review_markdown(&review(BASE, BASE));
    assert!(quiet.contains("No change in meaning.") && quiet.lines().count() == 4, "{quiet}");
}

#[test]
fn for_machines_by_the_schema() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/review.v1.json");
    let schema = review_schema();
    let wanted = serde_json::to_string_pretty(&schema).unwrap() + "\n";
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(stored == wanted, "{} is old: run `BLESS=1 cargo test --test suite review_formats`", path.display());
    let text = review_json(&review(BASE, &changed()));
    insta::assert_snapshot!(text);
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let problems: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
    assert!(problems.is_empty(), "{problems:?}");
    assert!(!validator.is_valid(&serde_json::json!({"format_version": 1})));
}

#[test]
fn for_annotations() {
    insta::assert_snapshot!(review_annotations(&review(BASE, &changed())));
}

fn sarif_is_valid(review: &Review) -> serde_json::Value {
    let log: serde_json::Value = serde_json::from_str(&review_sarif(review)).unwrap();
    assert_sarif(&log);
    log
}

/// Asserts that a log is as the schema of SARIF says.
pub fn assert_sarif(log: &serde_json::Value) {
    let schema = include_str!("../fixtures/sarif/sarif-2.1.0.json");
    let mut schema: serde_json::Value = serde_json::from_str(schema).unwrap();
    // This edition of the schema has a bracket too many in the pattern of a language, which we do not write.
    for part in ["run", "toolComponent"] {
        schema["definitions"][part]["properties"]["language"].as_object_mut().unwrap().remove("pattern").unwrap();
    }
    let validator = jsonschema::validator_for(&schema).unwrap();
    let problems: Vec<String> = validator.iter_errors(log).map(|error| error.to_string()).collect();
    assert!(problems.is_empty(), "{problems:?}");
    assert!(
        !validator.is_valid(&serde_json::json!({"version": "2.1.0", "runs": [{}]})),
        "the schema refuses something"
    );
}

#[test]
fn for_code_scanning() {
    let log = sarif_is_valid(&review(BASE, &changed()));
    insta::assert_snapshot!(serde_json::to_string_pretty(&log).unwrap());
    let empty = sarif_is_valid(&review(BASE, BASE));
    assert_eq!(empty["runs"][0]["results"], serde_json::json!([]));
    // A finding keeps its fingerprint when lines move.
    let prints = |head: &str| -> Vec<serde_json::Value> {
        let log = sarif_is_valid(&review(BASE, head));
        log["runs"][0]["results"].as_array().unwrap().iter().map(|r| r["partialFingerprints"].clone()).collect()
    };
    assert_eq!(prints(&changed()), prints(&format!("# moved\n\n{}", changed())));
    sarif_is_valid(&Review { policies: vec![sides(Some(BASE), None, None), sides(Some(BASE), Some("x: ["), None)] });
}

/// Many databases, all changed in ways that differ, so that nothing can be told once for all of them.
fn many(n: usize, text: &str) -> (String, String) {
    let with = |connection: &str| -> String {
        let one = |n: usize| {
            let hooks = format!(
                "hooks: {{ before_backup: [[sh, {}]] }}",
                serde_json::json!(format!("{connection} {n} {text}"))
            );
            format!(
                "  db{n}: {{ connection: \"${{env:{connection}_{n}}}\", tiers: [daily], encryption: team, {hooks} }}\n"
            )
        };
        let all: String = (0..n).map(one).collect();
        BASE.replace("  crm: {", &format!("{all}  crm: {{"))
    };
    (with("OLD"), with("NEW"))
}

#[test]
fn a_comment_has_an_end_and_says_what_it_left_out() {
    let (base, head) = many(1_000, "word");
    let head = head.replace("keep: 1y", "keep: 100d");
    let review = review(&base, &head);
    assert!(review.policies[0].findings.len() > 2_000);
    let comment = review_markdown(&review);
    assert!(comment.len() <= 60_000 && comment.len() > 50_000, "{}", comment.len());
    let last = comment.lines().last().unwrap();
    assert!(last.contains("Left out") && last.contains("0 errors"), "the worst comes first: {last}");
    assert!(comment.contains("BS716") && comment.contains("#### Questions to ask"), "{}", &comment[..2_000]);
    // The runner keeps ten of a level.
    let annotations = review_annotations(&review);
    for level in ["::error ", "::warning ", "::notice "] {
        let n = annotations.lines().filter(|line| line.starts_with(level)).count();
        assert!(n <= 10, "{n} {level}");
    }
    assert!(annotations.lines().last().unwrap().contains("more findings"), "{annotations}");
    let results = sarif_is_valid(&review)["runs"][0]["results"].as_array().unwrap().len();
    assert!(results <= 5_000, "{results}");
    // Many policies have one comment, too.
    let policies: Vec<PolicyReview> = (0..300).map(|_| review.policies[0].clone()).collect();
    assert!(review_markdown(&Review { policies }).len() <= 60_000);
}

const HOSTILE: [&str; 12] = [
    "@everyone ping",
    "| a | b |\n|---|---|\n| c",
    "`code` ``` fence\n```\nout",
    "</details><img src=x onerror=alert(1)>",
    "\n::error file=x::owned",
    "%0A::set-output name=x::y",
    "\u{1b}[31mred\u{1b}]0;title\u{7}",
    "\u{202e}desrever \u{200b}\u{feff}",
    "😀 <!-- backstay:review:other --> #12",
    "[link](https://evil.example) ![x](https://evil.example/x)",
    "\r\n- [x] approved\n\n# heading",
    "end\\",
];

fn hostile(text: &str) -> Review {
    let quoted = serde_json::json!(text).to_string();
    let head = BASE
        .replace("[/bin/quiesce, now]", &format!("[/bin/quiesce, {quoted}]"))
        .replace("[scratch]", &format!("[scratch, {quoted}]"))
        .replace("sql: SELECT 2", &format!("sql: {quoted}"));
    let mut review = review(BASE, &head);
    review.policies[0].head = Some(format!("policies/{text}.yaml"));
    review
}

/// A line of Markdown without what stands in code.
fn without_code(line: &str) -> String {
    let mut prose = String::new();
    let mut is_code = false;
    let mut letters = line.chars();
    while let Some(c) = letters.next() {
        match (is_code, c) {
            (_, '`') => is_code = !is_code,
            (false, '\\') => drop(letters.next()),
            (false, c) => prose.push(c),
            (true, _) => {}
        }
    }
    assert!(!is_code, "an open span of code: {line}");
    prose
}

/// No line of any format begins with what the text of somebody else wants it to.
fn assert_inert(review: &Review) {
    let shown = human(review, Style::PLAIN);
    let comment = review_markdown(review);
    let annotations = review_annotations(review);
    for text in [&shown, &comment, &annotations] {
        assert!(!text.contains(['\u{1b}', '\u{7}', '\r', '\u{202e}', '\u{200b}', '\u{feff}']), "{text:?}");
    }
    for text in [&shown, &comment] {
        assert!(text.lines().all(|line| !line.trim_start().starts_with("::")), "{text}");
    }
    let is_own = |line: &str| ["::error ", "::warning ", "::notice "].iter().any(|start| line.starts_with(start));
    assert!(annotations.lines().all(is_own), "{annotations}");
    let marks = comment.lines().filter(|line| line.trim_start().starts_with("<!--"));
    assert_eq!(marks.count(), 1, "{comment}");
    // Outside of code there is no mention, no tag and no picture.
    let mut prose = String::new();
    for line in comment.lines().skip(1) {
        prose.push_str(&without_code(line));
        prose.push('\n');
        let is_block = line.is_empty()
            || ["### ", "#### ", "- ", "  - ", "> ", "Review", "No change", "An estimate", "**Left out"]
                .iter()
                .any(|s| line.starts_with(s));
        assert!(is_block, "a line that is not ours: {line:?}");
    }
    let prose = prose.replace("<!-- -->", "\u{0}");
    assert!(!prose.contains('<') && !prose.contains("]("), "{prose}");
    assert!(prose.match_indices('@').all(|(at, _)| prose[at + 1..].starts_with('\u{0}')), "{prose}");
    let _: serde_json::Value = serde_json::from_str(&review_json(review)).unwrap();
}

#[test]
fn hostile_texts_stay_texts() {
    for text in HOSTILE {
        let review = hostile(text);
        let codes: Vec<&str> = review.policies[0].findings.iter().map(|finding| finding.code.id).collect();
        assert!(["BS706", "BS745", "BS746", "BS747"].iter().all(|code| codes.contains(code)), "{text:?}: {codes:?}");
        assert_inert(&review);
        sarif_is_valid(&review);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_text_stays_a_text(text in "[ -~\\n\\r\\t`|<>@:#\\u{1b}\\u{202e}\\u{200b}é😀]{1,40}") {
        let review = hostile(&text);
        assert_inert(&review);
    }

    /// No input makes it stumble: policies that are cut and mixed, lists that are cut.
    #[test]
    fn broken_inputs_are_answered(cut in 0..BASE.len(), from in 0..BASE.len(), junk in "\\PC{0,8}") {
        let at = |at: usize| (0..=at).rev().find(|at| BASE.is_char_boundary(*at)).unwrap_or(0);
        let broken = format!("{}{junk}{}", &BASE[..at(cut)], &BASE[at(from)..]);
        for (base, head) in [(Some(BASE), Some(broken.as_str())), (Some(broken.as_str()), Some(BASE)), (None, Some(broken.as_str()))] {
            let review = Review { policies: vec![sides(base, head, None)] };
            let _ = (human(&review, Style::PLAIN), review_annotations(&review), review_sarif(&review), review_json(&review));
            prop_assert!(review_markdown(&review).len() <= 60_000);
        }
        let _ = Recorded::parse(broken.as_bytes());
    }
}
