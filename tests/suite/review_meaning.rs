//! What a change of a policy means: every kind of change and its opposite, and nothing where nothing changes.

use crate::support::backup;
use crate::support::sides;
use backstay::catalog::{Contents, restore_points};
use backstay::diag::Severity;
use backstay::report::{ListedDatabase, Listing, list_json};
use backstay::review::{Finding, PolicyReview, Recorded};
use proptest::prelude::*;
use proptest::sample::subsequence;
use std::collections::BTreeMap;

/// A policy with everything that a review looks at. No part of a text that an edit looks for stands twice.
pub const BASE: &str = r#"version: 1
name: shop
timezone: UTC
storage:
  local: { type: filesystem, path: /var/backups/shop, min_free: 15%, manage: { mode: "0700" } }
  offsite:
    type: s3
    bucket: shop-backups
    region: us-east-1
    prefix: prod
    manage:
      versioning: true
      encryption: { type: sse-kms, key: alias/backups }
      public_access: blocked
      transport: tls-only
      noncurrent_versions: 30d
      object_lock: { mode: governance, retain: 14d }
      tags: { team: platform }
tiers:
  daily:
    schedule: "0 2 * * *"
    copies:
      - { to: local, keep: 30d }
      - { to: offsite, keep: 60d, storage_class: STANDARD_IA }
  monthly:
    schedule: "0 4 1 * *"
    copies:
      - { to: offsite, keep: 1y, transitions: [{ after: 90d, to: GLACIER_IR }] }
encryption:
  team:
    type: age
    recipients: ["${env:KEY_A}", "${env:KEY_B}"]
databases:
  app:
    connection: "${env:APP_URL}"
    tiers: [daily, monthly]
    encryption: team
    dump: { exclude_tables: [scratch], globals: true }
    verify: { schedule: "0 */6 * * *", level: deep }
    drill: { schedule: "0 4 1 * *", checks: [{ sql: SELECT 1, expect: "= 1" }, { sql: SELECT 2, expect: "= 2" }] }
    objectives: { rpo: 25h, rto: 1h }
    hooks: { before_backup: [[/bin/quiesce, now]] }
  crm: { connection: "${env:CRM_URL}", tiers: [daily], encryption: team }
safety: { keep_at_least: 4, max_prune: 20% }
access:
  ci:
    type: iam-role
    name: shop-ci
    grants: [write, read]
    storage: [offsite]
    trust: { github: { repository: acme/shop, environment: production } }
  writer:
    type: iam-user
    name: shop-writer
    grants: [write]
    storage: [offsite]
    access_key: { deliver_to: /etc/backstay/key, rotate_after: 90d }
run: { by: systemd }
alerts:
  channels:
    ops: { type: slack, webhook: "${env:SLACK}" }
    boss: { type: slack, webhook: "${env:BOSS}" }
  rules:
    - { on: [backup_failed, backup_overdue], notify: [ops, boss] }
  thresholds: { overdue: 26h }
"#;

