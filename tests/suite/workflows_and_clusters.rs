//! Workflows and manifests as they are written, read by the linters of those who run them.

use crate::support::Backstay;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const POLICY: &str = "\
version: 1
name: shop
timezone: Europe/Berlin
storage:
  near: { type: filesystem, path: /var/backups/shop/near }
  far: { type: filesystem, path: /var/backups/shop/far }
tiers:
  daily: { schedule: '30 2 * * *', copies: [{ to: near, keep: 30d }, { to: far, keep: 30d }] }
  monthly: { schedule: '0 4 1 * *', copies: [{ to: far, keep: 1y }] }
  pre-migration: { schedule: manual, copies: [{ to: far, keep: 30d }] }
encryption:
  team: { type: age, recipients: [age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p], identity: '${env:AGE_IDENTITY}' }
databases:
  app: { connection: '${env:APP_URL}', tiers: [daily, monthly, pre-migration], encryption: team, EXEC
         verify: { schedule: '0 */6 * * *' }, drill: { schedule: '0 5 * * SUN', checks: [{ sql: SELECT 1, expect: '= 1' }] } }
  crm: { connection: '${env:CRM_URL:-postgresql://crm/crm}', tiers: [daily], encryption: team }
run: RUN
";

struct Site(tempfile::TempDir);

impl Site {
    fn new(run: &str, exec: &str) -> Site {
        let site = Site(tempfile::tempdir().unwrap());
        fs::write(site.path("backstay.yaml"), POLICY.replace("RUN", run).replace("EXEC", exec)).unwrap();
        site
    }

    fn path(&self, inside: &str) -> PathBuf {
        self.0.path().join(inside)
    }

    fn backstay(&self, words: &[&str]) -> Backstay {
        let more = ["--root", ".", "--only", "infra", "--target", "run"];
        Backstay::new(words.iter().copied().chain(more)).current_dir(self.0.path())
    }

    /// Applies, and sees that nothing is left to do and that a change by hand shows.
    fn settle(&self, some_file: &str) {
        self.backstay(&["apply", "--yes"]).run().expect(0);
        self.backstay(&["plan", "--detailed-exitcode"]).run().expect(0);
        let text = fs::read_to_string(self.path(some_file)).unwrap();
        fs::write(self.path(some_file), format!("{text}# mine\n")).unwrap();
        let drift = self.backstay(&["plan", "--detailed-exitcode"]).run().expect(2);
        assert!(drift.stdout.contains("# mine"), "{}", drift.stdout);
        self.backstay(&["apply", "--yes"]).run().expect(0);
        assert_eq!(fs::read_to_string(self.path(some_file)).unwrap(), text);
    }

    fn read(&self, file: &str) -> serde_json::Value {
        serde_saphyr::from_str(&fs::read_to_string(self.path(file)).unwrap()).unwrap()
    }
}

fn server(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/servers/bin").join(name)
}

