//! Recovery of real servers by what was archived.

use crate::support::{Archiving, Server, Version, until};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A base backup of the server, as PostgreSQL makes one itself, ready to recover by the archive.
fn base_backup(archiving: &Archiving, name: &str) -> PathBuf {
    let to = archiving.path(name);
    fs::create_dir_all(&to).unwrap();
    let data = to.join("data");
    let arguments = ["-D", data.to_str().unwrap(), "-X", "none", "-c", "fast", "--no-sync"];
    archiving.server.output("pg_basebackup", &arguments, "postgres");
    archiving.give_away();
    to
}

/// The program of the server on that data, run to its end: what it says.
fn failing_start(archiving: &Archiving, dir: &Path, settings: &[&str]) -> String {
    use std::os::unix::process::CommandExt;
    let mut command = Command::new(archiving.server.bin.join("postgres"));
    command.env_clear().env("PATH", "/usr/bin:/bin").current_dir("/").arg("-D").arg(dir.join("data"));
    command.arg("-k").arg(dir).args(settings.iter().flat_map(|setting| ["-c", setting]));
    if let Some((uid, gid)) = Server::user() {
        command.uid(uid).gid(gid);
    }
    let output = command.output().unwrap();
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn recovered_to_the_last_segment(version: Version) {
    let archiving = Archiving::start(version);
    archiving.archive();
    let server = &archiving.server;
    server.psql("postgres", "CREATE TABLE ledger (n int PRIMARY KEY, text text)");
    let base = base_backup(&archiving, "base");
    let early = base_backup(&archiving, "early");
    // More segments than are fetched ahead.
    for n in 0..14 {
        server.psql("postgres", &format!("INSERT INTO ledger VALUES ({n}, repeat('x', 1000))"));
        archiving.finish_segment();
    }
    let last = server.psql("postgres", "SELECT pg_walfile_name(pg_switch_wal())");
    until(|| server.psql("postgres", "SELECT last_archived_wal FROM pg_stat_archiver").as_str() >= last.as_str());
    server.psql("postgres", "INSERT INTO ledger VALUES (99, 'in no archive')");

    let restore = format!("restore_command={}", archiving.commands().1);
    fs::write(base.join("data/recovery.signal"), "").unwrap();
    archiving.give_away();
    // A store that cannot be asked must not end recovery.
    for storage in ["near", "far"] {
        fs::rename(archiving.path(storage), archiving.path(&format!("{storage}-away"))).unwrap();
        fs::write(archiving.path(storage), "").unwrap();
    }
    fs::write(early.join("data/recovery.signal"), "").unwrap();
    archiving.give_away();
    let said = failing_start(&archiving, &early, &[&restore, "port=1", "listen_addresses="]);
    assert!(said.contains("exit code 200") || said.contains("status 200") || said.contains("BS864"), "{said}");
    assert!(!said.contains("archive recovery complete"), "{said}");
    for storage in ["near", "far"] {
        fs::remove_file(archiving.path(storage)).unwrap();
        fs::rename(archiving.path(&format!("{storage}-away")), archiving.path(storage)).unwrap();
    }
    let recovered = Server::start_on(version, &base, &[&restore, "archive_mode=off"]);
    until(|| recovered.psql("postgres", "SELECT pg_is_in_recovery()") == "f");
    assert_eq!(recovered.psql("postgres", "SELECT count(*), max(n) FROM ledger"), "14|13");
    assert_eq!(
        recovered.psql("postgres", "SELECT timeline_id FROM pg_control_checkpoint()"),
        "2",
        "{}",
        recovered.log()
    );
}

#[test]
fn a_server_recovers_to_the_last_archived_segment() {
    recovered_to_the_last_segment(Version::Distribution);
}

#[test]
fn a_newer_server_does_too() {
    recovered_to_the_last_segment(Version::Newer);
}