/// An edit of the policy, what it means, and what the way back means; at which route.
type Edit = (&'static str, &'static str, &'static str, &'static str, &'static str);

const EDITS: [Edit; 44] = [
    ("name: shop\n", "name: other\n", "BS702", "BS702", "name"),
    ("alerts:\n", "alerts:\n  cloudwatch: { region: us-east-1 }\n", "BS744", "BS743", "alerts.cloudwatch"),
    ("  crm: {", "  crx: {", "BS702", "BS702", "databases.crx"),
    (
        "  crm: { connection: \"${env:CRM_URL}\", tiers: [daily], encryption: team }\n",
        "",
        "BS700",
        "BS701",
        "databases.crm",
    ),
    ("[daily, monthly]", "[daily]", "BS703", "BS704", "databases.app.tiers"),
    ("env:APP_URL", "env:OTHER_URL", "BS705", "BS705", "databases.app.connection"),
    ("[scratch]", "[scratch, audit]", "BS706", "BS707", "databases.app.dump.exclude_tables"),
    ("globals: true", "globals: false", "BS706", "BS707", "databases.app.dump.globals"),
    ("\"0 2 * * *\"", "manual", "BS708", "BS709", "tiers.daily.schedule"),
    ("run: { by: systemd }\n", "", "BS708", "BS709", "run"),
    ("\"0 2 * * *\"", "\"0 2 * * SUN\"", "BS710", "BS711", "tiers.daily.schedule"),
    ("rpo: 25h", "rpo: 49h", "BS714", "BS715", "databases.app.objectives.rpo"),
    (", rto: 1h", "", "BS714", "BS715", "databases.app.objectives.rto"),
    ("keep: 1y", "keep: 100d", "BS716", "BS717", "tiers.monthly.copies[0].keep"),
    ("keep: 1y", "keep: 100d", "BS718", "BS719", "tiers.monthly.copies[0].keep"),
    ("keep: 30d", "keep: 10d", "BS718", "BS719", "tiers.daily.copies[0].keep"),
    ("      - { to: local, keep: 30d }\n", "", "BS720", "BS721", "tiers.daily.copies[0]"),
    ("GLACIER_IR", "GLACIER", "BS722", "BS723", "tiers.monthly.copies[0].transitions"),
    ("STANDARD_IA", "GLACIER", "BS722", "BS723", "tiers.daily.copies[1].storage_class"),
    ("bucket: shop-backups", "bucket: elsewhere", "BS726", "BS726", "storage.offsite.bucket"),
    ("prefix: prod", "prune: lifecycle\n    prefix: prod", "BS727", "BS727", "storage.offsite.prune"),
    ("      public_access: blocked\n", "", "BS728", "BS729", "storage.offsite.manage.public_access"),
    ("      transport: tls-only\n", "", "BS728", "BS729", "storage.offsite.manage.transport"),
    ("{ type: sse-kms, key: alias/backups }", "sse-s3", "BS728", "BS729", "storage.offsite.manage.encryption"),
    ("min_free: 15%", "min_free: 5%", "BS728", "BS729", "storage.local.min_free"),
    ("\"0700\"", "\"0755\"", "BS728", "BS729", "storage.local.manage.mode"),
    (
        "noncurrent_versions: 30d",
        "noncurrent_versions: 3d",
        "BS728",
        "BS729",
        "storage.offsite.manage.noncurrent_versions",
    ),
    ("retain: 14d", "retain: 7d", "BS730", "BS731", "storage.offsite.manage.object_lock"),
    ("keep_at_least: 4", "keep_at_least: 2", "BS732", "BS733", "safety.keep_at_least"),
    ("max_prune: 20%", "max_prune: 60%", "BS732", "BS733", "safety.max_prune"),
    ("tiers: [daily], encryption: team", "tiers: [daily]", "BS734", "BS735", "databases.crm.encryption"),
    (
        "recipients: [\"${env:KEY_A}\", \"${env:KEY_B}\"]",
        "passphrase: \"${env:WORD}\"",
        "BS736",
        "BS736",
        "encryption.team.type",
    ),
    ("\"${env:KEY_B}\"]", "\"${env:KEY_B}\", \"${env:KEY_C}\"]", "BS737", "BS738", "encryption.team.recipients"),
    ("grants: [write, read]", "grants: [write, read, prune]", "BS739", "BS740", "access.ci.grants"),
    ("rotate_after: 90d", "rotate_after: 1y", "BS739", "BS740", "access.writer.access_key.rotate_after"),
    (", environment: production", "", "BS741", "BS742", "access.ci.trust"),
    ("[ops, boss]", "[ops]", "BS743", "BS744", "alerts.rules"),
    ("overdue: 26h", "overdue: 50h", "BS743", "BS744", "alerts.thresholds.overdue"),
    ("\"0 */6 * * *\"", "\"0 0 * * *\"", "BS745", "BS746", "databases.app.verify.schedule"),
    ("level: deep", "level: checksum", "BS745", "BS746", "databases.app.verify.level"),
    (", { sql: SELECT 2, expect: \"= 2\" }", "", "BS745", "BS746", "databases.app.drill.checks"),
    ("/bin/quiesce", "/bin/other", "BS747", "BS747", "databases.app.hooks.before_backup"),
    ("team: platform", "team: shop", "BS749", "BS749", "storage.offsite.manage.tags.team"),
    ("timezone: UTC", "timezone: Europe/Berlin", "BS749", "BS749", "timezone"),
];

fn edited((from, to, ..): &Edit) -> String {
    assert_eq!(BASE.matches(from).count(), 1, "{from:?}");
    BASE.replace(from, to)
}

fn reviewed(base: &str, head: &str) -> PolicyReview {
    sides(Some(base), Some(head), None)
}

fn find<'r>(review: &'r PolicyReview, code: &str, route: &str) -> Option<&'r Finding> {
    review.findings.iter().find(|finding| finding.code.id == code && finding.route.to_string() == route)
}

