//! One event after the other, from what happens in the world to what a person is told, and its end.

use crate::support::{CANARY, Canned, Database, MailServer, Project, Server};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// A project that tells a webhook of these events.
struct Watched {
    source: Database,
    project: Project,
    hook: Canned,
    n_seen: usize,
}

impl Watched {
    fn new(name: &str, events: &str, more: &str) -> Watched {
        let source = Database::create(Server::any(), name);
        source.psql("CREATE TABLE t AS SELECT generate_series(1, 100) n");
        let channels = "alerts:\n  channels: { hook: { type: webhook, url: \"${env:HOOK}\" } }\n";
        let rules = format!("  rules: [{{ on: [{events}], notify: [hook] }}]\n{more}");
        let project = Project::new(&source, &format!("{channels}{rules}"));
        Watched { source, project, hook: Canned::start(|_| (200, &[], "ok".to_owned())), n_seen: 0 }
    }

    fn call(&self, arguments: &[&str]) -> crate::support::Backstay {
        self.project.backstay(arguments).env("HOOK", self.hook.url())
    }

    /// Runs a verb, and returns what was told of it: event, kind and what it is about.
    #[track_caller]
    fn told(&mut self, arguments: &[&str], code: i32) -> Vec<String> {
        let run = self.call(arguments).run().expect(code);
        assert!(!run.stderr.contains("BS75"), "{run:#?}");
        let news = self.hook.asked().split_off(self.n_seen);
        self.n_seen += news.len();
        let words = |message: &Value| {
            let parts = ["event", "kind", "database", "tier", "storage"].map(|name| message[name].as_str());
            parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
        };
        news.iter().map(|asked| words(&serde_json::from_str(&asked.body).unwrap())).collect()
    }

    /// Changes a byte of the dump at a storage.
    fn damage(&self, storage: &str) {
        let file = self.project.data(storage).join("dump.zst");
        let mut bytes = fs::read(&file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&file, bytes).unwrap();
    }

    fn last(&self) -> Value {
        serde_json::from_str(&self.hook.asked().last().unwrap().body).unwrap()
    }
}

