//! The age of backups in CloudWatch: every run says it, and `apply` owns an alarm for each tier.

use crate::support::{Database, Login, Moto, Project, Server};
use serde_json::{Value, json};

const TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:ops";

/// A project with a daily and a manual tier and alarms of its own names.
struct Watched {
    _source: Database,
    project: Project,
    moto: Moto,
    login: Login,
}

impl Watched {
    fn new(name: &str) -> Watched {
        let source = Database::create(Server::any(), name);
        source.psql("CREATE TABLE t AS SELECT generate_series(1, 100) n");
        let alerts = "alerts:\n  cloudwatch: { region: us-east-1, notify: [\"${env:TOPIC}\"] }\n";
        let project = Project::scheduled(&source, alerts);
        project.edit_policy("0 0 1 1 *", "0 2 * * *");
        project
            .edit_policy("databases:", "  asked: { schedule: manual, copies: [{ to: near, keep: 7d }] }\ndatabases:");
        project.edit_policy("tiers: [now]", "tiers: [now, asked]");
        Watched { _source: source, project, moto: Moto::start(), login: Login::root() }
    }

    fn call(&self, arguments: &[&str]) -> crate::support::Backstay {
        self.moto.seen_by(self.project.backstay(arguments), &self.login).env("TOPIC", TOPIC)
    }

    fn alarms(&self) -> Vec<Value> {
        self.moto.aws(&["cloudwatch", "describe-alarms"])["MetricAlarms"].as_array().unwrap().clone()
    }

    fn infra(&self) -> Value {
        self.call(&["plan", "--json", "--only", "infra"]).run().expect(0).json()
    }

    /// Addresses and symbols of what a plan would do.
    fn steps(&self) -> Vec<(String, String)> {
        let plan = self.infra();
        let actions = plan["plans"][0]["actions"].as_array().unwrap_or_else(|| panic!("{plan:#}")).clone();
        let text = |action: &Value, field: &str| action[field].as_str().unwrap().to_owned();
        actions.iter().map(|action| (text(action, "address"), text(action, "symbol"))).collect()
    }

    fn apply(&self) {
        self.call(&["apply", "--yes", "--only", "infra"]).run().expect(0);
    }
}

/// The call that sets an alarm by hand.
fn put<'a>(name: &'a str, threshold: &'a str) -> Vec<&'a str> {
    let words = ["cloudwatch", "put-metric-alarm", "--alarm-name", name, "--metric-name", "x", "--namespace", "y"];
    let more = ["--period", "60", "--evaluation-periods", "1", "--threshold", threshold, "--statistic", "Maximum"];
    [&words[..], &more, &["--comparison-operator", "GreaterThanThreshold"]].concat()
}

#[test]
fn alarms_are_made_kept_as_they_are_wanted_and_removed() {
    let watched = Watched::new("alarms");
    let name = "backstay/test/app/now";
    // Somebody else's, whose name looks like ours, and one without anything to do with it.
    for name in ["backstay/test/theirs", "cpu"] {
        watched.moto.aws(&put(name, "1"));
    }
    watched.apply();
    let ours = || watched.alarms().into_iter().find(|alarm| alarm["AlarmName"] == name);
    let alarm = ours().unwrap();
    assert_eq!(watched.alarms().len(), 3, "none for a tier on demand");
    assert_eq!((&alarm["Namespace"], &alarm["MetricName"]), (&json!("backstay"), &json!("BackupAge")));
    // A day and two hours; a run a day and an hour.
    assert_eq!(alarm["Threshold"], json!(26.0 * 3600.0));
    assert_eq!((&alarm["Period"], &alarm["EvaluationPeriods"]), (&json!(45_000), &json!(2)));
    assert_eq!(alarm["TreatMissingData"], "breaching");
    assert_eq!((&alarm["AlarmActions"], &alarm["OKActions"]), (&json!([TOPIC]), &json!([TOPIC])));
    let arn = alarm["AlarmArn"].as_str().unwrap();
    let tags = watched.moto.aws(&["cloudwatch", "list-tags-for-resource", "--resource-arn", arn]);
    assert!(
        tags["Tags"].as_array().unwrap().contains(&json!({ "Key": "backstay-policy", "Value": "test" })),
        "{tags:#}"
    );
    assert_eq!(watched.steps(), []);

    // A change by hand is shown field by field, and made good.
    watched.moto.aws(&put(name, "1"));
    assert_eq!(watched.steps(), [("cloudwatch/app/now".to_owned(), "change".to_owned())]);
    let shown = watched.call(&["plan", "--only", "infra"]).run().expect(0).stdout;
    assert!(shown.contains("~ alarm app/now") && shown.contains("threshold_seconds: 1 → 93600"), "{shown}");
    watched.apply();
    assert_eq!(ours().unwrap()["Threshold"], json!(93_600.0));
    watched.moto.aws(&["cloudwatch", "delete-alarms", "--alarm-names", name]);
    watched.apply();
    assert!(ours().is_some());

    // A tier that nobody has any more takes its alarm with it; what others made stays.
    watched.project.edit_policy("tiers: [now, asked]", "tiers: [asked]");
    let removal = ("cloudwatch/remove/backstay/test/app/now".to_owned(), "delete".to_owned());
    assert_eq!(watched.steps(), std::slice::from_ref(&removal));
    watched.project.edit_policy("tiers: [asked]", "tiers: [now, asked]");
    watched.project.edit_policy("region: us-east-1,", "region: us-east-1, alarms: false,");
    assert_eq!(watched.steps(), [removal]);
    watched.apply();
    let left: Vec<Value> = watched.alarms().into_iter().map(|alarm| alarm["AlarmName"].clone()).collect();
    assert_eq!(left, [json!("backstay/test/theirs"), json!("cpu")]);
    assert_eq!(watched.steps(), []);
}

