//! What the agent has told by the channels of alerts: that its policy was changed and cannot be used.

use crate::support::{Canned, FIRST, Site, at, later, until};
use serde_json::Value;
use std::fs;

fn messages(sink: &Canned) -> Vec<Value> {
    sink.asked().iter().map(|asked| serde_json::from_str(&asked.body).unwrap()).collect()
}

fn kinds(sink: &Canned) -> Vec<(String, String)> {
    let word = |message: &Value, name: &str| message[name].as_str().unwrap().to_owned();
    messages(sink).iter().map(|message| (word(message, "event"), word(message, "kind"))).collect()
}

fn told(event: &str, kind: &str) -> (String, String) {
    (event.to_owned(), kind.to_owned())
}

#[test]
fn an_invalid_policy_under_an_agent_is_told_once_by_its_last_good_channels_and_its_end_too() {
    let (sink, elsewhere) =
        (Canned::start(|_| (200, &[], "ok".to_owned())), Canned::start(|_| (200, &[], "ok".to_owned())));
    let site = Site::new("told", |policy| {
        let alerts = "alerts:\n  channels: { hook: { type: webhook, url: 'URL' } }\n  \
                      rules: [{ on: [backup_failed], notify: [hook] }]\n";
        format!("{policy}{}", alerts.replace("URL", &sink.url()))
    });
    let agent = site.agent("log");
    agent.says("done in", 1);
    let file = site.path("backstay.yaml");
    let good = fs::read_to_string(&file).unwrap();
    // The new text names other channels; it is not in force.
    let secret = "hunter2-in-the-wrong-place";
    let broken = good.replace(&sink.url(), &elsewhere.url()).replace("schedule:", &format!("{secret}:"));
    fs::write(&file, &broken).unwrap();
    until(|| !messages(&sink).is_empty());
    let message = &messages(&sink)[0];
    assert_eq!(kinds(&sink), [told("policy_invalid", "new")]);
    assert_eq!(message["severity"], "warning");
    assert_eq!(message["code"], "BS102");
    let problem = message["problem"].as_str().unwrap();
    assert!(problem.contains("backstay.yaml, line 6"), "{message:#}");
    assert!(!message.to_string().contains(secret), "{message:#}");
    assert_eq!(message["command"], "backstay validate --policy backstay.yaml");

    // Invalid in another way is the same thing; so is a job that runs meanwhile.
    fs::write(&file, broken.replace("keep: 7d", "keep: 7")).unwrap();
    agent.says("BS822", 2);
    site.clock(later(at(FIRST), 14));
    agent.says("done in", 2);
    agent.says("alert", 1);
    assert_eq!(kinds(&sink).len(), 1, "{:#?}", messages(&sink));

    fs::write(&file, &good).unwrap();
    until(|| messages(&sink).len() == 2);
    assert_eq!(kinds(&sink)[1], told("policy_invalid", "resolved"));
    // Who looks again has nothing to tell.
    agent.stops();
    let agent = site.agent("log");
    agent.says("done in", 3);
    agent.looks();
    agent.stops();
    assert_eq!(messages(&sink).len(), 2, "{:#?}", messages(&sink));
    assert_eq!(messages(&elsewhere).len(), 0);
}
