//! Schedules as files: what the policy wants is written, read by those who read it in earnest, seen when it was changed,
//! and removed when it is no longer wanted. And the work that they start.

use crate::support::{Backstay, Database, Project, Server};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const POLICY: &str = "\
version: 1
name: shop
timezone: Europe/Berlin
storage:
  near: { type: filesystem, path: FOLDER/near }
  far: { type: filesystem, path: FOLDER/far }
tiers:
  daily: { schedule: '30 2 * * *', copies: [{ to: near, keep: 30d }, { to: far, keep: 30d }] }
  monthly: { schedule: '0 4 1 * MON', copies: [{ to: far, keep: 1y }] }
  hand: { schedule: manual, copies: [{ to: near, keep: 30d }] }
databases:
  app: { connection: postgresql://127.0.0.1:1/app, tiers: [daily, monthly, hand] }
  crm: { connection: postgresql://127.0.0.1:1/crm, tiers: [daily] }
run: RUN
";

/// A policy in a folder with a root of its own to write schedules below.
struct Site(tempfile::TempDir);

impl Site {
    fn new(run: &str) -> Site {
        let site = Site(tempfile::tempdir().unwrap());
        fs::create_dir(site.root()).unwrap();
        site.policy(|text| text.replace("RUN", run));
        site
    }

    fn policy(&self, edit: impl Fn(String) -> String) {
        let file = self.0.path().join("backstay.yaml");
        let text = fs::read_to_string(&file)
            .unwrap_or_else(|_| POLICY.replace("FOLDER", &self.0.path().display().to_string()));
        fs::write(file, edit(text)).unwrap();
    }

    fn root(&self) -> PathBuf {
        self.0.path().join("root")
    }

    /// Everything but backups, which need a server.
    fn backstay(&self, words: &[&str]) -> Backstay {
        let root = self.root();
        let more = ["--root", root.to_str().unwrap(), "--only", "infra"];
        Backstay::new(words.iter().copied().chain(more)).current_dir(self.0.path())
    }

    fn is_settled(&self) {
        self.backstay(&["plan", "--detailed-exitcode"]).run().expect(0);
    }

    fn files(&self, folder: &str) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.root().join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

#[test]
fn timers_are_written_verified_by_systemd_repaired_and_removed() {
    let site = Site::new("{ by: systemd, user: backup, environment_file: /etc/backstay/env }");
    let plan = site.backstay(&["plan"]).run().expect(0);
    assert!(plan.stdout.contains("OnCalendar: *-*-* 02:30:00 Europe/Berlin"), "{}", plan.stdout);
    site.backstay(&["apply", "--yes"]).run().expect(0);
    site.is_settled();
    let units = "etc/systemd/system";
    let mut wanted: Vec<String> = ["daily-app", "daily-crm", "monthly-app"]
        .iter()
        .flat_map(|job| [format!("backstay-shop-{job}.service"), format!("backstay-shop-{job}.timer")])
        .collect();
    wanted.push("timers.target.wants".to_owned());
    assert_eq!(site.files(units), wanted);
    assert_eq!(site.files("etc/systemd/system/timers.target.wants").len(), 3);
    let folder = site.root().join(units);
    verified(&folder);

    // Changed by hand: seen line by line, and written again.
    let service = folder.join("backstay-shop-daily-app.service");
    let text = fs::read_to_string(&service).unwrap();
    fs::write(&service, text.replace("User=backup", "User=root")).unwrap();
    fs::remove_file(folder.join("timers.target.wants/backstay-shop-daily-crm.timer")).unwrap();
    let plan = site.backstay(&["plan", "--detailed-exitcode"]).run().expect(2);
    assert!(plan.stdout.contains("User=root → User=backup"), "{}", plan.stdout);
    site.backstay(&["apply", "--yes"]).run().expect(0);
    assert_eq!(fs::read_to_string(&service).unwrap(), text);
    site.is_settled();

    // A tier that is gone takes its units along, and no others.
    fs::write(folder.join("backstay-shop-notes.service"), "[Unit]\nDescription=not ours\n").unwrap();
    site.policy(|text| {
        text.replace("tiers: [daily, monthly, hand]", "tiers: [daily, hand]").replace("  monthly: {", "  # {")
    });
    site.backstay(&["apply", "--yes"]).run().expect(0);
    site.is_settled();
    let left = site.files(units);
    assert!(left.contains(&"backstay-shop-notes.service".to_owned()), "{left:?}");
    assert!(!left.iter().any(|name| name.contains("monthly")), "{left:?}");
    assert_eq!(site.files("etc/systemd/system/timers.target.wants").len(), 2);
}

/// What systemd itself says of the units. It wants the program to be there, so it looks at copies that start another.
fn verified(folder: &Path) {
    let copies = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let text = fs::read_to_string(&path).unwrap().replace("User=backup", "User=root");
            let lines: Vec<String> = text
                .lines()
                .map(|line| match line.strip_prefix("OnCalendar=") {
                    Some(calendar) => {
                        let seen = Command::new("systemd-analyze").args(["calendar", calendar]).output().unwrap();
                        assert!(seen.status.success(), "{calendar}: {}", String::from_utf8_lossy(&seen.stderr));
                        line.to_owned()
                    }
                    None => line.to_owned(),
                })
                .collect();
            fs::write(copies.path().join(path.file_name().unwrap()), lines.join("\n") + "\n").unwrap();
        }
    }
    let units: Vec<PathBuf> = fs::read_dir(copies.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    let seen = Command::new("systemd-analyze").arg("verify").arg("--man=no").args(&units).output().unwrap();
    let said = String::from_utf8_lossy(&seen.stderr);
    let about_ours: Vec<&str> = said.lines().filter(|line| line.contains("backstay-shop")).collect();
    assert!(about_ours.is_empty(), "{said}");
}

/// With WAL of `app` that is received.
fn streaming(text: String) -> String {
    text.replace("tiers: [daily, monthly, hand] }", "tiers: [daily, monthly, hand], wal: WAL }")
        .replace("WAL }", "{ mode: stream, to: [near, far], slot: backstay } }")
}

#[test]
fn what_receives_wal_is_a_service_that_stays() {
    let site = Site::new("{ by: systemd, user: backup, environment_file: /etc/backstay/env }");
    site.policy(streaming);
    let plan = site.backstay(&["plan"]).run().expect(0);
    assert!(!plan.stdout.contains("wal.mode"), "it is acted on: {}", plan.stdout);
    site.backstay(&["apply", "--yes"]).run().expect(0);
    site.is_settled();
    let name = "backstay-shop-wal-receive-app.service";
    let folder = site.root().join("etc/systemd/system");
    verified(&folder);
    let link = folder.join("multi-user.target.wants").join(name);
    assert_eq!(fs::read_link(&link).unwrap(), Path::new("..").join(name));
    let text = || fs::read_to_string(folder.join(name)).unwrap();
    let before = text();
    for line in
        ["Type=exec", "Restart=always", "StartLimitIntervalSec=0", "User=backup", "StateDirectory=backstay/shop"]
    {
        assert!(before.lines().any(|said| said == line), "{line}: {before}");
    }
    assert!(before.contains(" wal receive --database app --state-dir %S/backstay/shop\n"), "{before}");
    assert!(!before.contains("Nice="), "commits may wait for it: {before}");

    // It is another service when what it goes by changes, and the same when something else does.
    site.policy(|text| text.replace("keep: 30d", "keep: 31d"));
    site.is_settled();
    site.policy(|text| text.replace("slot: backstay }", "slot: other, spool: { path: /srv/spool, max: 2GiB } }"));
    site.backstay(&["plan", "--detailed-exitcode"]).run().expect(2);
    site.backstay(&["apply", "--yes"]).run().expect(0);
    assert!(text().contains(" wal receive --database app\n") && !text().contains("StateDirectory"), "{}", text());
    verified(&folder);

    // Behind `exec` nothing can be received.
    site.policy(|text| text.replace("app: { ", "app: { exec: [docker, exec, -i, db], "));
    let plan = site.backstay(&["apply", "--yes"]).run().expect(0);
    assert!(plan.stdout.contains("does not work behind `exec`"), "{}", plan.stdout);
    assert!(!link.exists() && !folder.join(name).exists());
    site.is_settled();
}

#[test]
fn where_nothing_stays_it_is_said_that_wal_is_not_received() {
    let site = Site::new("{ by: cron }");
    site.policy(streaming);
    let plan = site.backstay(&["plan"]).run().expect(0);
    assert!(plan.stdout.contains("cron keeps no process running"), "{}", plan.stdout);
    site.backstay(&["apply", "--yes"]).run().expect(0);
    let text = fs::read_to_string(site.root().join("etc/cron.d/backstay-shop")).unwrap();
    assert!(!text.contains("wal receive"), "{text}");
}

#[test]
fn a_cron_file_is_looked_at_every_hour_and_never_takes_the_place_of_another() {
    let site = Site::new("{ by: cron, user: backup, log_file: /var/log/back up.log }");
    let file = site.root().join("etc/cron.d/backstay-shop");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, "0 1 * * * root /usr/local/bin/my-own\n").unwrap();
    let plan = site.backstay(&["apply", "--yes"]).run();
    assert_eq!(plan.code, Some(7), "{plan:?}");
    assert!(plan.stdout.contains("was not written for this policy"), "{}", plan.stdout);
    assert!(fs::read_to_string(&file).unwrap().contains("my-own"));
    fs::remove_file(&file).unwrap();
    site.backstay(&["apply", "--yes"]).run().expect(0);
    site.is_settled();
    let text = fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| line.contains(" run ")).collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(
        lines[0].starts_with("30 * * * * backup /")
            && lines[0].contains(" --quiet --log-file '/var/log/back up.log' ")
            && lines[0].ends_with(" run daily app"),
        "{text}"
    );
    site.policy(|text| {
        text.replace("run: { by: cron, user: backup, log_file: /var/log/back up.log }", "run: { by: none }")
    });
    site.is_settled();
}