#[test]
fn every_run_says_how_old_backups_are_and_a_cloudwatch_that_is_away_costs_none() {
    let watched = Watched::new("ages");
    watched.apply();
    watched.call(&["run", "now"]).run().expect(0);
    watched.call(&["backup", "app", "--tier", "asked"]).run().expect(0);
    let listed = watched.moto.aws(&["cloudwatch", "list-metrics", "--namespace", "backstay"]);
    let metrics = listed["Metrics"].as_array().unwrap();
    // The emulation lists every value.
    assert!(!metrics.is_empty() && metrics.iter().all(|metric| *metric == metrics[0]), "{listed:#}");
    let of = |name: &str| {
        let all = metrics[0]["Dimensions"].as_array().unwrap();
        all.iter().find(|one| one["Name"] == name).unwrap()["Value"].as_str().unwrap().to_owned()
    };
    assert_eq!([of("Policy"), of("Database"), of("Tier")], ["test", "app", "now"]);
    let now = jiff::Timestamp::now();
    let at = |hours: i64| (now + jiff::SignedDuration::from_hours(hours)).strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let words = ["cloudwatch", "get-metric-statistics", "--namespace", "backstay", "--metric-name", "BackupAge"];
    let (from, to) = (at(-1), at(1));
    let when = ["--start-time", &from, "--end-time", &to, "--period", "86400", "--statistics", "Maximum"];
    let which = ["--dimensions", "Name=Policy,Value=test", "Name=Database,Value=app", "Name=Tier,Value=now"];
    let found = watched.moto.aws(&[&words[..], &when, &which].concat());
    let point = &found["Datapoints"][0];
    assert_eq!(point["Unit"], "Seconds", "{found:#}");
    assert!(point["Maximum"].as_f64().unwrap() < 60.0, "{found:#}");

    let lost = watched.call(&["backup", "app", "--tier", "now"]).env("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
    let lost = lost.run().expect(0);
    assert!(lost.stderr.contains("warning[BS771]"), "{lost:#?}");
}

/// With the documents that `plan --iam-policy` prints, and IAM enforced.
#[test]
fn least_privilege_is_enough_and_no_more() {
    let mut watched = Watched::new("alarm_rights");
    let document =
        |watched: &Watched, who: &str| watched.call(&["plan", "--iam-policy", who]).run().expect(0).json().to_string();
    let documents = ["planner", "applier", "writer"].map(|who| document(&watched, who));
    assert!(documents[1].contains(":alarm:backstay/test/*"), "{}", documents[1]);
    assert!(
        documents[2].contains("cloudwatch:namespace") && !documents[2].contains("PutMetricAlarm"),
        "{}",
        documents[2]
    );
    let admin = watched.moto.enforce();
    let users: Vec<Login> = ["planner", "applier", "writer"]
        .iter()
        .zip(&documents)
        .map(|(who, document)| {
            let words = ["iam", "create-user", "--user-name", who];
            watched.moto.aws_as(&admin, &words).expect(0);
            let name = ["--policy-name", "may", "--policy-document", document];
            let put = [&["iam", "put-user-policy", "--user-name", who][..], &name].concat();
            watched.moto.aws_as(&admin, &put).expect(0);
            let made = watched.moto.aws_as(&admin, &["iam", "create-access-key", "--user-name", who]).expect(0).json();
            let text = |field: &str| made["AccessKey"][field].as_str().unwrap().to_owned();
            Login { id: text("AccessKeyId"), secret: text("SecretAccessKey") }
        })
        .collect();
    watched.login = users[0].clone();
    assert!(!watched.steps().is_empty());
    watched.login = users[1].clone();
    watched.apply();
    assert_eq!(watched.steps(), []);
    watched.login = users[2].clone();
    let run = watched.call(&["run", "now"]).run().expect(0);
    assert!(!run.stderr.contains("BS771"), "{run:#?}");
    let refused = watched.call(&["plan", "--only", "infra"]).run();
    assert!(refused.stdout.contains("cloudwatch:DescribeAlarms"), "{}", refused.stdout);
}
