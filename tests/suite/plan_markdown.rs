//! A plan as a comment: what needs a decision first, colours by the first column, an end, and nobody's text but ours.

use crate::planning::POLICY;
use crate::support::{at, backup, desired, world};
use backstay::plan::{Live, LiveStorage, Plan, Scope, plan};
use backstay::report::plan_markdown;
use jiff::SignedDuration;

const NOON: &str = "2026-11-20T12:00:00Z";
const NIGHT: &str = "2026-11-20T02:00:01Z";

/// Forty nights at `local`, which keeps seven: more goes at once than a guard lets pass.
fn guarded() -> Plan {
    let night = |n: i64| backup("app", "daily", at(NIGHT) - SignedDuration::from_hours(24 * n));
    let mut live = world((0..40).rev().map(night).collect(), (0..3).rev().map(night).collect());
    if let Some(LiveStorage::Read(local)) = live.storages.get_mut("local") {
        local.folder.as_mut().unwrap().mode = 0o755;
    }
    plan(&desired(POLICY), &live, at(NOON), &Scope::default())
}

#[test]
fn what_needs_a_decision_comes_first() {
    let comment = plan_markdown(&[&guarded()]);
    insta::assert_snapshot!(comment);
    let at = |text: &str| comment.find(text).unwrap_or_else(|| panic!("{text} is not in {comment}"));
    assert!(at("Guarded") < at("What it does") && at("What it does") < at("#### Steps"));
    assert!(at("\n! ") < at("#### Steps") + 60, "what is guarded is marked in the first column");
}

#[test]
fn a_plan_with_nothing_to_do_is_a_line() {
    let night = |n: i64| backup("app", "daily", at(NIGHT) - SignedDuration::from_hours(24 * n));
    let live = world((0..7).rev().map(night).collect(), (0..30).rev().map(night).collect());
    let plan = plan(&desired(POLICY), &live, at(NOON), &Scope::default());
    let comment = plan_markdown(&[&plan]);
    assert!(comment.contains("Nothing to do") && comment.lines().count() == 4, "{comment}");
}

#[test]
fn a_comment_has_an_end_and_the_id_covers_all_of_it() {
    let mut databases = String::new();
    for n in 0..2_000 {
        databases.push_str(&format!("  db{n}: {{ connection: \"${{env:URL_{n}}}\", tiers: [daily] }}\n"));
    }
    let policy = desired(&format!("{}\n{databases}", POLICY.trim_end()));
    let plan = plan(&policy, &world(Vec::new(), Vec::new()), at(NOON), &Scope::default());
    assert!(plan.actions.len() >= 2_000, "{}", plan.actions.len());
    let comment = plan_markdown(&[&plan]);
    assert!(comment.len() <= 60_000 && comment.len() > 50_000, "{}", comment.len());
    assert!(comment.lines().last().unwrap().contains("steps.** `backstay plan --format json` has them all."));
    assert!(comment.contains(&format!("`backstay apply --expect {}`", plan.id.short())));
    // Every fence that was opened is closed.
    assert_eq!(comment.lines().filter(|line| line.starts_with("```")).count() % 2, 0);
    let many: Vec<&Plan> = (0..500).map(|_| &plan).collect();
    assert!(plan_markdown(&many).len() <= 60_000);
}

#[test]
fn what_others_wrote_stays_text() {
    let mut live = Live::default();
    live.storages.insert("local".to_owned(), LiveStorage::Unreadable("```\n<img> @all | `x`\n- [x] ok".to_owned()));
    live.storages.insert("vault".to_owned(), LiveStorage::Unreadable("\u{1b}[31m".to_owned()));
    let comment = plan_markdown(&[&plan(&desired(POLICY), &live, at(NOON), &Scope::default())]);
    let hostile = ["<img", "@all", "\n```\n<", "\n- [x]", "\u{1b}"];
    let without = comment.replace("@<!-- -->all", "");
    assert!(hostile.iter().all(|text| !without.contains(text)), "{comment}");
}

#[test]
fn the_same_plan_is_sarif_and_annotations_within_their_limits() {
    let plan = guarded();
    let log: serde_json::Value = serde_json::from_str(&backstay::report::plan_sarif(&[&plan])).unwrap();
    crate::review_formats::assert_sarif(&log);
    let results = log["runs"][0]["results"].as_array().unwrap();
    let of = |code: &str| results.iter().filter(|result| result["ruleId"] == code).collect::<Vec<_>>();
    assert_eq!((of("BS602").len(), of("BS851").len(), of("BS853").len()), (1, 1, 1), "{log:#}");
    assert_eq!(of("BS602")[0]["level"], "error");
    assert!(
        of("BS851")[0]["message"]["text"].as_str().unwrap().contains("33 backups of `app` in tier `daily`"),
        "{log:#}"
    );
    let uri = &of("BS851")[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert!(uri.as_str().is_some_and(|uri| uri.ends_with(".yaml")), "{log:#}");

    let lines = backstay::report::plan_annotations(&[&plan]);
    assert!(lines.starts_with("::error file="), "worst first: {lines}");
    assert!(lines.contains("--allow-prune"), "what lifts it is told: {lines}");
    let night = |n: i64| backup("app", "daily", at(NIGHT) - SignedDuration::from_hours(24 * n));
    let quiet = world((0..7).rev().map(night).collect(), (0..30).rev().map(night).collect());
    let quiet = backstay::plan::plan(&desired(POLICY), &quiet, at(NOON), &Scope::default());
    assert_eq!(backstay::report::plan_annotations(&[&quiet]), "Nothing to do.\n");
    let many: Vec<&Plan> = (0..40).map(|_| &plan).collect();
    let lines = backstay::report::plan_annotations(&many);
    for level in ["::error ", "::warning ", "::notice "] {
        let n = lines.lines().filter(|line| line.starts_with(level)).count();
        assert!((1..=10).contains(&n), "{level}: {n}");
    }
}