#[test]
fn workflows_pass_their_linter_and_start_what_the_schedules_mean() {
    let role = "arn:aws:iam::111122223333:role/backups";
    let run = format!(
        "{{ by: github-actions, uses: './', role: '{role}', region: eu-central-1, postgresql: 17, environment: backups }}"
    );
    let site = Site::new(&run, "");
    site.settle(".github/workflows/backstay.yml");
    let action = Path::new(env!("CARGO_MANIFEST_DIR")).join("action.yml");
    fs::copy(action, site.path("action.yml")).unwrap();
    fs::create_dir_all(site.path(".git")).unwrap();
    // A workflow that deploys calls the other one.
    let caller = "on: push\npermissions: {}\njobs:\n  backup:\n    permissions: { contents: read, id-token: write }\n    \
                  uses: ./.github/workflows/backstay-before-deploy.yml\n    with: { database: app }\n    \
                  secrets: inherit\n  deploy:\n    needs: backup\n    runs-on: ubuntu-latest\n    steps:\n      \
                  - run: echo \"${{ needs.backup.outputs.backup }}\"\n";
    fs::write(site.path(".github/workflows/deploy.yml"), caller).unwrap();
    let ran = Command::new(server("actionlint")).arg("-no-color").current_dir(site.path(".")).output().unwrap();
    assert!(ran.status.success(), "{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));

    let workflow = site.read(".github/workflows/backstay.yml");
    let lines: Vec<&str> =
        workflow["on"]["schedule"].as_array().unwrap().iter().map(|line| line["cron"].as_str().unwrap()).collect();
    assert!(lines.contains(&"30 0,1 * * *") && lines.contains(&"0 2,3 1 * *"), "{lines:?}");
    let steps = workflow["jobs"]["backups"]["steps"].as_array().unwrap();
    let work = steps.last().unwrap();
    let script = work["run"].as_str().unwrap();
    assert!(script.contains("work backstay run daily\n") && script.contains("work backstay run monthly\n"), "{script}");
    let names: Vec<&String> = work["env"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["BACKSTAY_POLICY", "AGE_IDENTITY", "APP_URL"], "a variable with a default is no secret");
    assert_eq!(work["env"]["BACKSTAY_POLICY"], "backstay.yaml");
    let drill = workflow["jobs"]["drill"]["steps"].as_array().unwrap().last().unwrap();
    assert!(drill["run"].as_str().unwrap().contains("work backstay drill app --due\n"));

    // What is not wanted any more goes, and a policy that does not say what brings the program writes nothing.
    let text = fs::read_to_string(site.path("backstay.yaml")).unwrap();
    fs::write(site.path("backstay.yaml"), text.replace("uses: './', ", "")).unwrap();
    let plan = site.backstay(&["plan"]).run().expect(0);
    assert!(plan.stdout.contains("once `uses` names"), "{}", plan.stdout);
}

/// The shell of a workflow does all of the work and exits with the first failure.
#[test]
fn the_script_of_a_workflow_tries_everything_and_tells_the_first_failure() {
    let site = Site::new("{ by: github-actions, uses: './' }", "");
    site.backstay(&["apply", "--yes"]).run().expect(0);
    let workflow = site.read(".github/workflows/backstay.yml");
    let script = workflow["jobs"]["backups"]["steps"].as_array().unwrap().last().unwrap()["run"].clone();
    let programs = site.path("bin");
    fs::create_dir(&programs).unwrap();
    let program = programs.join("backstay");
    fs::write(&program, "#!/bin/sh\necho \"called $*\"\ncase $2 in daily) exit 7;; *) exit 1;; esac\n").unwrap();
    Command::new("chmod").arg("+x").arg(&program).status().unwrap();
    let ran = Command::new("bash")
        .args(["-e", "-c", script.as_str().unwrap()])
        .env("PATH", format!("{}:/usr/bin:/bin", programs.display()))
        .env("RUNNER_TEMP", site.0.path())
        .env("GITHUB_STEP_SUMMARY", site.path("summary"))
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(7), "{ran:?}");
    let summary = fs::read_to_string(site.path("summary")).unwrap();
    assert_eq!(summary, "```text\ncalled run daily\ncalled run monthly\n```\n");
}

