//! Alerts as a person gets them: one a channel when a backup fails, none when it fails again, a resolve when it recovers.

use crate::support::{
    Asked, Backstay, CANARY, Canned, Database, Login, MailServer, Moto, Project, Server, percent_encode,
};
use serde_json::Value;

/// Every channel, each with a sink of its own.
struct Sinks {
    slack: Canned,
    pagerduty: Canned,
    sentry: Canned,
    webhook: Canned,
    alive: Canned,
    mail: MailServer,
    topic: String,
    /// Who has subscribed to the topic.
    reader: Canned,
}

const CHANNELS: &str = "\
alerts:
  channels:
    ops: { type: slack, webhook: \"${env:SLACK}\" }
    pager: { type: pagerduty, routing_key: \"${env:PAGER}\", events_url: \"${env:PAGER_URL}/v2/enqueue\" }
    errors: { type: sentry, dsn: \"${env:DSN}\" }
    mail:
      type: email
      host: 127.0.0.1
      port: \"${env:SMTP_PORT}\"
      user: backup
      password: \"${env:SMTP_PASSWORD}\"
      from: \"backstay <backup@example.org>\"
      to: [\"ops@example.org\", \"boss@example.org\"]
    hook: { type: webhook, url: \"${env:HOOK}/x\", headers: { X-Team: platform }, secret: \"${env:HOOK_SECRET}\" }
    alive: { type: healthcheck, url: \"${env:ALIVE}/uuid\" }
    topic: { type: sns, topic: \"${env:TOPIC}\" }
  rules:
    - on: [backup_failed, backup_overdue, copy_missing, verify_failed]
      notify: [ops, pager, errors, mail, hook, topic]
      link: https://wiki.example.org/backup
";

fn sink() -> Canned {
    Canned::start(|_| (200, &[], "ok".to_owned()))
}

impl Sinks {
    fn start(moto: &Moto) -> Sinks {
        let name = Moto::unique("alerts");
        let made = moto.aws(&["sns", "create-topic", "--name", &name]);
        let topic = made["TopicArn"].as_str().unwrap().to_owned();
        let reader = sink();
        let to = ["--protocol", "http", "--notification-endpoint"];
        moto.aws(&[&["sns", "subscribe", "--topic-arn", &topic][..], &to, &[&reader.url()]].concat());
        Sinks {
            slack: sink(),
            pagerduty: sink(),
            sentry: sink(),
            webhook: sink(),
            alive: sink(),
            mail: MailServer::start(&["tls", "auth"], &format!("{CANARY}-smtp")),
            topic,
            reader,
        }
    }

    fn seen_by(&self, call: Backstay, moto: &Moto) -> Backstay {
        let call = moto.seen_by(call, &Login::root());
        call.env("SLACK", format!("{}/services/{}-slack", self.slack.url(), coded()))
            .env("PAGER", format!("{CANARY}-pager"))
            .env("PAGER_URL", self.pagerduty.url())
            .env("DSN", format!("http://{}-sentry@127.0.0.1:{}/42", coded(), self.sentry.port))
            .env("SMTP_PORT", self.mail.port.to_string())
            .env("SMTP_PASSWORD", format!("{CANARY}-smtp"))
            .env("SSL_CERT_FILE", self.mail.authority())
            .env("HOOK", self.webhook.url())
            .env("HOOK_SECRET", format!("{CANARY}-hook"))
            .env("ALIVE", self.alive.url())
            .env("TOPIC", &self.topic)
    }

    /// How much each took: Slack, PagerDuty, events of Sentry, mails, webhook, SNS.
    fn counts(&self) -> [usize; 6] {
        let events = self.sentry.asked().iter().filter(|asked| asked.body.contains("\"type\":\"event\"")).count();
        [
            self.slack.asked().len(),
            self.pagerduty.asked().len(),
            events,
            self.mail.mails().len(),
            self.webhook.asked().len(),
            self.reader.asked().iter().filter(|asked| asked.body.contains("\"Notification\"")).count(),
        ]
    }
}

/// The canary as URLs hold it.
fn coded() -> String {
    percent_encode(CANARY)
}

fn json(asked: &Asked) -> Value {
    serde_json::from_str(&asked.body).unwrap_or_else(|e| panic!("{e}: {asked:?}"))
}

#[test]
fn a_failing_backup_is_told_once_a_channel_and_its_recovery_too() {
    let moto = Moto::shared();
    let source = Database::create(Server::any(), "alerts");
    source.psql("CREATE TABLE t AS SELECT generate_series(1, 100) n");
    let project = Project::new(&source, CHANNELS);
    let sinks = Sinks::start(moto);
    let call = |arguments: &[&str]| sinks.seen_by(project.backstay(arguments), moto);
    let broken = |arguments: &[&str]| {
        call(arguments).env("DATABASE_URL", format!("postgresql://postgres:{}@127.0.0.1:1/nowhere", coded()))
    };
    // A good one first: nobody is told, the switch is pinged.
    call(&["backup", "app"]).run().expect(0);
    assert_eq!(sinks.counts(), [0; 6]);
    assert_eq!(sinks.alive.asked().iter().map(|a| a.target.as_str()).collect::<Vec<_>>(), ["/uuid"]);

    let failed = broken(&["backup", "app"]).run().expect(1);
    assert!(failed.stderr.contains("error[BS520]") && !failed.stderr.contains("BS751"), "{failed:#?}");
    assert_eq!(sinks.counts(), [1; 6], "{failed:#?}");
    content(&sinks, &project.manifest("near").id.to_string());
    assert_eq!(sinks.alive.asked().last().unwrap().target, "/uuid/fail");

    let again = broken(&["backup", "app"]).run().expect(1);
    assert_eq!(sinks.counts(), [1; 6], "{again:#?}");

    // Of Sentry nothing: its issues are closed by people.
    let good = call(&["backup", "app"]).run().expect(0);
    assert_eq!(sinks.counts(), [2, 2, 1, 2, 2, 2], "{good:#?}");
    let resolve = json(&sinks.pagerduty.asked()[1]);
    assert_eq!(resolve["event_action"], "resolve");
    assert_eq!(resolve["dedup_key"], json(&sinks.pagerduty.asked()[0])["dedup_key"]);
    assert_eq!(json(&sinks.webhook.asked()[1])["kind"], "resolved");
    assert!(json(&sinks.slack.asked()[1])["text"].as_str().unwrap().contains("resolved: app"));
    assert!(sinks.mail.mails()[1]["text"].as_str().unwrap().contains("resolved: app"));
    assert_eq!(sinks.alive.asked().last().unwrap().target, "/uuid");

    call(&["backup", "app"]).run().expect(0);
    assert_eq!(sinks.counts(), [2, 2, 1, 2, 2, 2]);
    // What is remembered is a sound file of the repository.
    call(&["verify", "--deep"]).run().expect(0);
    no_secret(&sinks);
}

/// What each channel was told of the failure.
fn content(sinks: &Sinks, newest: &str) {
    let hook = &sinks.webhook.asked()[0];
    let message = json(hook);
    assert_eq!((message["event"].as_str(), message["kind"].as_str()), (Some("backup_failed"), Some("new")));
    assert_eq!((message["database"].as_str(), message["tier"].as_str()), (Some("app"), Some("now")));
    assert_eq!(message["code"], "BS520");
    assert_eq!(message["severity"], "critical");
    assert_eq!(message["restorable"][0]["id"].as_str(), Some(newest));
    assert_eq!(message["restorable"][0]["storages"], serde_json::json!(["near", "far"]));
    assert!(message["cause"].as_str().unwrap().contains("down"), "{message:#}");
    assert_eq!(message["command"], "backstay backup app --tier now --policy backstay.yaml");
    assert_eq!(message["link"], "https://wiki.example.org/backup");
    assert_eq!(hook.header("x-team"), Some("platform"));
    assert_eq!(hook.header("backstay-signature").unwrap(), signature(hook));

    let slack = json(&sinks.slack.asked()[0]);
    let text = slack["attachments"][0]["blocks"][0]["text"]["text"].as_str().unwrap();
    for part in
        ["app, tier now: the backup failed", "BS520", newest, "near, far", "backstay backup app", "wiki.example"]
    {
        assert!(text.contains(part), "{part} in {text}");
    }
    let pager = json(&sinks.pagerduty.asked()[0]);
    assert_eq!(pager["event_action"], "trigger");
    assert_eq!(pager["payload"]["severity"], "critical");
    assert_eq!(pager["dedup_key"], "backstay/test/backup_failed/app/now");
    assert_eq!(sinks.pagerduty.asked()[0].target, "/v2/enqueue");

    let sentry = sinks.sentry.asked();
    let event = sentry.iter().find(|asked| asked.body.contains("\"type\":\"event\"")).unwrap();
    assert_eq!(event.target, "/api/42/envelope/");
    let lines: Vec<&str> = event.body.lines().collect();
    let (head, item): (Value, Value) =
        (serde_json::from_str(lines[1]).unwrap(), serde_json::from_str(lines[2]).unwrap());
    assert_eq!(head["length"].as_u64().unwrap() as usize, lines[2].len());
    assert_eq!((item["level"].as_str(), item["tags"]["database"].as_str()), (Some("error"), Some("app")));

    let mail = &sinks.mail.mails()[0];
    assert_eq!((mail["tls"].as_bool(), mail["login"].as_str()), (Some(true), Some("backup")));
    assert_eq!(mail["to"], serde_json::json!(["ops@example.org", "boss@example.org"]));
    let text = mail["text"].as_str().unwrap();
    assert!(text.contains("Subject: [test] app, tier now: the backup failed"), "{text}");
    assert!(text.contains("text/plain") && text.contains("text/html"), "{text}");
}

/// The signature as anyone would make it, with openssl.
fn signature(asked: &Asked) -> String {
    let script = "printf '%s' \"$TEXT\" | openssl dgst -sha256 -hmac \"$KEY\" | sed 's/.*= //'";
    let text = format!("{}.{}", asked.header("backstay-timestamp").unwrap(), asked.body);
    let made = std::process::Command::new("/bin/sh")
        .args(["-c", script])
        .env("TEXT", text)
        .env("KEY", format!("{CANARY}-hook"))
        .output()
        .unwrap();
    format!("v1={}", String::from_utf8(made.stdout).unwrap().trim())
}

fn no_secret(sinks: &Sinks) {
    for mail in sinks.mail.mails() {
        let text = mail["text"].as_str().unwrap();
        assert!(!text.contains(CANARY) && !text.contains(&coded()), "{mail:#}");
    }
    for asked in
        [&sinks.slack, &sinks.sentry, &sinks.webhook, &sinks.alive, &sinks.reader].into_iter().flat_map(Canned::asked)
    {
        assert!(!asked.body.contains(CANARY) && !asked.body.contains(&coded()), "{asked:?}");
    }
    // PagerDuty reads its key from the body.
    for asked in sinks.pagerduty.asked() {
        let mut body = json(&asked);
        assert_eq!(body["routing_key"], format!("{CANARY}-pager"));
        body["routing_key"] = Value::Null;
        assert!(!body.to_string().contains(CANARY), "{body}");
    }
}

#[test]
fn every_channel_can_be_tried() {
    let moto = Moto::shared();
    let source = Database::create(Server::any(), "alert_test");
    let project = Project::new(&source, CHANNELS);
    let sinks = Sinks::start(moto);
    let run = sinks.seen_by(project.backstay(&["alert", "test"]), moto).run().expect(0);
    assert_eq!(run.stdout.matches("took it").count(), 7, "{run:#?}");
    assert_eq!(sinks.counts(), [1; 6]);
    assert_eq!(sinks.alive.asked()[0].target, "/uuid/start");
    let one = sinks.seen_by(project.backstay(&["alert", "test", "ops", "--json"]), moto).run().expect(0);
    assert_eq!(
        (one.json()["tests"][0]["channel"].as_str(), one.json()["tests"][0]["taken"].as_bool()),
        (Some("ops"), Some(true))
    );
    assert_eq!(sinks.counts(), [2, 1, 1, 1, 1, 1]);
    let unknown = project.backstay(&["alert", "test", "opps"]).run().expect(1);
    assert!(unknown.stderr.contains("Did you mean `ops`?"), "{unknown:#?}");
    // Without secrets each says what it lacks; none stops the others.
    let none = project.backstay(&["alert", "test", "--json"]).run().expect(1);
    let all = none.json()["tests"].clone();
    assert!(all.as_array().unwrap().iter().all(|test| test["code"] == "BS751"), "{all:#}");
    assert!(all[0]["problem"].as_str().unwrap().contains("`SLACK`"), "{all:#}");
}
