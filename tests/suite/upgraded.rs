//! A database in the course of time: a promotion makes another timeline of it, and then it becomes another cluster, as by
//! `pg_upgrade`. What is promised is kept and comes back exactly, and goes when it is promised no more.

use crate::point_in_time::{archive_all, call, restored};
use crate::support::{Archiving, Backstay, Server, Version, until};
use serde_json::Value;
use std::fs;

const NOW: &str = "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')";

/// Writes a row, says a moment, writes another one, and archives all.
fn moment(server: &Server, n: u32) -> String {
    server.psql("postgres", &format!("INSERT INTO ledger VALUES ({n})"));
    let moment = server.psql("postgres", NOW);
    // A folder tells whole seconds of when a segment was stored: the next one is surely after the moment.
    std::thread::sleep(std::time::Duration::from_millis(1200));
    server.psql("postgres", &format!("INSERT INTO ledger VALUES ({})", n + 1));
    for _ in 0..2 {
        server.psql("postgres", "SELECT pg_logical_emit_message(false, 'test', repeat('x', 100000))");
        let last = server.psql("postgres", "SELECT pg_walfile_name(pg_switch_wal())");
        until(|| server.psql("postgres", "SELECT coalesce(last_archived_wal, '') FROM pg_stat_archiver") >= last);
    }
    moment
}

fn comes_back(field: &Archiving, name: &str, moment: &str, rows: &str) {
    restored(field, name, &["--to-time", moment], |psql, done| {
        assert_eq!(psql("SELECT string_agg(n::text, ' ' ORDER BY n) FROM ledger"), rows, "{done:#}");
    });
}

fn settings(field: &Archiving) -> Vec<String> {
    let (push, fetch) = field.commands();
    vec![format!("restore_command={fetch}"), format!("archive_command={push}"), "archive_mode=on".to_owned()]
}

fn promoted(field: &Archiving) -> Server {
    let to = field.path("standby");
    fs::create_dir_all(&to).unwrap();
    let data = to.join("data");
    let arguments = ["-D", data.to_str().unwrap(), "-X", "none", "-c", "fast", "--no-sync"];
    field.server.output("pg_basebackup", &arguments, "postgres");
    archive_all(field);
    fs::write(data.join("recovery.signal"), "").unwrap();
    field.give_away();
    let settings = settings(field);
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    let server = Server::start_on(Version::Distribution, &to, &settings);
    until(|| server.psql("postgres", "SELECT pg_is_in_recovery()") == "f");
    server
}

#[test]
fn what_is_promised_survives_a_promotion_and_an_upgrade() {
    let field = Archiving::start(Version::Distribution);
    field.archive();
    field.server.psql("postgres", "CREATE TABLE ledger (n int)");
    let on = |server: &Server, words: &[&str]| -> Backstay {
        call(&field, words).env("DATABASE_URL", server.url("postgres"))
    };
    let standing =
        |server: &Server| -> Value { on(server, &["status", "--json"]).run().expect(0).json()["policies"][0].clone() };
    let cut = |server: &Server| standing(server)["databases"][0]["wal"]["cut_off"].clone();
    let windows = |server: &Server| {
        let wal = standing(server)["databases"][0]["wal"].clone();
        let window =
            |window: &Value| (window["timeline"].as_u64().unwrap(), window["backups"].as_array().unwrap().len());
        wal["windows"].as_array().unwrap().iter().map(window).collect::<Vec<_>>()
    };

    on(&field.server, &["backup", "main"]).run().expect(0);
    let first = moment(&field.server, 1);
    let second_server = promoted(&field);
    // The first base backup leads to the new timeline; the second one begins on it.
    on(&second_server, &["backup", "main"]).run().expect(0);
    let second = moment(&second_server, 3);
    assert_eq!((windows(&second_server), cut(&second_server)), (vec![(2, 2)], Value::Null));

    let of_third = settings(&field);
    let third_server = Server::start_with(Version::Distribution, &[of_third[1].as_str(), of_third[2].as_str()]);
    third_server.psql("postgres", "CREATE TABLE ledger (n int)");
    moment(&third_server, 90);
    // WAL of a cluster without a base backup is of no use.
    let why = cut(&third_server);
    assert!(why.as_str().is_some_and(|why| why.contains("another cluster")), "{why}");
    on(&third_server, &["backup", "main"]).run().expect(0);
    third_server.psql("postgres", "TRUNCATE ledger");
    let third = moment(&third_server, 5);
    assert_eq!((windows(&third_server), cut(&third_server)), (vec![(2, 2), (1, 1)], Value::Null));
    on(&third_server, &["verify", "main"]).run().expect(0);
    let nothing = on(&third_server, &["plan", "--only", "prune", "--json"]).run().expect(0).json();
    let deletes = |plan: &Value| {
        let actions = plan["plans"][0]["actions"].as_array().unwrap().clone();
        actions.iter().map(|action| action["deed"]["type"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    // What ends before the oldest base backup may be there.
    assert!(!deletes(&nothing).contains(&"prune_backup".to_owned()), "{nothing:#}");
    comes_back(&field, "first", &first, "1");
    comes_back(&field, "second", &second, "1 2 3");
    comes_back(&field, "third", &third, "5");

    // The oldest is promised no more: what only it needed goes, of its cluster alone.
    field.edit_policy("keep: 7d", "keep: { last: 2 }");
    let plan = on(&third_server, &["plan", "--only", "prune", "--json"]).run().expect(0).json();
    assert_eq!(deletes(&plan).iter().filter(|deed| *deed == "prune_backup").count(), 1, "{plan:#}");
    let reach = &plan["plans"][0]["restorable"][0];
    let (now, after) = (&reach["windows"], &reach["windows_after"]);
    assert!(after[0]["from"].as_str() > now[0]["from"].as_str() && after[1] == now[1], "{reach:#}");
    let text = on(&third_server, &["plan", "--only", "prune"]).run().expect(0).stdout;
    assert!(text.contains("after this plan: oldest moment 20"), "{text}");
    on(&third_server, &["apply", "--only", "prune", "--yes", "--allow-prune", "main=1"]).run().expect(0);
    assert_eq!(windows(&third_server), [(2, 1), (1, 1)]);
    let empty = on(&third_server, &["plan", "--only", "prune", "--json"]).run().expect(0).json();
    assert_eq!(deletes(&empty), [""; 0], "{empty:#}");
    on(&third_server, &["verify", "main"]).run().expect(0);
    comes_back(&field, "second-again", &second, "1 2 3");
    comes_back(&field, "third-again", &third, "5");
    let target = field.path("refused");
    let words = ["restore", "main", "--target-dir", target.to_str().unwrap(), "--to-time", &first];
    let refused = on(&third_server, &words).run().expect(1);
    assert!(refused.stderr.contains("BS920") && refused.stderr.contains("the oldest backup"), "{refused:#?}");

    // The first cluster is over.
    field.edit_policy("keep: { last: 2 }", "keep: { last: 1 }");
    on(&third_server, &["apply", "--only", "prune", "--yes", "--allow-prune", "main=1"]).run().expect(0);
    assert_eq!(windows(&third_server), [(1, 1)]);
    let systems: Vec<String> = field.keys("near").iter().map(|key| key.split('/').nth(2).unwrap().to_owned()).collect();
    assert!(systems.iter().all(|system| *system != field.system()), "{systems:?}");
    comes_back(&field, "third-at-last", &third, "5");
}
