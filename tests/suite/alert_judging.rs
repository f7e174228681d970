//! What is new, what is told again, and what is over, as a pure question.

use crate::support::desired;
use backstay::alert::{
    DeedEnd, DeedKind, Kind, Memory, Notice, RunReport, Sender, Sight, Topic, Verdict, digest_title, html, judge, plain,
};
use backstay::policy::{AlertSeverity, Desired};
use backstay::standing::{Standing, StorageStanding};
use jiff::Timestamp;

const POLICY: &str = "
version: 1
name: shop
storage:
  near: { type: filesystem, path: /backups/near }
tiers:
  daily: { schedule: \"0 2 * * *\", copies: [{ to: near, keep: 30d }] }
databases:
  app: { connection: \"${env:URL}\", tiers: [daily] }
  other: { connection: \"${env:URL}\", tiers: [daily] }
alerts:
  channels:
    ops: { type: webhook, url: \"${env:OPS}\" }
    pager: { type: webhook, url: \"${env:PAGER}\" }
    alive: { type: healthcheck, url: \"${env:ALIVE}\" }
  rules:
    - { on: [backup_failed], notify: [ops, alive] }
    - { on: [storage_low], notify: [ops] }
    - { on: [backup_failed], notify: [pager], databases: [other], severity: info }
";

fn at(hours: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + hours * 3600).unwrap()
}

fn storage(problem: Option<&str>, free: u64) -> StorageStanding {
    StorageStanding {
        name: "near".to_owned(),
        location: "/backups/near".to_owned(),
        problem: problem.map(str::to_owned),
        n_copies: 0,
        stored_bytes: 0,
        leftover_bytes: 0,
        n_broken: 0,
        space: Some((free, 100)),
        min_free: Some("15%".parse().unwrap()),
    }
}

fn standing(desired: &Desired, hours: i64, storage: StorageStanding) -> Standing {
    Standing {
        policy: desired.name.clone(),
        file: desired.file.clone(),
        at: at(hours),
        databases: Vec::new(),
        storages: vec![storage],
        unlisted: Vec::new(),
    }
}

struct World {
    desired: Desired,
    memory: Memory,
}

impl World {
    fn new() -> World {
        World { desired: desired(POLICY), memory: Memory::empty("shop") }
    }

    fn judge(&self, hours: i64, seen: Option<StorageStanding>, report: &RunReport) -> Verdict {
        let standing = seen.map(|seen| standing(&self.desired, hours, seen));
        let sender = Sender { run: "r".to_owned(), host: "db1".to_owned(), sent_at: at(hours) };
        judge(&self.desired, &Sight { standing: standing.as_ref(), report }, &self.memory, &sender)
    }

    /// Judges, and every channel but `down` takes what it is told.
    fn run(&mut self, hours: i64, seen: Option<StorageStanding>, down: &str) -> Vec<Notice> {
        self.run_of(hours, seen, down, &RunReport::begun("r".to_owned(), at(hours)))
    }

    fn run_of(&mut self, hours: i64, seen: Option<StorageStanding>, down: &str, report: &RunReport) -> Vec<Notice> {
        let verdict = self.judge(hours, seen, report);
        self.memory = verdict.memory;
        for notice in verdict.notices.iter().filter(|notice| notice.channel != down) {
            match (notice.message.kind, notice.told) {
                (Kind::Resolved, _) => self.memory.acknowledge_over(&notice.message.key, &notice.channel),
                (_, Some(told)) => self.memory.acknowledge(&notice.message.key, &notice.channel, told),
                (_, None) => {}
            }
        }
        verdict.notices
    }
}

fn told(notices: &[Notice]) -> Vec<(&str, Kind, AlertSeverity)> {
    notices.iter().map(|notice| (notice.channel.as_str(), notice.message.kind, notice.message.severity)).collect()
}

#[test]
fn a_thing_is_told_when_it_begins_when_it_lasts_and_when_it_is_over() {
    let mut world = World::new();
    let low = || Some(storage(None, 5));
    assert_eq!(told(&world.run(0, Some(storage(None, 50)), "")), []);
    assert_eq!(told(&world.run(1, low(), "")), [("ops", Kind::New, AlertSeverity::Warning)]);
    assert_eq!(told(&world.run(2, low(), "")), []);
    assert_eq!(told(&world.run(24, low(), "")), []);
    assert_eq!(told(&world.run(25, low(), "")), [("ops", Kind::Again, AlertSeverity::Critical)]);
    assert_eq!(told(&world.run(48, low(), "")), []);
    assert_eq!(told(&world.run(25 + 7 * 24, low(), "")), [("ops", Kind::Again, AlertSeverity::Critical)]);
    assert_eq!(told(&world.run(200, Some(storage(None, 50)), "")), [("ops", Kind::Resolved, AlertSeverity::Critical)]);
    assert!(world.memory.entries.is_empty());
    assert_eq!(told(&world.run(201, Some(storage(None, 50)), "")), []);
    assert_eq!(told(&world.run(202, low(), "")), [("ops", Kind::New, AlertSeverity::Warning)]);
}

#[test]
fn who_did_not_hear_hears_from_the_next_run() {
    let mut world = World::new();
    let low = || Some(storage(None, 5));
    assert_eq!(world.run(0, low(), "ops").len(), 1);
    assert_eq!(told(&world.run(1, low(), "")), [("ops", Kind::New, AlertSeverity::Warning)]);
    // Nobody is told that something is over of which nobody heard.
    let mut unheard = World::new();
    unheard.run(0, low(), "ops");
    assert_eq!(told(&unheard.run(1, Some(storage(None, 50)), "")), []);
    // Nor is a resolve lost.
    assert_eq!(world.run(2, Some(storage(None, 50)), "ops").len(), 1);
    assert_eq!(told(&world.run(3, Some(storage(None, 50)), "")), [("ops", Kind::Resolved, AlertSeverity::Warning)]);
}

#[test]
fn what_cannot_be_seen_is_not_over() {
    let mut world = World::new();
    world.run(0, Some(storage(None, 5)), "");
    assert_eq!(told(&world.run(1, None, "")), []);
    let unreadable = world.run(2, Some(storage(Some("no route"), 50)), "");
    // Which databases a storage is for is not known here, so every rule is about it.
    let info = ("pager", Kind::New, AlertSeverity::Info);
    assert_eq!(told(&unreadable), [("ops", Kind::New, AlertSeverity::Critical), info]);
    assert_eq!(unreadable[0].message.key, "backup_failed///near");
    assert_eq!(world.memory.entries.len(), 2);
    assert_eq!(world.run(3, Some(storage(None, 50)), "").len(), 3);
    assert!(world.memory.entries.is_empty());
}

#[test]
fn rules_choose_channels_by_database_and_the_loudest_counts() {
    let mut world = World::new();
    let mut report = RunReport::begun("r".to_owned(), at(0));
    for database in ["app", "other"] {
        let end = DeedEnd::failed("[BS520] db1 cannot be reached");
        report.add(DeedKind::Backup, Topic::tier(database, "daily"), end);
    }
    let notices = world.run_of(0, None, "", &report);
    let mut heard: Vec<_> =
        notices.iter().map(|n| (n.channel.as_str(), n.message.topic.database.as_str(), n.message.severity)).collect();
    heard.sort();
    let (critical, info) = (AlertSeverity::Critical, AlertSeverity::Info);
    assert_eq!(heard, [("ops", "app", critical), ("ops", "other", critical), ("pager", "other", info)]);
    assert_eq!(notices[0].message.code.as_deref(), Some("BS520"));
    assert!(!notices[0].message.restorable[0].is_known);
    let messages: Vec<_> = notices.iter().map(|notice| &notice.message).collect();
    assert_eq!(digest_title(&messages), "[shop] app, tier daily: the backup failed and 2 more");
}

#[test]
fn what_others_wrote_stays_text() {
    let mut world = World::new();
    let mut report = RunReport::begun("r".to_owned(), at(0));
    let end = DeedEnd::failed("[BS528] <script>alert(1)</script>\n\x1b[31m & \"x\"");
    report.add(DeedKind::Backup, Topic::tier("app", "daily"), end);
    let notices = world.run_of(0, None, "", &report);
    let messages = [&notices[0].message];
    assert!(!html(&messages).contains("<script>"), "{}", html(&messages));
    assert!(!plain(&messages).contains('\x1b'), "{}", plain(&messages));
    insta::assert_snapshot!(plain(&messages));
}

#[test]
fn equal_inputs_are_judged_alike() {
    let world = World::new();
    let report = RunReport::begun("r".to_owned(), at(0));
    let judged = || world.judge(0, Some(storage(None, 5)), &report);
    assert_eq!(judged(), judged());
    assert!(!judged().is_quiet(&world.memory));
}

#[test]
fn what_is_left_to_another_host_is_not_over_here() {
    let mut world = World::new();
    let mut report = RunReport::begun("r".to_owned(), at(0));
    report.add(DeedKind::Backup, Topic::tier("app", "daily"), DeedEnd::failed("[BS520] db1 cannot be reached"));
    world.run_of(0, None, "", &report);
    world.desired.elsewhere = vec!["app".to_owned()];
    assert_eq!(told(&world.run(1, Some(storage(None, 50)), "")), []);
    world.desired.elsewhere.clear();
    // Nobody has it: it left the policy.
    assert_eq!(told(&world.run(2, Some(storage(None, 50)), "")), [("ops", Kind::Resolved, AlertSeverity::Critical)]);
}