#[test]
fn every_change_is_told_with_its_place_and_so_is_the_way_back() {
    let wrong: Vec<String> = EDITS.iter().filter_map(|edit| told(edit).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

fn told(edit: &Edit) -> Result<(), String> {
    let (from, to, code, back, route) = edit;
    let head = edited(edit);
    let there = reviewed(BASE, &head);
    let codes = |review: &PolicyReview| {
        let one = |finding: &Finding| format!("{} {} {}", finding.code.id, finding.route, finding.detail);
        review.findings.iter().map(one).collect::<Vec<_>>().join("\n  ")
    };
    let Some(found) = find(&there, code, route) else {
        return Err(format!("{from} -> {to}: no {code} at {route}:\n  {}", codes(&there)));
    };
    let Some(place) = &found.place else { return Err(format!("{from} -> {to} has no place")) };
    let text = if place.is_after { &head } else { BASE };
    let is_top = found.route.steps().len() == 1;
    if place.start.line > text.lines().count() || !(place.is_after || found.near.is_some() || is_top) {
        return Err(format!("{from} -> {to} is placed at nothing: {found:?}"));
    }
    let return_ = reviewed(&head, BASE);
    let is_back =
        |finding: &Finding| finding.code.id == *back && (finding.route.to_string() == *route || *back == "BS702");
    if !return_.findings.iter().any(is_back) {
        return Err(format!("{to} -> {from}: no {back} at {route}:\n  {}", codes(&return_)));
    }
    let is_valid = there.is_valid && return_.is_valid;
    is_valid.then_some(()).ok_or_else(|| format!("{from} -> {to} is no valid policy:\n  {}", codes(&there)))
}

#[test]
fn no_change_is_told_twice() {
    for edit in &EDITS {
        let review = reviewed(BASE, &edited(edit));
        // What is told by a code of its own is not told again as a setting.
        let settings = review.findings.iter().filter(|finding| finding.code.id == "BS749").count();
        let wanted = usize::from(edit.2 == "BS749");
        assert_eq!(settings, wanted, "{}: {:#?}", edit.0, review.findings);
    }
}

#[test]
fn another_text_of_the_same_meaning_changes_nothing() {
    let same = BASE
        .replace("keep: 30d", "keep: 720h")
        .replace("name: shop\n", "# the shop\nname: \"shop\"\n")
        .replace("tiers: [daily, monthly]", "tiers:\n      - daily\n      - monthly")
        .replace("safety: { keep_at_least: 4, max_prune: 20% }", "safety: { max_prune: 20%, keep_at_least: 4 }");
    let review = reviewed(BASE, &same);
    assert!(review.is_quiet(), "{review:#?}");
    assert!(review.questions.is_empty());
}

#[test]
fn monthly_backups_kept_for_90_days_instead_of_a_year_name_what_is_lost_and_when() {
    let review = reviewed(BASE, &BASE.replace("keep: 1y, transitions: [{ after: 90d, to: GLACIER_IR }]", "keep: 90d"));
    let found = find(&review, "BS716", "tiers.monthly.copies[0].keep").unwrap();
    assert_eq!(found.code.severity, Severity::Error);
    assert_eq!(found.databases, ["app"]);
    let lost = &found.lost[0];
    assert_eq!((lost.tier.as_str(), lost.is_recorded, lost.is_partial, lost.n_points), ("monthly", false, false, 12));
    // Four stay whatever their age, until newer ones come: the floor of `safety`.
    let days: Vec<(&str, usize)> = lost.days.iter().map(|day| (day.on.as_str(), day.points.len())).collect();
    assert_eq!(days, [("2026-11-27", 8), ("2026-12-01", 1), ("2027-01-01", 1), ("2027-02-01", 1), ("2027-03-01", 1)]);
    assert_eq!(lost.days[0].points[0].name, "2025-12-01 04:00 UTC");
    assert_eq!(lost.days[0].points[0].instead_of.as_deref(), Some("2026-12-01"));
    assert!(review.questions[0].contains("2026-11-27"), "{:?}", review.questions);
}

#[test]
fn a_restore_point_is_lost_with_its_last_copy_only() {
    // The copy offsite holds on for 60 days.
    let review = reviewed(BASE, &BASE.replace("keep: 30d", "keep: 10d"));
    assert!(find(&review, "BS718", "tiers.daily.copies[0].keep").is_some());
    assert!(review.findings.iter().all(|finding| finding.code.id != "BS716"), "{:#?}", review.findings);
    // What a tier no longer names, nobody deletes.
    let gone = reviewed(BASE, &BASE.replace("      - { to: offsite, keep: 60d, storage_class: STANDARD_IA }\n", ""));
    assert!(find(&gone, "BS720", "tiers.daily.copies[1]").is_some());
    assert!(gone.findings.iter().all(|finding| finding.code.id != "BS716"), "{:#?}", gone.findings);
}

const LIST: &str = r#"{"format_version":1,"unreadable_storages":[],"databases":[{"name":"app","in_policy":true,"backups":[
  {"id":"20261101T040000Z-aaaa","tier":"monthly","copies":[{"storage":"offsite","state":"verified","stored_bytes":1073741824}]},
  {"id":"20261001T040000Z-bbbb","tier":"monthly","copies":[{"storage":"offsite","state":"damaged","stored_bytes":1073741824}]},
  {"id":"20260901T040000Z-cccc","tier":"monthly","copies":[{"storage":"offsite","state":"unverified","stored_bytes":1073741824}]},
  {"id":"20260101T040000Z-dddd","tier":"monthly","copies":[{"storage":"offsite","state":"unverified","stored_bytes":1073741824}]},
  {"id":"20251201T040000Z-eeee","tier":"monthly","copies":[{"storage":"offsite","state":"unverified","stored_bytes":1073741824}]},
  {"id":"20251101T040000Z-ffff","tier":"monthly","copies":[{"storage":"local","state":"unverified","stored_bytes":1073741824}]}
]}]}"#;

