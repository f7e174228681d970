//! How recoverability stands, from made-up worlds: what people, Nagios and Prometheus are told, and that all agree.

use crate::support::{at, backup, checked, desired, nights, world};
use backstay::catalog::{Backup, VerifyLevel};
use backstay::metrics::{alert_rules, dashboard, exposition, families};
use backstay::plan::{Live, LiveStorage, Scope, plan};
use backstay::report::{self, Dossier, Style};
use backstay::standing::{ConcernKind, Gravity, Standing, concerns, standing, worst};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

const POLICY: &str = r#"
version: 1
name: shop
storage:
  local: { type: filesystem, path: /backups/local, min_free: 20% }
  vault: { type: filesystem, path: /mnt/vault }
tiers:
  daily:
    schedule: "0 2 * * *"
    copies:
      - { to: local, keep: 7d }
      - { to: vault, keep: { for: 30d, at_least: 5 } }
  monthly:
    schedule: "0 4 1 * *"
    copies: [{ to: vault, keep: 1y }]
databases:
  app:
    connection: ${env:DATABASE_URL}
    tiers: [daily, monthly]
    verify: { schedule: "0 5 * * SUN", level: deep }
    drill: { schedule: "0 6 1 * *" }
    objectives: { rpo: 26h, rto: 1h }
"#;

const NOON: &str = "2026-11-20T12:00:00Z";
const NIGHT: &str = "2026-11-20T02:00:01Z";

/// Backups of the last nights, each a little larger and slower than the one before.
fn growing(tier: &str, last: &str, count: i64) -> Vec<Backup> {
    let mut all = nights(tier, at(last), count);
    for (backup, n) in all.iter_mut().rev().zip(0..) {
        backup.finished_at = backup.started_at + SignedDuration::from_secs(90);
        backup.objects[0].stored_bytes = (40 << 20) - n * (1 << 20);
    }
    all
}

fn verified(backups: Vec<Backup>, when: &str) -> Vec<Backup> {
    backups.into_iter().map(|backup| checked(backup, at(when), VerifyLevel::Deep, &[])).collect()
}

fn damage(backup: &mut Backup) {
    let when = at("2026-11-14T05:00:00Z");
    *backup = checked(backup.clone(), when, VerifyLevel::Checksum, &["has another digest"]);
}

/// Everything is as the policy promises; nobody ever drilled.
fn good_world() -> Live {
    let mut vault = verified(growing("daily", NIGHT, 30), "2026-11-15T05:00:00Z");
    vault.extend(verified(growing("monthly", "2026-11-01T04:00:00Z", 1), "2026-11-15T05:00:00Z"));
    let mut live = world(verified(growing("daily", NIGHT, 7), "2026-11-15T05:00:00Z"), vault);
    if let Some(LiveStorage::Read(read)) = live.storages.get_mut("local") {
        read.space = Some((60 << 30, 100 << 30));
    }
    live
}

/// The night's backup did not come, a copy is gone, one is damaged, a disk is nearly full.
fn bad_world() -> Live {
    let mut local = growing("daily", "2026-11-18T02:00:01Z", 5);
    local.remove(2);
    damage(&mut local[0]);
    let mut live = world(local, growing("daily", "2026-11-18T02:00:01Z", 28));
    if let Some(LiveStorage::Read(read)) = live.storages.get_mut("local") {
        read.space = Some((5 << 30, 100 << 30));
    }
    live
}

fn seen(live: &Live) -> Standing {
    standing(&desired(POLICY), live, at(NOON))
}

fn kinds(standing: &Standing) -> BTreeSet<ConcernKind> {
    concerns(standing).into_iter().map(|concern| concern.kind).collect()
}

#[test]
fn a_good_world_lacks_only_its_drill() {
    let standing = seen(&good_world());
    assert_eq!(kinds(&standing), BTreeSet::from([ConcernKind::DrillOverdue]));
    insta::assert_snapshot!("status_good", report::status(&standing, Style::PLAIN));
    insta::assert_snapshot!("nagios_good", report::nagios(&[standing]).0);
}

