//! `backstay apply` on real servers: what was approved is done, nothing else is, and a second plan is empty.

use crate::support::{Database, Project, Server, assert_leftover_free, identifier, with_earlier};
use backstay::repository::{LEASE_TTL, this_process};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

fn source(hint: &str) -> Database {
    let source = Database::create(Server::any(), hint);
    source.psql("CREATE TABLE t AS SELECT n, md5(n::text) FROM generate_series(1, 500) n");
    source
}

/// Ids of the backups in a storage, oldest first.
fn ids(project: &Project, storage: &str) -> Vec<String> {
    let files = project.files(storage);
    let name = |file: &String| Some(file.strip_prefix("manifest/now/app/")?.strip_suffix(".json")?.to_owned());
    files.iter().filter_map(name).filter(|id| !id.ends_with(".verified")).collect()
}

/// Asserts that there is nothing to do, and that the plan says so.
#[track_caller]
fn assert_settled(project: &Project) {
    let run = project.backstay(&["plan", "--detailed-exitcode"]).run().expect(0);
    assert!(run.stdout.contains("Nothing to do"), "{run:#?}");
    assert_leftover_free(project);
}

#[test]
fn what_is_planned_is_done_and_a_second_plan_is_empty() {
    let source = source("applied");
    let project = Project::scheduled(&source, "");
    let planned = project.backstay(&["plan", "--json", "--detailed-exitcode"]).run().expect(2).json();
    let addresses = |list: &serde_json::Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|step| step["address"].as_str().unwrap().to_owned()).collect()
    };
    let planned = addresses(&planned["plans"][0]["actions"]);
    assert_eq!(planned.len(), 5, "{planned:?}");
    assert!(!project.path("near").exists() && !project.path("far").exists(), "a plan changes nothing");

    let outcome = project.backstay(&["apply", "--yes", "--json"]).run().expect(0).json();
    assert_eq!(addresses(&outcome[0]["steps"]), planned);
    assert!(outcome[0]["steps"].as_array().unwrap().iter().all(|step| step["end"] == "done"), "{outcome}");
    assert_settled(&project);
    assert_eq!(project.manifest("near"), project.manifest("far"));
    for (path, mode) in [("near", 0o700), ("near/manifest/now", 0o700), ("near/backstay.json", 0o600)] {
        assert_eq!(fs::metadata(project.path(path)).unwrap().permissions().mode() & 0o7777, mode, "{path}");
    }
    let before = project.files("near");
    let run = project.backstay(&["apply", "--yes"]).run().expect(0);
    assert!(run.stdout.contains("Nothing to do"), "{run:#?}");
    assert_eq!(project.files("near"), before);

    // A folder that was opened up is closed again, and nothing else happens.
    fs::set_permissions(project.path("far"), fs::Permissions::from_mode(0o755)).unwrap();
    let run = project.backstay(&["plan", "--detailed-exitcode"]).run().expect(2);
    assert!(run.stdout.contains("0755") && run.stdout.contains("0700"), "{run:#?}");
    project.backstay(&["apply", "--yes", "--only", "infra"]).run().expect(0);
    assert_settled(&project);
    assert_eq!(ids(&project, "near").len(), 1);
}