#[test]
fn a_recorded_list_gives_names_sizes_and_costs() {
    let recorded = Recorded::parse(LIST.as_bytes()).unwrap();
    let head = BASE.replace("keep: 1y", "keep: 100d").replace("keep_at_least: 4", "keep_at_least: 1");
    let review = sides(Some(BASE), Some(&head), Some(&recorded));
    let lost = &find(&review, "BS716", "tiers.monthly.copies[0].keep").unwrap().lost[0];
    assert!(lost.is_recorded);
    let first: Vec<&str> = lost.days[0].points.iter().map(|point| point.name.as_str()).collect();
    // The one at `local` is at no storage of the tier, so the change does not touch it.
    assert_eq!(
        (lost.days[0].on.as_str(), first),
        ("2026-11-27", vec!["20251201T040000Z-eeee", "20260101T040000Z-dddd"])
    );
    let cost = review.cost.as_ref().unwrap();
    let offsite = &cost.storages[0];
    assert_eq!(offsite.storage, "offsite");
    assert!(offsite.month_before.unwrap() > offsite.month_after.unwrap(), "{cost:?}");
    assert_eq!(offsite.n_unknown, 1, "nothing of crm was recorded");
    // Without a change there is no bill to tell of.
    assert_eq!(sides(Some(BASE), Some(BASE), Some(&recorded)).cost, None);
    for bad in [
        "",
        "{}",
        r#"{"format_version":2,"databases":[]}"#,
        r#"{"format_version":1,"databases":[{"name":"a","backups":[{"id":"x","tier":"d","copies":[]}]}]}"#,
    ] {
        assert!(Recorded::parse(bad.as_bytes()).is_err(), "{bad}");
    }
}

#[test]
fn what_takes_longer_to_read_and_which_storage_goes_is_told() {
    let local = "      - { to: local, keep: 30d }\n";
    let cold = BASE.replace(local, "").replace("STANDARD_IA", "GLACIER");
    let review = reviewed(BASE, &cold);
    let found = find(&review, "BS712", "tiers.daily.copies").unwrap();
    assert_eq!((found.before.as_deref(), found.after.as_deref()), (Some("no thaw"), Some("up to 5h of thaw")));
    assert_eq!(found.databases, ["app", "crm"]);
    let back = reviewed(&cold, BASE);
    assert!(find(&back, "BS713", "tiers.daily.copies").is_some(), "{back:#?}");
    let storage = BASE.lines().find(|line| line.starts_with("  local:")).unwrap();
    let without = BASE.replace(local, "").replace(&format!("{storage}\n"), "");
    assert!(find(&reviewed(BASE, &without), "BS724", "storage.local").is_some());
    assert!(find(&reviewed(&without, BASE), "BS725", "storage.local").is_some());
}

