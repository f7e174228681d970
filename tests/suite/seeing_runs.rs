//! `status`, `check`, `metrics`, `report` and logs of the real program.

use crate::support::{Database, Project, Server};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn project(more: &str) -> (Database, Project) {
    let source = Database::create(Server::any(), "seen");
    source.psql("CREATE TABLE t AS SELECT generate_series(1, 1234) AS n");
    let project = Project::scheduled(&source, more);
    (source, project)
}

#[test]
fn nagios_is_told_by_its_own_exit_codes() {
    let (_source, project) = project("    objectives: { rpo: 26h }\n");
    let run = project.backstay(&["check"]).run().expect(2);
    assert!(run.stdout.starts_with("BACKSTAY CRITICAL - app now: there is no good backup | "), "{}", run.stdout);
    project.backstay(&["apply", "--yes", "--quiet"]).run().expect(0);
    let run = project.backstay(&["check"]).run().expect(0);
    assert!(
        run.stdout.starts_with("BACKSTAY OK - 1 database can be restored from 1 backup | 'app age'="),
        "{}",
        run.stdout
    );
    assert!(run.stdout.contains("s;;93600;0 'app size'="), "{}", run.stdout);
    // A copy that is gone is a warning, a policy that cannot be read is nobody's guess.
    let id = project.manifest("far").id;
    fs::remove_file(project.path(&format!("far/manifest/now/app/{id}.json"))).unwrap();
    let run = project.backstay(&["check", "app"]).run().expect(1);
    assert!(run.stdout.contains("WARNING - app now at far: the copy of"), "{}", run.stdout);
    project.backstay(&["status"]).run().expect(0);
    // So is a manifest that says nothing, whatever other backups there are.
    project.backstay(&["backup", "app"]).run().expect(0);
    fs::write(project.path(&format!("near/manifest/now/app/{id}.json")), "{}").unwrap();
    let run = project.backstay(&["check"]).run().expect(2);
    assert!(run.stdout.contains("near: a small file in it is broken"), "{}", run.stdout);
    project.edit_policy("version: 1", "version: 2");
    let run = project.backstay(&["check"]).run().expect(3);
    assert!(run.stdout.starts_with("BACKSTAY UNKNOWN - "), "{}", run.stdout);
}

#[test]
fn a_run_writes_its_numbers() {
    let (_source, project) = project("metrics: { textfile: \"{folder}/out/backstay.prom\" }\n");
    // A folder that is not there is told; the backup is as good as ever.
    let run = project.backstay(&["apply", "--yes"]).run().expect(0);
    assert!(run.stderr.contains("warning[BS771]"), "{}", run.stderr);
    fs::create_dir(project.path("out")).unwrap();
    project.backstay(&["backup", "app"]).run().expect(0);
    let text = fs::read_to_string(project.path("out/backstay.prom")).unwrap();
    assert!(text.contains("backstay_restore_points{policy=\"test\",database=\"app\",tier=\"now\"} 2"), "{text}");
    assert_eq!(fs::read_dir(project.path("out")).unwrap().count(), 1, "nothing half written stays");
    let run = project.backstay(&["metrics"]).run().expect(0);
    let names =
        |text: &str| text.lines().filter(|l| l.starts_with("# TYPE")).map(str::to_owned).collect::<BTreeSet<_>>();
    assert_eq!(names(&run.stdout), names(&text));
}

