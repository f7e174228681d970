//! The real program: validate, schema, explain; which policies are meant; exits and streams.

use crate::support::Backstay;
use std::path::{Path, PathBuf};

const GOOD: &str = r#"version: 1
name: NAME
storage: { local: { type: filesystem, path: /var/backups/shop }, other: { type: filesystem, path: /mnt/nas } }
tiers: { daily: { schedule: "0 2 * * *", copies: [{ to: local, keep: 30d }, { to: other, keep: 30d }] } }
databases: { shop: { connection: "postgresql://backup@db1/shop", tiers: [daily] } }
"#;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/policy").join(name)
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn ten_mistakes_are_shown_in_one_run_with_exit_3() {
    let run = Backstay::new(["validate", "--policy", "ten-mistakes.yaml"]).current_dir(fixture("bad")).run().expect(3);
    assert_eq!(run.stdout.matches("\nerror[BS").count() + 1, 10, "{}", run.stdout);
    assert!(run.stdout.contains("--> ten-mistakes.yaml:9:5\n"), "{}", run.stdout);
    assert!(run.stdout.ends_with("ten-mistakes.yaml: invalid, 10 errors\n"), "{}", run.stdout);
    assert_eq!(run.stderr, "");
    let json = Backstay::new(["validate", "--json", "--policy", "ten-mistakes.yaml"]).current_dir(fixture("bad")).run();
    let json = json.expect(3).json();
    assert_eq!((json["valid"].as_bool(), json["error_count"].as_u64()), (Some(false), Some(10)));
    assert_eq!(
        (json["diagnostics"][2]["line"].as_u64(), json["diagnostics"][2]["column"].as_u64()),
        (Some(9), Some(5))
    );
}

#[test]
fn the_policy_is_named_by_option_then_variable_then_folder() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("policies");
    std::fs::create_dir(&inside).unwrap();
    write(folder.path(), "backstay.yaml", &GOOD.replace("NAME", "here"));
    let a = write(&inside, "a.yaml", &GOOD.replace("NAME", "a"));
    let b = write(&inside, "b.yml", &GOOD.replace("NAME", "b"));
    write(&inside, ".hidden.yaml", "nonsense");
    write(&inside, "notes.txt", "nonsense");
    let call = |words: &[&str]| Backstay::new([&["validate"], words].concat()).current_dir(folder.path());
    let said = |run: crate::support::Run| run.expect(0).stdout.lines().last().unwrap_or_default().to_owned();
    assert!(said(call(&[]).run()).starts_with("backstay.yaml: valid"));
    let list = format!("{}:{}", a.display(), b.display());
    assert!(said(call(&[]).env("BACKSTAY_POLICY", &list).run()).contains("b.yml: valid"));
    assert!(
        said(call(&["-p", "policies"]).env("BACKSTAY_POLICY", "x").run())
            .starts_with("policies/a.yaml, policies/b.yml: ")
    );
    let missing = call(&["-p", "nowhere.yaml"]).run().expect(3);
    assert!(missing.stderr.contains("there is no such file") && missing.stdout.is_empty(), "{missing:?}");
    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    assert!(call(&["-p", "empty"]).run().expect(3).stderr.contains("holds no policy"));
}

#[test]
fn two_policies_of_one_name_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.yaml", &GOOD.replace("NAME", "same"));
    write(folder.path(), "b.yaml", &GOOD.replace("NAME", "same"));
    let run = Backstay::new(["validate", "-p", "."]).current_dir(folder.path()).run().expect(3);
    assert!(run.stdout.contains("BS121") && run.stdout.contains("the first one"), "{}", run.stdout);
}

#[test]
fn bases_are_read_beside_the_policy() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("bases")).unwrap();
    write(&folder.path().join("bases"), "base.yaml", &GOOD.replace("30d", "30 days"));
    write(folder.path(), "production.yaml", "extends: bases/base.yaml\nname: production\n");
    let run = Backstay::new(["validate", "-p", "production.yaml"]).current_dir(folder.path()).run().expect(3);
    assert!(run.stdout.contains("--> bases/base.yaml:4:70"), "{}", run.stdout);
}

#[test]
fn a_comment_silences_advice_on_its_block() {
    let folder = tempfile::tempdir().unwrap();
    let text = r#"version: 1
name: shop
storage:
  local: { type: filesystem, path: /var/backups/shop }
  # backstay: ignore[BS210] kept for the move next month
  spare:
    type: filesystem
    path: /mnt/spare
tiers:
  daily: { schedule: "0 2 * * *", copies: [{ to: local, keep: 30d }] }
databases: { shop: { connection: "postgresql://backup@db1/shop", tiers: [daily] } }
"#;
    let path = write(folder.path(), "backstay.yaml", text);
    let codes = || {
        let json = Backstay::new(["validate", "--json"]).current_dir(folder.path()).run().expect(0).json();
        let list = json["diagnostics"].as_array().unwrap().iter();
        list.map(|diagnostic| diagnostic["code"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let silenced = codes();
    let unsilenced_text = text.lines().filter(|line| !line.contains("ignore")).collect::<Vec<_>>().join("\n");
    std::fs::write(&path, unsilenced_text).unwrap();
    let unsilenced = codes();
    let lost: Vec<&String> = unsilenced.iter().filter(|code| !silenced.contains(code)).collect();
    assert_eq!(lost, ["BS210"], "{silenced:?} {unsilenced:?}");
}

#[test]
fn schema_and_explain_are_data() {
    let schema = Backstay::new(["schema"]).run().expect(0).json();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let page = Backstay::new(["explain", "tiers.daily.copies[0].keep"]).run().expect(0);
    assert!(page.stdout.contains("How long the copy is kept"), "{}", page.stdout);
    let lost = Backstay::new(["explain", "BS1O1"]).run().expect(64);
    assert!(lost.stderr.contains("backstay explain 'BS101'") && lost.stdout.is_empty(), "{}", lost.stderr);
}

#[test]
fn only_policies_are_extended_also_through_links() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token.txt"), "the-token-of-the-runner\n").unwrap();
    std::os::unix::fs::symlink("token.txt", folder.path().join("base.yaml")).unwrap();
    for base in ["token.txt", "base.yaml"] {
        let text = format!("version: 1\nname: shop\nextends: {base}\n");
        std::fs::write(folder.path().join("backstay.yaml"), text).unwrap();
        let run = Backstay::new(["validate"]).current_dir(folder.path()).run().expect(3);
        let said = format!("{}{}", run.stdout, run.stderr);
        assert!(said.contains("BS015") && !said.contains("the-token"), "{said}");
    }
}