#[test]
fn the_tables_of_a_status_fit_the_terminal() {
    for world in [good_world(), bad_world()] {
        for width in [80, 100, 160] {
            let said = report::status(&seen(&world), Style { width, ..Style::PLAIN });
            let tables = said.split("\ncritical").next().unwrap();
            let widest = tables.lines().filter(|line| line.starts_with("  ")).map(|line| line.chars().count()).max();
            assert!(widest.unwrap() <= width, "{width}: {said}");
            assert!(said.contains("LAST GOOD") && said.contains("RESTORABLE"), "{said}");
        }
    }
    insta::assert_snapshot!("status_narrow", report::status(&seen(&bad_world()), Style { width: 80, ..Style::PLAIN }));
}

#[test]
fn what_is_wrong_is_told_with_what_to_run() {
    let standing = seen(&bad_world());
    let expected = [
        ConcernKind::NoBackup,
        ConcernKind::BackupOverdue,
        ConcernKind::RpoMissed,
        ConcernKind::CopyDamaged,
        ConcernKind::CopyMissing,
        ConcernKind::DrillOverdue,
        ConcernKind::VerifyOverdue,
        ConcernKind::StorageLow,
    ];
    // A damaged copy was verified, but long enough ago that the next one is due.
    assert_eq!(kinds(&standing), BTreeSet::from(expected));
    assert_eq!(worst(&concerns(&standing)), Some(Gravity::Critical));
    insta::assert_snapshot!("status_bad", report::status(&standing, Style::PLAIN));
    insta::assert_snapshot!("nagios_bad", report::nagios(&[standing]).0);
}

#[test]
fn what_cannot_be_read_is_unknown_and_not_lost() {
    let mut live = good_world();
    for storage in ["local", "vault"] {
        live.storages.insert(storage.to_owned(), LiveStorage::Unreadable("permission denied".to_owned()));
    }
    let standing = seen(&live);
    assert_eq!(worst(&concerns(&standing)), Some(Gravity::Unknown));
    let (text, _) = report::nagios(&[standing]);
    assert!(text.starts_with("BACKSTAY UNKNOWN - "), "{text}");
    // With one storage left its backups count, and nothing is said to be missing at the other.
    let mut live = good_world();
    live.storages.insert("local".to_owned(), LiveStorage::Unreadable("permission denied".to_owned()));
    let standing = seen(&live);
    assert_eq!(kinds(&standing), BTreeSet::from([ConcernKind::StorageUnreadable, ConcernKind::DrillOverdue]));
    assert_eq!(standing.databases[0].tiers[0].points.len(), 30);
}

#[test]
fn backups_from_the_future_and_of_other_policies_do_not_count() {
    let mut ahead = growing("daily", "2026-12-20T02:00:01Z", 1);
    let mut others = growing("daily", NIGHT, 1);
    others[0].policy = "other".to_owned();
    ahead.extend(others);
    let standing = seen(&world(ahead, Vec::new()));
    assert_eq!(standing.databases[0].last_good(), None);
    assert!(kinds(&standing).contains(&ConcernKind::NoBackup));
}

/// The samples of `line`, as a set of numbers by series.
fn sample(text: &str, series: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok())
}