#[test]
fn cron_jobs_are_yaml_with_a_job_for_each_tier() {
    let site = Site::new(
        "{ by: kubernetes, directory: deploy, image: 'registry.example/backstay:1', environment_secret: dsn }",
    );
    site.backstay(&["apply", "--yes"]).run().expect(0);
    site.is_settled();
    let names = ["cronjob-daily.yaml", "cronjob-monthly.yaml", "kustomization.yaml", "serviceaccount.yaml"];
    assert_eq!(site.files("deploy"), names);
    let read = |name: &str| -> serde_json::Value {
        let text = fs::read_to_string(site.root().join("deploy").join(name)).unwrap();
        serde_saphyr::from_str(&text).unwrap()
    };
    let job = read("cronjob-daily.yaml");
    assert_eq!(job["spec"]["schedule"], "30 2 * * *");
    assert_eq!(job["spec"]["timeZone"], "Europe/Berlin");
    assert_eq!(job["spec"]["concurrencyPolicy"], "Forbid");
    let pod = &job["spec"]["jobTemplate"]["spec"]["template"]["spec"];
    let arguments = serde_json::json!(["--policy", "/etc/backstay/backstay.yaml", "run", "daily"]);
    assert_eq!(pod["containers"][0]["args"], arguments);
    assert_eq!(pod["containers"][0]["envFrom"][0]["secretRef"]["name"], "dsn");
    assert_eq!(pod["serviceAccountName"], read("serviceaccount.yaml")["metadata"]["name"]);
    assert_eq!(read("kustomization.yaml")["resources"].as_array().unwrap().len(), 3);
}

#[test]
fn run_does_what_is_due_of_its_tier_and_no_more() {
    let database = Database::create(Server::any(), "scheduled");
    database.psql("CREATE TABLE t AS SELECT 1 AS x");
    let project = Project::scheduled(&database, "    # end\n");
    project.edit_policy("tiers: [now]", "tiers: [now, other]");
    project.edit_policy(
        "databases:",
        "  other:\n    schedule: '@yearly'\n    copies: [{ to: near, keep: 7d }]\ndatabases:",
    );
    project.backstay(&["apply", "--yes", "--only", "infra"]).run().expect(0);
    project.backstay(&["run", "now", "app"]).run().expect(0);
    let count = || project.backup_files("near").len();
    let once = count();
    assert!(once > 0);
    let quiet = project.backstay(&["--quiet", "run", "now"]).run().expect(0);
    assert_eq!((quiet.stdout.as_str(), count()), ("", once), "it was done, and the other tier is not this one's work");
    let wrong = project.backstay(&["run", "nwo"]).run().expect(1);
    assert!(wrong.stderr.contains("Did you mean `now`?"), "{}", wrong.stderr);
    project.backstay(&["run", "now", "nobody"]).run().expect(1);
}