#[test]
fn a_run_pushes_its_numbers() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/prometheus/usr/bin/prometheus-pushgateway");
    let mut gateway = std::process::Command::new(program)
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap_or_else(|e| panic!("no Pushgateway here ({e}); run `scripts/setup`"));
    for _ in 0..200 {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let (_source, project) = project(&format!("metrics: {{ pushgateway: \"http://127.0.0.1:{port}/\" }}\n"));
    let run = project.backstay(&["apply", "--yes"]).run().expect(0);
    assert!(!run.stderr.contains("BS771"), "{}", run.stderr);
    let kept = || {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    };
    let restorable = |text: &str, n: usize| {
        let points = text.lines().filter(|line| line.starts_with("backstay_restore_points{"));
        let of_app: Vec<&str> = points.filter(|line| line.contains("database=\"app\"")).collect();
        assert_eq!(of_app.len(), 1, "{text}");
        assert!(of_app[0].contains("policy=\"test\"") && of_app[0].ends_with(&format!(" {n}")), "{of_app:?}");
    };
    restorable(&kept(), 1);
    project.backstay(&["backup", "app"]).run().expect(0);
    restorable(&kept(), 2);
    // One that is gone is told; the backup is as good as ever.
    gateway.kill().unwrap();
    gateway.wait().unwrap();
    let run = project.backstay(&["backup", "app"]).run().expect(0);
    assert!(run.stderr.contains("warning[BS771]"), "{}", run.stderr);
}

#[test]
fn a_report_is_one_file_and_its_digests_are_those_of_the_manifests() {
    let (_source, project) = project("");
    project.backstay(&["apply", "--yes", "--quiet"]).run().expect(0);
    let run = project.backstay(&["report", "--html", "report.html", "--json"]).run().expect(0);
    let page = fs::read_to_string(project.path("report.html")).unwrap();
    let id = project.manifest("near").id.to_string();
    let manifests = run.json()["policies"][0]["manifests"].as_array().unwrap().clone();
    assert_eq!(manifests.len(), 2);
    for manifest in &manifests {
        let storage = manifest["storage"].as_str().unwrap();
        let bytes = fs::read(project.path(&format!("{storage}/manifest/now/app/{id}.json"))).unwrap();
        let digest = backstay::base::Sha256::of(&bytes).to_string();
        assert_eq!(manifest["sha256"], digest.as_str());
        assert!(page.contains(&digest));
    }
    let evidence = project.backstay(&["report", "app"]).run().expect(0).stdout;
    assert!(evidence.contains(&id) && evidence.contains("1 restore point"), "{evidence}");
    project.backstay(&["report", "ap"]).run().expect(1);
}

fn lines(file: &Path) -> Vec<Value> {
    fs::read_to_string(file).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_line_of_a_log_has_the_run_that_the_manifest_names() {
    let (_source, project) = project("");
    let run = project.backstay(&["apply", "--yes", "--log-file", "run.log", "--log-format", "json"]).run().expect(0);
    let kept = lines(&project.path("run.log"));
    let run_id = project.manifest("near").origin.run;
    assert!(kept.iter().all(|line| line["run"] == run_id.as_str()), "{kept:?}");
    assert_eq!((&kept[0]["event"], &kept[0]["verb"]), (&"run_started".into(), &"apply".into()));
    let end = kept.last().unwrap();
    assert_eq!((&end["event"], &end["exit"]), (&"run_finished".into(), &0.into()));
    assert!(kept.iter().any(|line| line["event"] == "step_finished" && line["address"] == "backup/app/now"));
    // Standard error says the same, line by line.
    let spoken: Vec<Value> = run.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(spoken, kept);
    // Another run goes on in the same file, and what fails has its code.
    fs::remove_dir_all(project.path("near")).unwrap();
    fs::write(project.path("near"), "in the way").unwrap();
    project.backstay(&["backup", "nobody", "--log-file", "run.log"]).run().expect(1);
    let last = lines(&project.path("run.log"));
    let error = last.iter().find(|line| line["level"] == "error" && !line["code"].is_null()).unwrap();
    assert!(error["code"].as_str().unwrap().starts_with("BS") && error["run"] != run_id.as_str(), "{error}");
}

#[test]
fn a_full_disk_for_logs_is_told_once_and_the_work_goes_on() {
    let (_source, project) = project("");
    let run = project.backstay(&["apply", "--yes", "--log-file", "/dev/full"]).run().expect(0);
    assert_eq!(run.stderr.matches("BS770").count(), 1, "{}", run.stderr);
    assert!(run.stderr.contains("No space left"), "{}", run.stderr);
    project.backstay(&["verify"]).run().expect(0);
}