/// Runs it on a terminal where somebody types.
fn on_a_terminal(project: &Project, typed: &str) -> (Option<i32>, String) {
    let call = project.backstay(&["apply"]).into_command();
    let mut command = Command::new("script");
    command.args(["-qec", &format!("{} apply", call.get_program().display()), "/dev/null"]);
    command.env_clear().envs(call.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.current_dir(call.get_current_dir().unwrap()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    std::io::Write::write_all(child.stdin.as_mut().unwrap(), format!("{typed}\n").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn nothing_is_done_without_a_yes() {
    let source = source("asked");
    let project = Project::scheduled(&source, "");
    let run = project.backstay(&["apply"]).run().expect(4);
    assert!(run.stderr.contains("BS605") && run.stderr.contains("apply --yes"), "{run:#?}");
    assert!(run.stdout.contains("backup now: never backed up"), "{run:#?}");
    for typed in ["no", "y", ""] {
        let (code, said) = on_a_terminal(&project, typed);
        assert_eq!(code, Some(4), "{said}");
    }
    assert!(!project.path("near").exists());
    let (code, said) = on_a_terminal(&project, "yes");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("Only `yes` is accepted"), "{said}");
    assert_settled(&project);
}

#[test]
fn a_saved_plan_is_done_exactly_or_not_at_all() {
    let source = source("saved");
    let project = Project::scheduled(&source, "");
    project.backstay(&["apply", "--yes"]).run().expect(0);
    let earlier = with_earlier(&project, 9);
    // Of ten backups the two oldest go at near.
    project.edit_policy("keep: 7d", "keep: { last: 8 }");
    project.backstay(&["plan", "--out", "p.json", "-q"]).run().expect(0);
    assert_eq!(fs::metadata(project.path("p.json")).unwrap().permissions().mode() & 0o777, 0o600);
    let near = project.backup_files("near");
    let nothing_changed = |project: &Project| assert_eq!(project.backup_files("near"), near);

    // The policy means something else now.
    project.edit_policy("{ last: 8 }", "{ last: 7 }");
    let run = project.backstay(&["apply", "p.json"]).run().expect(5);
    assert!(run.stderr.contains("BS603") && run.stderr.contains("nothing was changed"), "{run:#?}");
    assert!(run.stdout.contains("the policy `backstay.yaml` means something else"), "{run:#?}");
    assert!(run.stdout.contains(&format!("prune/near/app/now/{}", earlier[2])), "the plans' difference: {run:#?}");
    nothing_changed(&project);
    project.edit_policy("{ last: 7 }", "{ last: 8 }");

    // The file was changed by hand, is no plan, or is for another policy.
    let text = fs::read_to_string(project.path("p.json")).unwrap();
    let other = text.replace(&earlier[0], &earlier[9 - 1]);
    assert_ne!(text, other);
    for wrong in [&other, &text[..text.len() - 2], "{}", ""] {
        fs::write(project.path("wrong.json"), wrong).unwrap();
        let run = project.backstay(&["apply", "wrong.json"]).run().expect(1);
        assert!(run.stderr.contains("BS604"), "{run:#?}");
    }
    project.edit_policy("name: test", "name: another");
    let run = project.backstay(&["apply", "p.json"]).run().expect(1);
    assert!(run.stderr.contains("BS604") && run.stderr.contains("`test`"), "{run:#?}");
    project.edit_policy("name: another", "name: test");
    nothing_changed(&project);

    // A backup that is to be kept has gone.
    let kept = project.path(&format!("far/manifest/now/app/{}.json", earlier[8]));
    fs::rename(&kept, project.path("aside")).unwrap();
    let run = project.backstay(&["apply", "p.json"]).run().expect(5);
    assert!(run.stdout.contains(&format!("far/app/now/{}", earlier[8])) && run.stdout.contains("is gone"), "{run:#?}");
    nothing_changed(&project);
    fs::rename(project.path("aside"), &kept).unwrap();

    // Somebody did a part of it meanwhile: that is fine, and the rest is done.
    project.backstay(&["prune", "--yes", "--target", &format!("prune/near/app/now/{}", earlier[0])]).run().expect(0);
    assert_eq!(ids(&project, "near").len(), 9);
    project.backstay(&["apply", "p.json"]).run().expect(0);
    assert_eq!(ids(&project, "near")[..7], earlier[2..]);
    assert_eq!(ids(&project, "far").len(), 10);
    project.backstay(&["apply", "p.json"]).run().expect(0);
    assert_settled(&project);
}

#[test]
fn only_the_plan_that_was_reviewed_is_carried_out() {
    let source = source("expected");
    let project = Project::scheduled(&source, "");
    let id =
        project.backstay(&["plan", "--json"]).run().expect(0).json()["plans"][0]["id"].as_str().unwrap().to_owned();
    let run = project.backstay(&["apply", "--expect", "0123456789ab"]).run().expect(5);
    assert!(run.stderr.contains("BS603") && run.stderr.contains(&id[..12]), "{run:#?}");
    project.backstay(&["apply", "--expect", "nonsense"]).run().expect(64);
    assert!(!project.path("near").exists());
    project.backstay(&["apply", "--expect", &id[..12]]).run().expect(0);
    let run = project.backstay(&["apply", "--expect", &id]).run().expect(5);
    assert!(run.stderr.contains("the plan is now"), "{run:#?}");
    assert_settled(&project);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_run_at_a_time_works_on_a_database() {
    let (source, other) = (source("locked"), source("unlocked"));
    let more = "  other:\n    connection: ${env:OTHER_URL}\n    tiers: [now]\n";
    let project = Project::scheduled(&source, more);
    let url = other.url();
    let apply = |arguments: &[&str]| project.backstay(arguments).env("OTHER_URL", &url).run();
    apply(&["apply", "--yes", "--only", "infra"]).expect(0);
    let lease = project.repository("far").lock("app", this_process("the-holder", "restore"), LEASE_TTL).await.unwrap();
    let me = format!("process {}", std::process::id());

    let run = apply(&["apply", "--yes", "--target", "backup/app"]).expect(6);
    assert!(
        run.stderr.contains("the-holder") && run.stderr.contains(&me) && run.stderr.contains("restore"),
        "{run:#?}"
    );
    // The other database is none of the holder's business.
    let run = apply(&["apply", "--yes"]).expect(7);
    assert!(run.stderr.contains(&me), "{run:#?}");
    assert!(project.files("near").iter().any(|file| file.starts_with("manifest/now/other/")));
    assert!(ids(&project, "near").is_empty() && ids(&project, "far").is_empty());
    lease.release().await.unwrap();

    // A holder that is provably dead keeps nobody out.
    let mut child = Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    let mut dead = this_process("the-dead", "apply");
    (dead.pid, dead.process_started) = (child.id(), 1);
    let _dead = project.repository("far").lock("app", dead, LEASE_TTL).await.unwrap();
    apply(&["apply", "--yes"]).expect(0);
    assert_eq!(ids(&project, "near"), ids(&project, "far"));
    apply(&["plan", "--detailed-exitcode"]).expect(0);
    assert_leftover_free(&project);
}

#[test]
fn too_many_deletions_need_the_exact_number() {
    let source = source("guarded");
    let project = Project::scheduled(&source, "");
    project.backstay(&["apply", "--yes"]).run().expect(0);
    with_earlier(&project, 14);
    // Eight of the fifteen at near are older than a week.
    let before = project.backup_files("near");
    for (arguments, told) in [
        (&["prune", "--yes"][..], None),
        (
            &["apply", "--yes", "--allow-prune", "app=7"],
            Some("`--allow-prune app=7` lifts nothing: it is 8 backups of `app` that would be deleted"),
        ),
        (
            &["prune", "--yes", "--allow-prune", "other=8"],
            Some("`--allow-prune other=8` lifts nothing: no backup of `other` is to be deleted"),
        ),
    ] {
        let run = project.backstay(arguments).run().expect(4);
        assert!(told.is_none_or(|told| run.stderr.contains(told)), "{run:#?}");
        // What did not begin is told with the outcome, each step once.
        assert!(!run.stderr.contains("skipped"), "{run:#?}");
        assert!(run.stdout.contains("BS602") && run.stdout.contains("--allow-prune app=8"), "{run:#?}");
        assert_eq!(project.backup_files("near"), before);
    }
    let run = project.backstay(&["plan"]).run().expect(0);
    assert!(run.stdout.contains("BS602"), "{run:#?}");
    // One of them cannot be deleted: what is left is allowed by the command that the hint names.
    let stuck = project.path(&format!("near/manifest/now/app/{}.json", ids(&project, "near")[0]));
    let mounted = Command::new("mount").arg("--bind").args([&stuck, &stuck]).output();
    let part = ["prune", "--yes", "--target", "prune/near/app", "--allow-prune", "app=8"];
    if mounted.is_ok_and(|output| output.status.success()) {
        let run = project.backstay(&part).run();
        assert!(Command::new("umount").arg(&stuck).status().unwrap().success());
        let run = run.expect(7);
        assert!(!run.stdout.contains("BS602") && !run.stdout.contains("guarded"), "{run:#?}");
        let again = "--only prune --target prune/near/app --allow-prune app=1 --yes";
        assert!(run.stderr.contains(&format!("backstay apply --policy backstay.yaml {again}")), "{run:#?}");
        let again = ["apply"].into_iter().chain(again.split(' ')).collect::<Vec<_>>();
        project.backstay(&again).run().expect(0);
    } else {
        eprintln!("skipped: this user may not mount, so every backup can be deleted");
        project.backstay(&part).run().expect(0);
    }
    assert_eq!((ids(&project, "near").len(), ids(&project, "far").len()), (7, 15));
    assert_settled(&project);
}

#[test]
fn nothing_older_is_deleted_while_the_newest_is_not_good() {
    let source = source("unsafe");
    let project = Project::scheduled(&source, "");
    project.backstay(&["apply", "--yes"]).run().expect(0);
    let data = ["near", "far"].map(|storage| project.data(storage).join("dump.zst"));
    with_earlier(&project, 9);
    for dump in data {
        fs::remove_file(dump).unwrap();
    }
    let before = project.backup_files("near");
    let run = project.backstay(&["apply", "--yes"]).run().expect(4);
    assert!(run.stdout.contains("BS601") && run.stdout.contains("backstay backup app --tier now"), "{run:#?}");
    assert_eq!(project.backup_files("near"), before);
    // The override is for the number, not for this.
    project.backstay(&["prune", "--yes", "--allow-prune", "app=2"]).run().expect(4);
    project.backstay(&["prune", "--yes", "--allow-prune", "app=3"]).run().expect(4);
    project.backstay(&["backup", "app", "--tier", "now"]).run().expect(0);
    project.backstay(&["apply", "--yes"]).run().expect(0);
    assert!(project.backup_files("near").len() < before.len());
    project.backstay(&["plan", "--detailed-exitcode"]).run().expect(0);
}

#[test]
fn what_the_policy_no_longer_names_is_shown_and_never_deleted() {
    let source = source("strangers");
    let project = Project::scheduled(&source, "");
    project.backstay(&["apply", "--yes"]).run().expect(0);
    with_earlier(&project, 20);
    let before = project.files("near");
    project.edit_policy("  app:\n", "  renamed:\n");
    for arguments in [&["prune", "--yes"][..], &["apply", "--yes"], &["apply", "--yes", "--only", "prune"]] {
        project.backstay(arguments).run().expect(0);
    }
    let files = project.files("near");
    assert!(before.iter().all(|file| files.contains(file) || file.starts_with("index/")), "{files:?}");
    let run = project.backstay(&["plan", "--detailed-exitcode"]).run().expect(0);
    assert!(run.stdout.contains("21 backups of app (now)") && run.stdout.contains("never deleted"), "{run:#?}");
    // A tier that is no longer taken is the same.
    project.edit_policy("  renamed:\n", "  app:\n");
    project.edit_policy("  now:\n", "  later:\n");
    project.edit_policy("[now]", "[later]");
    let run = project.backstay(&["apply", "--yes"]).run().expect(0);
    assert!(run.stdout.contains("21 backups of app (now)"), "{run:#?}");
    assert_eq!(ids(&project, "near").len(), 21);
}

#[test]
fn databases_that_come_later_are_backed_up_by_their_pattern() {
    let server = Server::any();
    let maintenance = Database::create(server, "pattern_maintenance");
    let first = Database::create(server, "pattern one");
    let project =
        Project::scheduled(&maintenance, "    match: { include: [\"pattern *\"], exclude: [\"*_skipped*\"] }\n");
    project.backstay(&["apply", "--yes"]).run().expect(0);
    project.backstay(&["plan", "--detailed-exitcode"]).run().expect(0);

    let second = Database::create(server, "pattern TWO 😀/\"x\"");
    let _skipped = Database::create(server, "pattern_skipped");
    let _skipped = Database::create(server, "pattern x_skipped");
    let run = project.backstay(&["plan", "--detailed-exitcode"]).run().expect(2);
    let name = format!("app.{}", second.name);
    assert!(run.stdout.contains(&format!("backup/{name}/now")) || run.stdout.contains(&name), "{run:#?}");
    project.backstay(&["apply", "--yes"]).run().expect(0);
    project.backstay(&["plan", "--detailed-exitcode"]).run().expect(0);
    let listed = project.backstay(&["list", "--json"]).run().expect(0).json();
    let names: Vec<_> = listed["databases"].as_array().unwrap().iter().map(|d| d["name"].as_str().unwrap()).collect();
    assert_eq!(names, [name.as_str(), &format!("app.{}", first.name)]);

    // One that is dropped keeps its backups.
    server.psql("postgres", &format!("DROP DATABASE {}", identifier(&second.name)));
    let run = project.backstay(&["apply", "--yes"]).run().expect(0);
    assert!(run.stdout.contains(&name) && run.stdout.contains("never deleted"), "{run:#?}");
    // A server that cannot be asked is a problem of the plan, not a reason to delete or to forget.
    let run = project.backstay(&["apply", "--yes"]).env("DATABASE_URL", "postgresql://127.0.0.1:1/x").run().expect(1);
    assert!(run.stdout.contains("nothing is planned for them") && !run.stdout.contains("never deleted"), "{run:#?}");
    assert_eq!(project.backstay(&["list", "--json"]).run().expect(0).json()["databases"].as_array().unwrap().len(), 2);
}