#[test]
fn drift_is_told_once_and_its_end() {
    let mut watched = Watched::new("told_drift", "plan_drift", "");
    assert_eq!(watched.told(&["apply", "--yes", "--only", "infra"], 0), [""; 0]);
    let near = watched.project.path("near");
    fs::set_permissions(&near, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(watched.told(&["backup", "app"], 0), ["plan_drift new"]);
    let message = watched.last();
    assert!(message["problem"].as_str().unwrap().contains("storage/near/folder"), "{message:#}");
    assert_eq!(message["command"], "backstay plan --policy backstay.yaml");
    assert_eq!(watched.told(&["backup", "app"], 0), [""; 0]);
    assert_eq!(watched.told(&["apply", "--yes", "--only", "infra"], 0), ["plan_drift resolved"]);
    assert_eq!(watched.told(&["backup", "app"], 0), [""; 0]);
}

#[test]
fn a_backup_of_another_size_is_told_until_the_next_is_as_usual() {
    let mut watched = Watched::new("told_size", "backup_size", "  thresholds: { size_change: 50% }\n");
    assert_eq!(watched.told(&["backup", "app"], 0), [""; 0]);
    assert_eq!(watched.told(&["backup", "app"], 0), [""; 0]);
    watched.source.psql("INSERT INTO t SELECT (random() * 1e9)::int FROM generate_series(1, 100000)");
    assert_eq!(watched.told(&["backup", "app"], 0), ["backup_size new app now"]);
    assert!(watched.last()["problem"].as_str().unwrap().contains("% larger"), "{:#}", watched.last());
    assert_eq!(watched.told(&["backup", "app"], 0), ["backup_size resolved app now"]);
    watched.source.psql("DELETE FROM t");
    assert_eq!(watched.told(&["backup", "app"], 0), ["backup_size new app now"]);
    assert!(watched.last()["problem"].as_str().unwrap().contains("% smaller"), "{:#}", watched.last());
}

#[test]
fn a_damaged_copy_is_told_until_it_is_replaced() {
    let mut watched = Watched::new("told_damage", "verify_failed", "");
    assert_eq!(watched.told(&["backup", "app"], 0), [""; 0]);
    assert_eq!(watched.told(&["verify"], 0), [""; 0]);
    watched.damage("far");
    assert_eq!(watched.told(&["verify"], 8), ["verify_failed new app now far"]);
    let message = watched.last();
    assert_eq!(
        (message["severity"].as_str(), message["restorable"][0]["storages"][0].as_str()),
        (Some("critical"), Some("near"))
    );
    assert_eq!(watched.told(&["verify"], 8), [""; 0]);
    assert_eq!(watched.told(&["sync", "--yes"], 0), ["verify_failed resolved app now far"]);
    assert_eq!(watched.told(&["verify"], 0), [""; 0]);
}

#[test]
fn a_copy_that_somebody_deleted_is_told_until_it_is_there_again() {
    let mut watched = Watched::new("told_copy", "copy_missing", "");
    assert_eq!(watched.told(&["backup", "app"], 0), [""; 0]);
    for part in ["manifest", "data"] {
        fs::remove_dir_all(watched.project.path("far").join(part)).unwrap();
    }
    assert_eq!(watched.told(&["verify"], 0), ["copy_missing new app now far"]);
    assert_eq!(watched.told(&["verify"], 0), [""; 0]);
    assert_eq!(watched.told(&["sync", "--yes"], 0), ["copy_missing resolved app now far"]);
}

#[test]
fn a_restore_is_told_each_time_and_louder_when_it_fails() {
    let mut watched = Watched::new("told_restore", "restore_done", "");
    assert_eq!(watched.told(&["backup", "app"], 0), [""; 0]);
    let copy = Database::name_only(watched.source.server, "told_restored");
    assert_eq!(watched.told(&["restore", "app", "--into", &copy.name, "--yes"], 0), ["restore_done happened app"]);
    assert_eq!(watched.last()["severity"], "info");
    // It is there by now: nothing was begun.
    assert_eq!(watched.told(&["restore", "app", "--into", &copy.name, "--yes"], 4), [""; 0]);
    watched.damage("near");
    watched.damage("far");
    let told = watched.told(&["restore", "app", "--into", "told_nothing", "--yes"], 8);
    assert_eq!(told, ["restore_done happened app"]);
    let message = watched.last();
    assert_eq!((message["severity"].as_str(), message["code"].as_str()), (Some("warning"), Some("BS516")));
}

/// Runs that end together on the same store tell each thing once.
#[test]
fn runs_that_fail_at_the_same_time_tell_it_once() {
    let mut watched = Watched::new("told_once", "backup_failed", "");
    for round in 1..=3 {
        let broken = || watched.call(&["backup", "app"]).env("DATABASE_URL", "postgresql://127.0.0.1:1/nowhere");
        let runs: Vec<_> = (0..4).map(|_| broken().into_command().spawn().unwrap()).collect();
        for run in runs {
            let ended = run.wait_with_output().unwrap();
            assert_ne!(ended.status.code(), Some(0));
        }
        assert_eq!(watched.hook.asked().len(), 2 * round - 1, "{:#?}", watched.hook.asked());
        watched.n_seen = 2 * round - 1;
        assert_eq!(watched.told(&["backup", "app"], 0), ["backup_failed resolved app now"]);
    }
}

#[test]
fn mail_goes_to_a_server_that_speaks_tls_from_the_first_byte() {
    let mail = MailServer::start(&["implicit", "auth"], &format!("{CANARY}-smtp"));
    let channel = format!(
        "alerts:\n  channels:\n    mail: {{ type: email, host: 127.0.0.1, port: {}, tls: implicit, user: backup, \
         password: \"${{env:PASSWORD}}\", from: a@example.org, to: [b@example.org] }}\n  \
         rules: [{{ on: [backup_failed], notify: [mail] }}]\n",
        mail.port
    );
    let source = Database::create(Server::any(), "told_mail");
    let project = Project::new(&source, &channel);
    let call = || project.backstay(&["alert", "test", "mail"]).env("PASSWORD", format!("{CANARY}-smtp"));
    // Nobody vouches for the server: no mail, and no password.
    call().run().expect(1);
    assert_eq!(mail.mails().len(), 0);
    call().env("SSL_CERT_FILE", mail.authority()).run().expect(0);
    let mails = mail.mails();
    assert_eq!((mails.len(), mails[0]["tls"].as_bool(), mails[0]["login"].as_str()), (1, Some(true), Some("backup")));
}
