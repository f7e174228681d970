//! The real program: `review` of files and of revisions of git, without an environment, on a repository that is hostile.

use crate::review_meaning::BASE;
use crate::support::{Backstay, Run};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A throwaway repository with one commit of the policy.
struct Repository {
    folder: tempfile::TempDir,
}

impl Repository {
    fn new() -> Repository {
        let repository = Repository { folder: tempfile::tempdir().unwrap() };
        repository.git(&["init", "--quiet", "--initial-branch", "main"]);
        repository.write("backstay.yaml", BASE);
        repository.commit("first");
        repository
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        std::fs::write(self.path(name), text).unwrap();
    }

    fn git(&self, words: &[&str]) {
        let ran = Command::new("git")
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .envs([("GIT_AUTHOR_NAME", "a"), ("GIT_AUTHOR_EMAIL", "a@b"), ("GIT_COMMITTER_NAME", "a")])
            .env("GIT_COMMITTER_EMAIL", "a@b")
            .current_dir(self.folder.path())
            .args(words)
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(ran.success(), "git {words:?}");
    }

    fn commit(&self, message: &str) {
        self.git(&["add", "--all"]);
        self.git(&["-c", "core.hooksPath=/dev/null", "commit", "--quiet", "--message", message]);
    }

    fn review(&self, words: &[&str]) -> Run {
        Backstay::new([&["review"], words].concat()).current_dir(self.folder.path()).run()
    }
}