#[test]
fn what_list_prints_is_what_a_review_reads() {
    let nights =
        ["2026-11-01T04:00:00Z", "2025-12-01T04:00:00Z"].map(|night| backup("app", "monthly", night.parse().unwrap()));
    let contents = Contents { backups: nights.to_vec(), ..Contents::default() };
    let points = restore_points([("offsite", &contents)]);
    let databases = vec![ListedDatabase { name: "app".to_owned(), is_in_policy: true, points, windows: Vec::new() }];
    let listing = Listing { databases, ..Listing::default() };
    let list = list_json(&listing, "2026-11-27T12:00:00Z".parse().unwrap());
    let recorded = Recorded::parse(list.as_bytes()).unwrap();
    let head = BASE.replace("keep: 1y", "keep: 100d").replace("keep_at_least: 4", "keep_at_least: 1");
    let review = sides(Some(BASE), Some(&head), Some(&recorded));
    let lost = &find(&review, "BS716", "tiers.monthly.copies[0].keep").unwrap().lost[0];
    let id = nights[1].id.to_string();
    assert_eq!((lost.is_recorded, lost.days[0].points[0].name.as_str()), (true, id.as_str()));
}

#[test]
fn of_a_schedule_that_fires_often_the_oldest_points_are_looked_at_too() {
    let base = BASE.replace("\"0 4 1 * *\"\n    copies", "\"*/5 * * * *\"\n    copies");
    let begun = std::time::Instant::now();
    let review = reviewed(&base, &base.replace("keep: 1y", "keep: 200d"));
    assert!(begun.elapsed() < std::time::Duration::from_secs(20), "{:?}", begun.elapsed());
    let found = find(&review, "BS716", "tiers.monthly.copies[0].keep").unwrap();
    assert!(found.lost[0].is_partial && found.detail.starts_with("more than "), "{}", found.detail);
    assert_eq!(found.lost[0].days[0].on, "2026-11-27", "the oldest go at once");
}

#[test]
fn a_policy_that_comes_or_goes_is_told_as_a_whole() {
    let come = sides(None, Some(BASE), None);
    assert!(come.findings.iter().any(|finding| finding.code.id == "BS701"));
    assert!(come.findings.iter().any(|finding| finding.code.id == "BS739"), "who gets access is told");
    assert!(come.findings.iter().any(|finding| finding.code.id == "BS747"), "what is run is told");
    assert_eq!(come.count(Severity::Error), 0, "{:#?}", come.findings);
    let gone = sides(Some(BASE), None, None);
    let lost: Vec<&str> = gone
        .findings
        .iter()
        .filter(|f| f.code.id == "BS700")
        .flat_map(|f| f.databases.iter().map(String::as_str))
        .collect();
    assert_eq!(lost, ["app", "crm"]);
    assert!(gone.is_valid && gone.head.is_none());
}

#[test]
fn a_policy_that_cannot_be_used_is_a_finding() {
    let broken = BASE.replace("keep: 1y", "keep: one year");
    let review = reviewed(BASE, &broken);
    assert!(!review.is_valid);
    assert_eq!(review.findings[0].code.id, "BS106");
    assert!(review.findings[0].place.as_ref().unwrap().is_after);
    // The base may be broken: the change may be what mends it.
    let mended = reviewed(&broken, BASE);
    assert!(mended.is_valid && mended.notes.len() == 1 && mended.count(Severity::Error) == 0, "{mended:#?}");
    // An error of a rule is one as well.
    let never = reviewed(BASE, &BASE.replace("0 2 * * *", "0 2 30 2 *"));
    assert!(!never.is_valid && never.findings.iter().any(|finding| finding.code.id == "BS215"), "{never:#?}");
}

#[test]
fn advice_is_told_when_it_is_new_and_silencing_it_is_told_too() {
    let head = BASE.replace("rpo: 25h", "rpo: 1h");
    let review = reviewed(BASE, &head);
    assert!(review.findings.iter().any(|finding| finding.code.id == "BS218"), "{:#?}", review.findings);
    let quiet = head.replace("    objectives:", "    # backstay: ignore[BS218] they know | @all\n    objectives:");
    let review = reviewed(&head, &quiet);
    assert_eq!(review.findings.len(), 1, "{:#?}", review.findings);
    assert_eq!(review.findings[0].code.id, "BS748");
    assert_eq!(
        review.findings[0].place.as_ref().unwrap().start.line,
        quiet.lines().position(|l| l.contains("ignore[")).unwrap() + 1
    );
}

