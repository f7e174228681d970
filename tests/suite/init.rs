//! `backstay init`: a first policy from a live server, without a secret in it.

use crate::support::{Backstay, CANARY, Database, Server};

#[test]
fn a_policy_is_written_once_and_holds_no_secret() {
    let database = Database::create(Server::any(), "Init of \"this\" 😀");
    let folder = tempfile::tempdir().unwrap();
    let init = || Backstay::new(["init"]).env("DATABASE_URL", database.url()).current_dir(folder.path()).run();
    let run = init().expect(0);
    assert!(run.stdout.is_empty() && run.stderr.contains("backstay validate"), "{run:#?}");
    let text = std::fs::read_to_string(folder.path().join("backstay.yaml")).unwrap();
    assert!(!text.contains(CANARY) && !text.contains("%20"), "{text}");
    assert!(text.contains("connection: ${env:DATABASE_URL}") && text.contains("\"Init-of--this"), "{text}");

    let valid = Backstay::new(["validate"]).current_dir(folder.path()).run().expect(0);
    assert!(!valid.stdout.contains("BS0") && !valid.stdout.contains("BS1"), "{valid:#?}");

    let again = init().expect(1);
    assert!(again.stderr.contains("BS536") && again.stderr.contains("--out"), "{again:#?}");
    assert_eq!(std::fs::read_to_string(folder.path().join("backstay.yaml")).unwrap(), text);
}

#[test]
fn the_url_may_be_typed_or_referred_to() {
    let server = Server::any();
    let typed = Backstay::new(["init", &server.url("postgres"), "--out", "-"]).run().expect(0);
    assert!(typed.stdout.contains("${env:DATABASE_URL}"), "{typed:#?}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("url");
    std::fs::write(&file, server.url("postgres") + "\n").unwrap();
    let reference = format!("${{file:{}}}", file.display());
    let referred = Backstay::new(["init", &reference, "--out", "-"]).run().expect(0);
    assert!(referred.stdout.contains(&format!("connection: {reference}")), "{referred:#?}");
}

#[test]
fn what_cannot_be_reached_is_said() {
    for (url, code) in [("postgresql://127.0.0.1:1/x", "BS520"), ("${env:NOT_SET}", "BS506"), ("nonsense", "BS529")] {
        let run = Backstay::new(["init", url, "--out", "-"]).run().expect(1);
        assert!(run.stdout.is_empty() && run.stderr.contains(code) && run.stderr.contains("hint"), "{run:#?}");
    }
}
