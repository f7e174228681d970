//! What is handed to GitHub Actions: the workflows of docs/ci and the composite action pass their linter, and the step of the
//! action does with a real repository what it says.

use crate::review_meaning::BASE;
use crate::support::Backstay;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Lints a workflow that stands in a repository with the action.
fn actionlint(workflow: &str) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let workflows = folder.path().join(".github/workflows");
    std::fs::create_dir_all(&workflows).unwrap();
    std::fs::write(workflows.join("a.yml"), workflow).unwrap();
    std::fs::copy(root().join("action.yml"), folder.path().join("action.yml")).unwrap();
    git(folder.path(), &["init", "--quiet"]);
    let program = root().join("target/servers/bin/actionlint");
    let output = Command::new(program).arg("-no-color").current_dir(folder.path()).output();
    let output = output.unwrap_or_else(|problem| panic!("{problem}: run scripts/setup"));
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(()) } else { Err(said) }
}

#[test]
fn workflows_pass_their_linter_and_use_the_action_as_it_is() {
    let mut n = 0;
    for entry in std::fs::read_dir(root().join("docs/ci")).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "yml") {
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(text.contains("uses: OWNER/backstay@"), "{}", path.display());
            // As a local action, its inputs and outputs are checked as well.
            let local = text.replace("OWNER/backstay@v0.1.0", "./");
            assert!(!local.contains("OWNER/"), "{local}");
            actionlint(&text).unwrap_or_else(|said| panic!("{}: {said}", path.display()));
            actionlint(&local).unwrap_or_else(|said| panic!("{}: {said}", path.display()));
            n += 1;
        }
    }
    assert_eq!(n, 2);
    // The linter does find something.
    let step = |step: &str| format!("on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - {step}\n");
    assert!(actionlint(&step("run: echo ${{ github.evnt }}")).is_err());
    assert!(actionlint(&step("{ uses: ./, with: { command: plan, nonsense: x } }")).is_err());
    assert!(actionlint(&step("{ uses: ./, with: { command: plan } }")).is_ok());
}

/// What the step of the action left behind.
struct Ran {
    code: Option<i32>,
    stdout: String,
    outputs: String,
    summary: String,
}

fn step(folder: &Path, settings: &[(&str, &str)]) -> Ran {
    let runner = tempfile::tempdir().unwrap();
    let file = |name: &str| -> PathBuf { runner.path().join(name) };
    let mut command = Command::new("bash");
    command.arg(root().join("scripts/action")).current_dir(folder).env_clear().env("PATH", "/usr/bin:/bin");
    command
        .env("RUNNER_TEMP", runner.path())
        .env("GITHUB_OUTPUT", file("output"))
        .env("GITHUB_STEP_SUMMARY", file("summary"));
    command.env("BACKSTAY", env!("CARGO_BIN_EXE_backstay")).env("POLICY", "backstay.yaml");
    for name in ["BASE", "CATALOG", "FAIL_ON", "EXPECT", "ONLY"] {
        command.env(name, "");
    }
    command.env("FAIL_ON", "never").envs(settings.iter().copied());
    let output = command.output().unwrap();
    let read = |name: &str| std::fs::read_to_string(file(name)).unwrap_or_default();
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        outputs: read("output"),
        summary: read("summary"),
    }
}

fn git(folder: &Path, words: &[&str]) {
    let identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"];
    let ran = Command::new("git").current_dir(folder).args(identity).args(words).output().unwrap();
    assert!(ran.status.success(), "git {words:?}: {ran:?}");
}

#[test]
fn the_step_reviews_a_pull_request() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    git(path, &["init", "--quiet", "--initial-branch", "main"]);
    std::fs::write(path.join("backstay.yaml"), BASE).unwrap();
    git(path, &["add", "."]);
    git(path, &["commit", "--quiet", "--message", "one"]);
    git(path, &["checkout", "--quiet", "-b", "change"]);
    std::fs::write(path.join("backstay.yaml"), BASE.replace("keep: 1y", "keep: 100d")).unwrap();
    git(path, &["commit", "--quiet", "--all", "--message", "two"]);
    let ran = step(path, &[("COMMAND", "review"), ("BASE", "main")]);
    assert_eq!(ran.code, Some(0));
    assert!(ran.stdout.starts_with("::error file=backstay.yaml,line="), "{}", ran.stdout);
    assert!(
        ran.summary.starts_with("<!-- backstay:review:shop -->\n") && ran.summary.contains("BS716"),
        "{}",
        ran.summary
    );
    assert!(ran.outputs.contains("exit-code=0\n") && ran.outputs.contains("backstay-review.md\n"), "{}", ran.outputs);
    let strict = step(path, &[("COMMAND", "review"), ("BASE", "main"), ("FAIL_ON", "error")]);
    assert!(strict.outputs.contains("exit-code=4\n") && !strict.summary.is_empty(), "{}", strict.outputs);
    // What a pull request writes is a word, never a command.
    let hostile = step(path, &[("COMMAND", "review"), ("BASE", "$(touch sprung); main"), ("POLICY", "`touch sprung`")]);
    assert!(!path.join("sprung").exists() && !hostile.outputs.contains("exit-code=0"), "{}", hostile.outputs);
    assert_eq!(step(path, &[("COMMAND", "destroy")]).code, Some(64));
    assert_eq!(step(path, &[("COMMAND", "apply")]).code, Some(64));
}

#[test]
fn the_step_plans_and_applies_exactly_that() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let policy = format!(
        "version: 1\nname: shop\nstorage: {{ local: {{ type: filesystem, path: {}/store, manage: {{ create: true }} }} }}\n\
         tiers: {{ hand: {{ schedule: manual, copies: [{{ to: local, keep: 7d }}] }} }}\n\
         databases: {{ app: {{ connection: \"${{env:APP_URL}}\", tiers: [hand] }} }}\n",
        path.display()
    );
    std::fs::write(path.join("backstay.yaml"), policy).unwrap();
    let planned = step(path, &[("COMMAND", "plan")]);
    assert!(planned.summary.starts_with("<!-- backstay:plan:shop -->\n"), "{}", planned.summary);
    let id = planned.outputs.lines().find_map(|line| line.strip_prefix("plan-id=")).unwrap().to_owned();
    assert!(id.len() == 64 && planned.summary.contains(&id[..12]), "{}", planned.outputs);
    let other = step(path, &[("COMMAND", "apply"), ("EXPECT", "0123456789ab")]);
    assert!(other.outputs.contains("exit-code=5\n") && !path.join("store").exists(), "{}", other.outputs);
    let applied = step(path, &[("COMMAND", "apply"), ("EXPECT", &id)]);
    assert!(applied.outputs.contains("exit-code=0\n") && path.join("store").exists(), "{}", applied.stdout);
    // A part has an id of its own.
    let part = step(path, &[("COMMAND", "apply"), ("EXPECT", &id), ("ONLY", "backups")]);
    assert!(part.outputs.contains("exit-code=5\n"), "{}", part.outputs);
    // Nothing is left to do, and nobody has moved anything.
    assert!(step(path, &[("COMMAND", "plan")]).outputs.contains("plan-id=\n"));
    assert!(step(path, &[("COMMAND", "drift")]).outputs.contains("exit-code=0\n"));
    std::fs::remove_dir_all(path.join("store")).unwrap();
    let drift = step(path, &[("COMMAND", "drift")]);
    assert!(drift.outputs.contains("exit-code=2\n") && drift.summary.contains("storage/local"), "{}", drift.summary);
    Backstay::new(["validate"]).current_dir(path).run().expect(0);
}