#[test]
fn what_is_secret_is_not_shown() {
    let secret = "postgresql://app:hunter2hunter2@db/app";
    let head = BASE
        .replace("\"${env:APP_URL}\"", &format!("\"{secret}\""))
        .replace("[/bin/quiesce, now]", "[/bin/quiesce, --password, hunter2hunter2]");
    for review in [reviewed(BASE, &head), reviewed(&head, BASE)] {
        let all = format!("{review:?}");
        assert!(!all.contains("hunter2"), "{all}");
        assert!(all.contains("(hidden)"), "{all}");
    }
}

#[test]
fn a_storage_that_has_another_name_only_changes_little() {
    let head = BASE.replace("offsite", "remote");
    let review = reviewed(BASE, &head);
    assert!(
        review.findings.iter().all(|finding| finding.code.severity == Severity::Info || finding.code.id == "BS739"),
        "{review:#?}"
    );
    assert!(find(&review, "BS749", "storage.remote").is_some(), "{review:#?}");
}

#[test]
fn a_thousand_databases_are_compared_at_once() {
    let one = |n: usize| {
        format!("  db{n}: {{ connection: \"${{env:URL_{n}}}\", tiers: [daily, monthly], encryption: team }}\n")
    };
    let many: String = (0..1_000).map(one).collect();
    let base = BASE.replace("  crm: {", &format!("{many}  crm: {{"));
    let head = base.replace("keep: 1y", "keep: 90d").replace(", transitions: [{ after: 90d, to: GLACIER_IR }]", "");
    let begun = std::time::Instant::now();
    let review = reviewed(&base, &head);
    assert!(begun.elapsed() < std::time::Duration::from_secs(30), "{:?}", begun.elapsed());
    let found = find(&review, "BS716", "tiers.monthly.copies[0].keep").unwrap();
    assert_eq!((found.databases.len(), found.lost.len()), (1_001, 1), "all of them lose the same");
    assert!(review.findings.len() < 10, "{}", review.findings.len());
}

/// What a code becomes on the way back; `None` for what has no opposite that must show.
fn opposite(code: &'static str) -> Option<&'static str> {
    const SAME: [&str; 6] = ["BS702", "BS705", "BS726", "BS727", "BS736", "BS747"];
    let pairs: BTreeMap<&str, &str> =
        EDITS.iter().flat_map(|(_, _, there, back, _)| [(*there, *back), (*back, *there)]).collect();
    match code {
        // What existed differs on the two ways, and so does what is advised.
        "BS716" | "BS717" | "BS748" => None,
        "BS749" => Some("BS749"),
        "BS712" => Some("BS713"),
        "BS713" => Some("BS712"),
        "BS724" => Some("BS725"),
        "BS725" => Some("BS724"),
        code if SAME.contains(&code) => Some(code),
        code if code.starts_with("BS7") => {
            Some(pairs.get(code).copied().unwrap_or_else(|| panic!("{code} has no opposite")))
        }
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Nothing changes from a policy to itself; and what one way loses, the other gains.
    #[test]
    fn reviews_are_symmetric(
        one in subsequence((0..EDITS.len()).collect::<Vec<_>>(), 0..5),
        other in subsequence((0..EDITS.len()).collect::<Vec<_>>(), 0..5),
    ) {
        let apply = |edits: &[usize]| edits.iter().fold(BASE.to_owned(), |text, index| {
            let (from, to, ..) = EDITS[*index];
            text.replace(from, to)
        });
        let (one, other) = (apply(&one), apply(&other));
        let same = reviewed(&one, &one);
        prop_assert!(same.findings.iter().all(|finding| !finding.code.id.starts_with("BS7")), "{same:#?}");
        let (there, back) = (reviewed(&one, &other), reviewed(&other, &one));
        let codes = |review: &PolicyReview, turn: fn(&'static str) -> Option<&'static str>| {
            let mut codes: Vec<&str> = review.findings.iter().filter_map(|finding| turn(finding.code.id)).collect();
            codes.sort_unstable();
            codes.dedup();
            codes
        };
        let own = |code: &'static str| opposite(code).map(|_| code);
        prop_assert_eq!(codes(&there, opposite), codes(&back, own), "{}\n---\n{}", one, other);
    }
}