/// Every manifest by the schemas of Kubernetes, strictly.
fn valid(site: &Site) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(site.path("deploy"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let files = names.iter().filter(|name| *name != "kustomization.yaml").map(|name| site.path("deploy").join(name));
    let ran = Command::new(server("kubernetes-validate")).arg("--strict").args(files).output().unwrap();
    assert!(ran.status.success(), "{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    let resources = site.read("deploy/kustomization.yaml")["resources"].as_array().unwrap().len();
    assert_eq!(resources + 1, names.len());
    names
}

#[test]
fn manifests_pass_the_schemas_of_kubernetes() {
    let run = "{ by: kubernetes, directory: deploy, namespace: backups, image: 'registry.example/backstay:1', \
               environment_secret: shop-env, volumes: [{ claim: near, path: /var/backups/shop, size: 50GiB, storage_class: fast }] }";
    let site = Site::new(run, "");
    site.settle("deploy/cronjob-daily.yaml");
    let names = valid(&site);
    let wanted = [
        "claim-near.yaml",
        "cronjob-daily.yaml",
        "cronjob-drill-app.yaml",
        "cronjob-monthly.yaml",
        "cronjob-verify-app.yaml",
        "kustomization.yaml",
        "serviceaccount.yaml",
    ];
    assert_eq!(names, wanted);
    let pod = &site.read("deploy/cronjob-drill-app.yaml")["spec"]["jobTemplate"]["spec"]["template"]["spec"];
    let arguments = serde_json::json!(["--policy", "/etc/backstay/backstay.yaml", "drill", "app", "--due"]);
    assert_eq!(pod["containers"][0]["args"], arguments);
    assert_eq!(pod["volumes"][2]["persistentVolumeClaim"]["claimName"], "near");
    assert_eq!(pod["containers"][0]["volumeMounts"][2]["mountPath"], "/var/backups/shop");
    assert_eq!(site.read("deploy/claim-near.yaml")["spec"]["resources"]["requests"]["storage"], "50Gi");
    assert_eq!(site.read("deploy/serviceaccount.yaml")["automountServiceAccountToken"], false);
}

#[test]
fn what_receives_wal_is_a_deployment_of_one_pod() {
    let run = "{ by: kubernetes, directory: deploy, namespace: backups, image: 'registry.example/backstay:1', \
               environment_secret: shop-env, volumes: [{ claim: near, path: /var/backups/shop, size: 50GiB }] }";
    let site = Site::new(run, "wal: { mode: stream, to: [far], slot: backstay },");
    site.settle("deploy/deployment-wal-receive-app.yaml");
    assert!(valid(&site).contains(&"deployment-wal-receive-app.yaml".to_owned()));
    let deployment = site.read("deploy/deployment-wal-receive-app.yaml");
    assert_eq!(deployment["kind"], "Deployment");
    let spec = &deployment["spec"];
    assert_eq!((&spec["replicas"], &spec["strategy"]["type"]), (&1.into(), &"Recreate".into()));
    assert_eq!(spec["selector"]["matchLabels"], spec["template"]["metadata"]["labels"]);
    let pod = &spec["template"]["spec"];
    assert_eq!(pod["restartPolicy"], "Always");
    let container = &pod["containers"][0];
    let arguments = ["--policy", "/etc/backstay/backstay.yaml", "wal", "receive", "--database", "app", "--state-dir"];
    assert_eq!(container["args"], serde_json::json!([&arguments[..], &["/var/lib/backstay"]].concat()));
    assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
    let mounts: Vec<&str> =
        container["volumeMounts"].as_array().unwrap().iter().filter_map(|mount| mount["mountPath"].as_str()).collect();
    assert_eq!(mounts, ["/etc/backstay", "/tmp", "/var/lib/backstay", "/var/backups/shop"]);
    // With a folder of the policy's, that is the place.
    let text = fs::read_to_string(site.path("backstay.yaml")).unwrap();
    let said = "slot: backstay, spool: { path: /var/backups/shop/spool, max: 4GiB } }";
    fs::write(site.path("backstay.yaml"), text.replace("slot: backstay }", said)).unwrap();
    site.settle("deploy/deployment-wal-receive-app.yaml");
    valid(&site);
    let pod = &site.read("deploy/deployment-wal-receive-app.yaml")["spec"]["template"]["spec"];
    assert_eq!(pod["containers"][0]["args"], serde_json::json!(arguments[..6]));
    assert_eq!(pod["volumes"].as_array().unwrap().len(), 3);
}

#[test]
fn jobs_that_ask_the_cluster_may_do_that_and_no_more() {
    let run = "{ by: kubernetes, directory: deploy, image: 'registry.example/backstay:1' }";
    let site = Site::new(run, "exec: [kubectl, exec, -i, app-db-0, --],");
    site.settle("deploy/role.yaml");
    valid(&site);
    let role = site.read("deploy/role.yaml");
    assert_eq!(role["rules"][1]["resources"], serde_json::json!(["pods/exec"]));
    let account = site.read("deploy/serviceaccount.yaml");
    assert_eq!(account["automountServiceAccountToken"], true);
    let binding = site.read("deploy/rolebinding.yaml");
    assert_eq!(binding["subjects"][0]["name"], account["metadata"]["name"]);
    // Without the databases behind `kubectl` the rights go.
    let text = fs::read_to_string(site.path("backstay.yaml")).unwrap();
    fs::write(site.path("backstay.yaml"), text.replace("exec: [kubectl, exec, -i, app-db-0, --],", "")).unwrap();
    site.settle("deploy/serviceaccount.yaml");
    assert!(!valid(&site).iter().any(|name| name.starts_with("role")));
}