#[test]
fn numbers_say_what_the_picture_says() {
    let text = exposition(&[seen(&bad_world())]);
    let tier = r#"{policy="shop",database="app",tier="daily"}"#;
    let last = sample(&text, &format!("backstay_backup_last_success_timestamp_seconds{tier}"));
    assert_eq!(last, Some(at("2026-11-18T02:00:01Z").as_second() as f64));
    let due = sample(&text, &format!("backstay_backup_due_timestamp_seconds{tier}"));
    assert_eq!(due, Some(at("2026-11-20T02:00:00Z").as_second() as f64));
    let at_local = r#"{policy="shop",database="app",tier="daily",storage="local"}"#;
    assert_eq!(sample(&text, &format!("backstay_copies_missing{at_local}")), Some(1.0));
    assert_eq!(sample(&text, &format!("backstay_copies_damaged{at_local}")), Some(1.0));
    assert_eq!(sample(&text, r#"backstay_objective_rpo_seconds{policy="shop",database="app"}"#), Some(93_600.0));
    let before = sample(&text, &format!("backstay_backup_previous_stored_bytes{tier}"));
    assert_eq!(before, Some(f64::from(39 << 20)));
    insta::assert_snapshot!("exposition", text);
}

/// Runs `promtool`, which `scripts/setup` installs.
#[track_caller]
fn promtool(words: &[&str], input: &str) -> String {
    use std::io::Write;
    use std::process::Stdio;
    let started = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("target/prometheus/usr/bin/promtool"))
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = started.unwrap_or_else(|e| panic!("no promtool here ({e}); run `scripts/setup`"));
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(output.status.success(), "promtool {words:?}: {text}");
    text
}

#[test]
fn prometheus_takes_the_numbers_without_a_complaint() {
    for live in [good_world(), bad_world()] {
        assert_eq!(promtool(&["check", "metrics"], &exposition(&[seen(&live)])), "");
    }
}

fn documented(name: &str) -> String {
    std::fs::read_to_string(format!("{}/docs/monitoring/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap_or_default()
}

#[test]
fn the_documented_rules_are_those_of_the_program_and_prometheus_takes_them() {
    assert_eq!(documented("alerts.yaml"), alert_rules(), "write it anew: backstay metrics --rules");
    let root = env!("CARGO_MANIFEST_DIR");
    let told = promtool(&["check", "rules", &format!("{root}/docs/monitoring/alerts.yaml")], "");
    assert!(told.contains("15 rules found"), "{told}");
    promtool(&["test", "rules", &format!("{root}/tests/fixtures/monitoring/alerts_test.yaml")], "");
}

/// Names of metrics in a text of PromQL.
fn names(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c| !is_part(c)).filter(|word| word.starts_with("backstay_"));
    words.map(str::to_owned).collect()
}

/// Every name that the program may write.
fn written() -> BTreeSet<String> {
    let mut all: BTreeSet<String> =
        [good_world(), bad_world()].iter().flat_map(|live| names(&exposition(&[seen(live)]))).collect();
    all.extend(names(&exposition(&[crate::seeing_wal::standing_of_archives()])));
    // No world of these has a drill.
    all.extend(
        ["backstay_drill_last_timestamp_seconds", "backstay_drill_passed", "backstay_drill_due_timestamp_seconds"]
            .map(str::to_owned),
    );
    all
}

#[test]
fn rules_and_dashboard_ask_only_for_what_is_written() {
    let written = written();
    for text in [alert_rules(), dashboard()] {
        let unknown: Vec<String> = names(&text).difference(&written).cloned().collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }
}

#[test]
fn the_documented_dashboard_is_that_of_the_program_and_its_questions_are_promql() {
    assert_eq!(documented("dashboard.json"), dashboard(), "write it anew: backstay metrics --dashboard");
    let board: serde_json::Value = serde_json::from_str(&dashboard()).unwrap();
    let panels = board["panels"].as_array().unwrap();
    let mut rules = "groups:\n  - name: board\n    rules:\n".to_owned();
    for (n, panel) in panels.iter().enumerate() {
        assert_eq!(panel["id"], n + 1);
        for target in panel["targets"].as_array().unwrap() {
            let expr = target["expr"].as_str().unwrap().replace("$policy", ".*");
            rules += &format!("      - {{ record: board:{n}, expr: {} }}\n", serde_json::Value::from(expr));
        }
    }
    let file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
    std::fs::write(file.path(), rules).unwrap();
    promtool(&["check", "rules", file.path().to_str().unwrap()], "");
    // Panels do not lie upon each other.
    let mut taken = BTreeSet::new();
    for panel in panels {
        let of = |key: &str| panel["gridPos"][key].as_u64().unwrap();
        for x in of("x")..of("x") + of("w") {
            for y in of("y")..of("y") + of("h") {
                assert!(x < 24 && taken.insert((x, y)), "{}", panel["title"]);
            }
        }
    }
}

fn dossier(live: &Live) -> Dossier {
    let desired = desired(POLICY);
    // What a plan says of costs is its own affair; here there are none.
    assert!(!plan(&desired, live, at(NOON), &Scope::default()).id.to_string().is_empty());
    Dossier { standing: seen(live), cost: None, manifests: std::collections::BTreeMap::new() }
}

#[test]
fn a_page_loads_nothing_and_says_what_status_says() {
    let page = report::report_html(&[dossier(&bad_world())]);
    for word in ["http:", "https:", "<script", "src=", "@import", "url(", "<link"] {
        assert!(!page.contains(word), "{word}");
    }
    for concern in concerns(&seen(&bad_world())) {
        assert!(page.contains(&concern.message), "{}", concern.message);
    }
    // Every restore point of every tier is a dot.
    assert_eq!(
        page.matches("<circle class=\"unproved\"").count() + page.matches("<circle class=\"partly\"").count(),
        28
    );
    let opened = |tag: &str| page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
    for tag in ["section", "table", "svg", "details", "main", "body", "html", "ul"] {
        assert_eq!(opened(tag), page.matches(&format!("</{tag}>")).count(), "{tag}");
    }
}

#[test]
fn names_never_become_tags() {
    let mut live = bad_world();
    live.storages.insert("local".to_owned(), LiveStorage::Unreadable("<script>alert(1)</script>".to_owned()));
    let standing = standing(&desired(POLICY), &live, at(NOON));
    let dossier = Dossier { standing, cost: None, manifests: std::collections::BTreeMap::new() };
    assert!(!report::report_html(std::slice::from_ref(&dossier)).contains("<script"));
    assert!(!report::report_markdown(&[dossier]).contains("<script"));
}

#[test]
fn auditors_get_every_restore_point() {
    let text = report::report_markdown(&[dossier(&good_world())]);
    insta::assert_snapshot!("evidence_head", text.lines().take(28).collect::<Vec<_>>().join("\n"));
    // 30 daily at two storages for seven of them, and one monthly.
    assert_eq!(text.matches("| not read |").count(), 30 + 7 + 1);
}

#[test]
fn machines_get_the_same_document_from_status_and_report() {
    let of = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    let (status, report) =
        (of(&report::status_json(&[seen(&bad_world())])), of(&report::report_json(&[dossier(&bad_world())])));
    assert_eq!(status["policies"][0]["databases"], report["policies"][0]["databases"]);
    assert_eq!(status["policies"][0]["concerns"][0]["gravity"], "critical");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the world, the numbers agree with the picture, and nothing that is young is called late.
    #[test]
    fn any_world_gives_a_picture(ages in prop::collection::vec((0_i64..900, any::<bool>(), any::<bool>()), 0..40)) {
        let (mut local, mut vault) = (Vec::new(), Vec::new());
        for (hours, is_local, is_good) in ages {
            let mut made = backup("app", "daily", at(NOON) - SignedDuration::from_hours(hours));
            if !is_good {
                damage(&mut made);
            }
            if is_local { local.push(made) } else { vault.push(made) }
        }
        let standing = seen(&world(local, vault));
        let tier = &standing.databases[0].tiers[0];
        let mut sorted = tier.points.clone();
        sorted.sort_by_key(|point| point.started_at);
        prop_assert_eq!(&sorted, &tier.points);
        let late = kinds(&standing).contains(&ConcernKind::BackupOverdue);
        let is_young = tier.last_good().is_some_and(|point| point.started_at >= at("2026-11-20T02:00:00Z"));
        prop_assert!(!(late && is_young));
        prop_assert_eq!(worst(&concerns(&standing)).is_none(), report::nagios(std::slice::from_ref(&standing)).1.is_none());
        prop_assert!(families(&[standing]).iter().all(|family| family.samples.iter().all(|sample| sample.value.is_finite())));
    }
}

/// A moment keeps its meaning in every zone; only texts know UTC.
#[test]
fn the_zone_of_the_policy_decides_what_is_due() {
    let berlin = POLICY.replace("name: shop\n", "name: shop\ntimezone: Europe/Berlin\n");
    let standing = standing(&desired(&berlin), &good_world(), at(NOON));
    let next: Option<Timestamp> = standing.databases[0].tiers[0].next_due;
    assert_eq!(next, Some(at("2026-11-21T01:00:00Z")));
}

/// A policy with something of everything, for the picture in the documents.
fn sample_policy() -> String {
    let objectives = |rpo: &str, rto: &str| format!("objectives: {{ rpo: {rpo}, rto: {rto} }}");
    let database = |name: &str, tiers: &str, more: String| {
        format!(
            "  {name}: {{ connection: \"${{env:URL}}\", tiers: [{tiers}], verify: {{ schedule: '0 5 * * SUN' }}, {more} }}\n"
        )
    };
    let tiers = POLICY.split("databases:").next().unwrap().replace("{ for: 30d, at_least: 5 }", "60d");
    tiers
        + "databases:\n"
        + &database("shop", "daily, monthly", objectives("26h", "1h"))
        + &database("billing", "daily", objectives("26h", "30m"))
        + &database("events", "daily", objectives("24h", "4h"))
}

fn sample_world() -> Live {
    let wobble = |n: i64| (n * 7_919 % 13 - 6) * (1 << 18);
    let made = |database: &str, tier: &str, last: &str, count: i64, step: i64, size: i64| -> Vec<Backup> {
        let one = |n: i64| {
            let mut made = backup(database, tier, at(last) - SignedDuration::from_hours(step * n));
            made.finished_at = made.started_at + SignedDuration::from_secs(240 + n % 5 * 11);
            let grown = size - n * size / 400 * step / 24 + wobble(n);
            made.objects[0].stored_bytes = u64::try_from(grown).unwrap_or(1 << 20);
            made
        };
        verified((0..count).rev().map(one).collect(), "2026-11-15T05:00:00Z")
    };
    let mut vault = made("shop", "daily", NIGHT, 60, 24, 180 << 20);
    vault.extend(made("shop", "monthly", "2026-11-01T04:00:01Z", 6, 730, 172 << 20));
    vault.extend(made("billing", "daily", NIGHT, 60, 24, 64 << 20));
    vault.extend(made("events", "daily", "2026-11-18T02:00:01Z", 58, 24, 240 << 20));
    // Nobody has verified what came after the last Sunday.
    for backup in vault.iter_mut().filter(|backup| backup.started_at > at("2026-11-15T05:00:00Z")) {
        backup.verified = None;
    }
    let young = |backup: &&Backup| backup.tier == "daily" && backup.started_at > at("2026-11-13T12:00:00Z");
    let mut local: Vec<Backup> = vault.iter().filter(young).cloned().collect();
    local.retain(|backup| backup.database != "billing" || backup.started_at != at("2026-11-17T02:00:01Z"));
    if let Some(backup) = local.iter_mut().find(|backup| backup.database == "shop") {
        damage(backup);
    }
    let mut live = world(local, vault);
    for (storage, free) in [("local", 31_u64), ("vault", 66)] {
        if let Some(LiveStorage::Read(read)) = live.storages.get_mut(storage) {
            read.space = Some((free << 30, 100 << 30));
        }
    }
    live
}

/// Writes the page that `scripts/screenshot` takes a picture of, where that asks for it.
#[test]
fn the_page_of_the_docs_has_something_of_everything() {
    let standing = standing(&desired(&sample_policy()), &sample_world(), at(NOON));
    let found = kinds(&standing);
    for kind in [ConcernKind::BackupOverdue, ConcernKind::RpoMissed, ConcernKind::CopyDamaged, ConcernKind::CopyMissing]
    {
        assert!(found.contains(&kind), "{kind:?} is not among {found:?}");
    }
    let page = report::report_html(&[Dossier { standing, cost: None, manifests: std::collections::BTreeMap::new() }]);
    if let Some(file) = std::env::var_os("BACKSTAY_PAGE") {
        std::fs::write(file, page).unwrap();
    }
}