fn codes(run: &Run) -> Vec<String> {
    let json = run.json();
    let policies = json["policies"].as_array().unwrap().iter();
    let findings = policies.flat_map(|policy| policy["findings"].as_array().unwrap().clone());
    findings.map(|finding| finding["code"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn revisions_the_work_tree_and_files_can_be_compared() {
    let repository = Repository::new();
    assert_eq!(repository.review(&["main"]).expect(0).stdout.lines().last(), Some("No change in meaning."));
    repository.write("backstay.yaml", &BASE.replace("keep: 1y", "keep: 100d"));
    let tree = repository.review(&["main", "--json"]).expect(0);
    assert!(codes(&tree).contains(&"BS716".to_owned()), "{tree:?}");
    let json = tree.json();
    let policy = &json["policies"][0];
    assert_eq!((policy["base"].as_str(), policy["head"].as_str()), (Some("main:backstay.yaml"), Some("backstay.yaml")));
    let place = &policy["findings"][0]["place"];
    assert_eq!((place["file"].as_str(), place["side"].as_str()), (Some("backstay.yaml"), Some("head")));
    repository.git(&["checkout", "--quiet", "-b", "change"]);
    repository.commit("second");
    repository.write("backstay.yaml", "nonsense");
    let both = repository.review(&["main", "change", "--json"]).expect(0);
    assert_eq!(codes(&both), codes(&tree), "the work tree is not looked at");
    // The path of `REV:PATH` begins at the top of the repository, wherever this runs.
    std::fs::create_dir_all(repository.path("deep")).unwrap();
    let words = ["review", "main:backstay.yaml", "change:backstay.yaml", "--json"];
    let deep = Backstay::new(words).current_dir(repository.path("deep")).run().expect(0);
    assert_eq!(codes(&deep), codes(&tree));
    let policy = Backstay::new(["review", "main", "change", "--json", "-p", "../backstay.yaml"]);
    assert_eq!(codes(&policy.current_dir(repository.path("deep")).run().expect(0)), codes(&tree));
    repository.write("old.yaml", BASE);
    let file = repository.review(&["old.yaml", "change:backstay.yaml", "--json"]).expect(0);
    assert_eq!(codes(&file), codes(&tree));
}

#[test]
fn it_runs_with_an_empty_environment_and_reads_standard_input() {
    let repository = Repository::new();
    repository.write("new.yaml", &BASE.replace("encryption: team\n    dump", "dump"));
    for words in [&["review", "main", "new.yaml"][..], &["review", "main:backstay.yaml", "-"]] {
        let mut command = Backstay::new(words).into_command();
        command.env_clear().current_dir(repository.folder.path());
        command.stdin(std::fs::File::open(repository.path("new.yaml")).unwrap());
        let run = Run::of(&command.output().unwrap()).expect(0);
        let wanted = if words.last() == Some(&"-") { "BS734" } else { "neither" };
        let all = format!("{}{}", run.stdout, run.stderr);
        assert!(all.contains(wanted) || all.contains("BS734"), "{run:?}");
    }
    repository.review(&["-", "-"]).expect(64);
}

#[test]
fn bases_come_from_the_same_revision() {
    let repository = Repository::new();
    repository.write("deploy/base.yaml", BASE);
    repository.write("deploy/production.yaml", "extends: base.yaml\nname: production\n");
    repository.commit("bases");
    repository.write("deploy/base.yaml", &BASE.replace("keep: 1y", "keep: 100d"));
    let run = repository.review(&["HEAD", "-p", "deploy/production.yaml", "--json"]).expect(0);
    let json = run.json();
    let found = &json["policies"][0]["findings"][0];
    assert_eq!((found["code"].as_str(), found["place"]["file"].as_str()), (Some("BS716"), Some("deploy/base.yaml")));
    // A base above the top of the repository is not looked for on the disk.
    repository.write("up.yaml", "extends: ../../../etc/base.yaml\nname: up\n");
    repository.commit("up");
    let up = repository.review(&["HEAD~1:deploy/production.yaml", "HEAD:up.yaml"]).expect(3);
    assert!(up.stdout.contains("BS015") && up.stdout.contains("there is no such file"), "{up:?}");
}

#[test]
fn policies_of_a_folder_are_paired_by_file_and_then_by_name() {
    let repository = Repository::new();
    let named = |name: &str| BASE.replace("name: shop\n", &format!("name: {name}\n"));
    repository.write("policies/a.yaml", &named("a"));
    repository.write("policies/b.yaml", &named("b"));
    repository.write("policies/notes.txt", "no policy");
    repository.commit("folder");
    std::fs::rename(repository.path("policies/b.yaml"), repository.path("policies/renamed.yaml")).unwrap();
    repository.write("policies/c.yaml", &named("c"));
    let run = repository.review(&["HEAD", "-p", "policies", "--json"]).expect(0);
    let json = run.json();
    let files: Vec<(Option<&str>, Option<&str>)> = json["policies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|policy| (policy["base"].as_str(), policy["head"].as_str()))
        .collect();
    assert_eq!(
        files,
        [
            (Some("HEAD:policies/a.yaml"), Some("policies/a.yaml")),
            (None, Some("policies/c.yaml")),
            (Some("HEAD:policies/b.yaml"), Some("policies/renamed.yaml")),
        ]
    );
    let markdown = repository.review(&["HEAD", "-p", "policies", "--format", "markdown"]).expect(0);
    assert!(markdown.stdout.starts_with("<!-- backstay:review:several -->\n"), "{}", markdown.stdout);
}

#[test]
fn a_policy_that_is_gone_is_none_and_a_word_that_is_nothing_is_refused() {
    let repository = Repository::new();
    std::fs::remove_file(repository.path("backstay.yaml")).unwrap();
    let gone = repository.review(&["main", "--json"]).expect(0);
    assert!(codes(&gone).contains(&"BS700".to_owned()));
    assert!(gone.stderr.contains("there is no policy on this side"), "{gone:?}");
    let come = repository.review(&["gone.yaml", "main:backstay.yaml", "--json"]).expect(0);
    assert!(codes(&come).contains(&"BS701".to_owned()));
    repository.review(&["gone.yaml", "gone-too.yaml"]).expect(3);
    for word in ["no-such-revision", "origin/none", "--upload-pack=touch x", "main:", "HEAD^{/x"] {
        let run = Backstay::new(["review", "--", word, "main"]).current_dir(repository.folder.path()).run();
        let wanted = if word == "main:" { 0 } else { 64 };
        assert_eq!(run.code, Some(wanted), "{word}: {run:?}");
    }
    let nowhere = tempfile::tempdir().unwrap();
    let run = Backstay::new(["review", "main"]).current_dir(nowhere.path()).run().expect(1);
    assert!(run.stderr.contains("not a git repository"), "{run:?}");
}

/// A branch that brings along what it is to be compared with is compared with the real one.
#[test]
fn files_do_not_pass_for_revisions() {
    let repository = Repository::new();
    repository.git(&["checkout", "--quiet", "-b", "change"]);
    let head = BASE.replace("keep: 1y", "keep: 100d");
    repository.write("backstay.yaml", &head);
    for name in ["main", "HEAD", "main:", "HEAD~1", "main:backstay.yaml", "absent/a.yaml", "absent:"] {
        repository.write(name, &head);
    }
    repository.commit("spoof");
    for (base, head) in
        [("main", "HEAD"), ("main:", "HEAD:"), ("HEAD~1", "HEAD"), ("main:backstay.yaml", "HEAD:backstay.yaml")]
    {
        let run = repository.review(&[base, head, "--json"]).expect(0);
        assert!(codes(&run).contains(&"BS716".to_owned()), "{base} {head}: {run:?}");
    }
    for word in ["absent", "absent:", "absent:a.yaml"] {
        repository.review(&[word, "HEAD"]).expect(64);
    }
    // As a path it is read.
    let path = repository.review(&["./main", "HEAD:backstay.yaml"]).expect(0);
    assert!(path.stdout.ends_with("No change in meaning.\n"), "{path:?}");
    repository.review(&["absent/", "HEAD:backstay.yaml"]).expect(0);
}

#[test]
fn exits_say_what_was_asked_for() {
    let repository = Repository::new();
    repository.write("backstay.yaml", &BASE.replace("keep: 30d", "keep: 10d"));
    repository.review(&["main"]).expect(0);
    repository.review(&["main", "--fail-on", "error"]).expect(0);
    repository.review(&["main", "--fail-on", "warning"]).expect(4);
    repository.write("backstay.yaml", &BASE.replace("keep: 1y", "keep: 100d"));
    repository.review(&["main", "--fail-on", "error"]).expect(4);
    repository.write("backstay.yaml", &BASE.replace("keep: 30d", "keep: thirty"));
    repository.review(&["main"]).expect(3);
    repository.write("list.json", "{}");
    let bad = repository.review(&["main", "--catalog", "list.json"]).expect(1);
    assert!(bad.stderr.contains("backstay list --json"), "{bad:?}");
}

/// Whatever a fork commits or a careless clone is set to, nothing of it runs.
#[test]
fn nothing_of_a_repository_is_run() {
    let repository = Repository::new();
    repository.write("trap", "#!/bin/sh\ntouch \"$(dirname \"$0\")/sprung\"\ncat\n");
    let runnable = |name: &str| {
        std::fs::set_permissions(repository.path(name), std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    runnable("trap");
    let trap = repository.path("trap");
    let trap = trap.to_str().unwrap();
    repository.write(".gitattributes", "*.yaml diff=trap filter=trap\n");
    for hook in ["post-checkout", "pre-commit", "reference-transaction", "fsmonitor-watchman"] {
        repository.write(&format!(".git/hooks/{hook}"), &format!("#!/bin/sh\nexec {trap}\n"));
        runnable(&format!(".git/hooks/{hook}"));
    }
    for (key, value) in [
        ("diff.trap.textconv", trap),
        ("diff.external", trap),
        ("core.fsmonitor", trap),
        ("core.pager", trap),
        ("core.sshCommand", trap),
        ("core.alternateRefsCommand", trap),
        ("alias.cat-file", &format!("!{trap}")),
        ("remote.origin.url", "ssh://nowhere.invalid/x"),
        ("remote.origin.promisor", "true"),
        ("extensions.partialClone", "origin"),
    ] {
        repository.git(&["config", key, value]);
    }
    // A folder that looks like a repository of its own, as a fork may commit.
    repository.write("bare/HEAD", "ref: refs/heads/main\n");
    repository
        .write("bare/config", &format!("[core]\n\trepositoryformatversion = 0\n\tbare = true\n\tfsmonitor = {trap}\n"));
    for folder in ["bare/objects", "bare/refs"] {
        std::fs::create_dir_all(repository.path(folder)).unwrap();
    }
    repository.write("backstay.yaml", &BASE.replace("keep: 1y", "keep: 100d"));
    let run = Backstay::new(["review", "main"]).current_dir(repository.folder.path());
    let run = run.env("GIT_EXTERNAL_DIFF", trap).env("GIT_PAGER", trap).env("GIT_SSH_COMMAND", trap).run().expect(0);
    assert!(run.stdout.contains("BS716"), "{run:?}");
    let _ = Backstay::new(["review", "main"]).current_dir(repository.path("bare")).run();
    // An object that is not here is not fetched.
    let _ = repository.review(&["0123456789012345678901234567890123456789:backstay.yaml", "backstay.yaml"]);
    assert!(!repository.path("sprung").exists());
    // The trap does spring.
    Command::new(trap).stdin(Stdio::null()).status().unwrap();
    assert!(repository.path("sprung").exists());
}
