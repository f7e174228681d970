//! The settings by which a server archives its WAL, as the policy owns them.

use crate::support::{Archiving, Backstay, Version, until};

fn call(archiving: &Archiving, words: &[&str]) -> Backstay {
    archiving.backstay(words).env("DATABASE_URL", archiving.server.url("postgres")).env("HOME", archiving.path("home"))
}

#[test]
fn apply_makes_a_server_archive_and_leaves_the_command_of_another_tool() {
    let archiving = Archiving::start(Version::Distribution);
    let server = &archiving.server;
    archiving.edit_policy("to: [near, far] }", "to: [near, far], archive_timeout: 90s, manage: true }");
    let plan = call(&archiving, &["plan", "--only", "infra"]).run().expect(0);
    assert!(
        plan.stdout.contains("archive_command") && plan.stdout.contains("wal push %p --database main"),
        "{plan:#?}"
    );
    call(&archiving, &["apply", "--only", "infra", "--yes"]).run().expect(0);
    assert_eq!(server.psql("postgres", "SHOW archive_timeout"), "90s");
    let last = archiving.finish_segment();
    until(|| server.psql("postgres", "SELECT coalesce(last_archived_wal, '') FROM pg_stat_archiver") >= last);
    assert!(archiving.files("near").contains(&last));
    call(&archiving, &["plan", "--only", "infra", "--detailed-exitcode"]).run().expect(0);

    server.psql("postgres", "ALTER SYSTEM SET max_wal_senders = 1");
    server.psql("postgres", "ALTER SYSTEM SET archive_command = 'cp %p /elsewhere/%f'");
    server.psql("postgres", "SELECT pg_reload_conf()");
    until(|| server.psql("postgres", "SHOW archive_command").starts_with("cp "));
    let plan = call(&archiving, &["plan", "--only", "infra"]).run().expect(1);
    assert!(plan.stdout.contains("another tool archives: `cp %p /elsewhere/%f`"), "{plan:#?}");
    assert!(
        plan.stdout.contains("max_wal_senders") && plan.stdout.contains("when the server is restarted"),
        "{plan:#?}"
    );
    let applied = call(&archiving, &["apply", "--only", "infra", "--yes"]).run();
    assert!(applied.stdout.contains("when the server is restarted"), "{applied:#?}");
    assert!(server.psql("postgres", "SHOW archive_command").starts_with("cp "));
}
