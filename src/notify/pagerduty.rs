//! PagerDuty, by version 2 of its events: what is wrong triggers an incident under a key of its own, what is over resolves
//! it, what only happened is a change event.

use super::NotifyError;
use super::channel::{Means, REQUEST};
use crate::alert::{Kind, Message, lines};
use crate::base::{Sha256, Template, visible};
use crate::http::{Method, Request, persistently};
use crate::policy::AlertSeverity;
use serde_json::{Map, Value, json};

const EVENTS: &str = "https://events.pagerduty.com/v2/enqueue";
/// Longer summaries are refused.
const LONGEST_SUMMARY: usize = 1024;
/// And longer keys.
const LONGEST_KEY: usize = 255;

pub(super) async fn send(
    routing_key: &Template,
    events_url: Option<&Template>,
    message: &Message,
    means: Means<'_>,
) -> Result<(), NotifyError> {
    let key = means.value(routing_key)?;
    let url = events_url.map(|url| means.value(url)).transpose()?;
    let url = url.as_ref().map_or(EVENTS, |url| url.expose());
    let is_change = message.kind == Kind::Happened;
    let url = if is_change { changes_url(url) } else { url.to_owned() };
    let mut body = if is_change { change(message) } else { event(message) };
    body["routing_key"] = json!(key.expose());
    let request =
        Request::new(Method::Post, crate::base::Secret::new(url)).with_body("application/json", body.to_string());
    let request = request.hiding(key);
    persistently(means.client, &request, REQUEST).await?;
    Ok(())
}

/// Where changes go: beside the events.
fn changes_url(events: &str) -> String {
    match events.strip_suffix("/enqueue") {
        Some(base) if !base.ends_with("/change") => format!("{base}/change/enqueue"),
        _ => events.to_owned(),
    }
}

fn event(message: &Message) -> Value {
    let key = message.global_key();
    let key = if key.len() > LONGEST_KEY { format!("backstay/{}", Sha256::of(key.as_bytes())) } else { key };
    if message.kind == Kind::Resolved {
        return json!({ "event_action": "resolve", "dedup_key": key });
    }
    let severity = match message.severity {
        AlertSeverity::Info => "info",
        AlertSeverity::Warning => "warning",
        AlertSeverity::Critical => "critical",
    };
    let mut payload = payload(message);
    payload["severity"] = json!(severity);
    payload["component"] = json!(message.topic.words());
    payload["group"] = json!(message.policy);
    payload["class"] = json!(message.event);
    json!({
        "event_action": "trigger", "dedup_key": key, "client": "backstay", "payload": payload, "links": links(message),
    })
}

fn change(message: &Message) -> Value {
    json!({ "payload": payload(message), "links": links(message) })
}

fn payload(message: &Message) -> Value {
    let title = format!("[{}] {}", message.policy, visible(&message.headline()));
    let details: Map<String, Value> =
        lines(message).into_iter().map(|(label, text)| (label.to_owned(), Value::String(text))).collect();
    json!({
        "summary": title.chars().take(LONGEST_SUMMARY).collect::<String>(),
        "source": message.sender.host,
        "timestamp": message.sender.sent_at.to_string(),
        "custom_details": details,
    })
}

fn links(message: &Message) -> Value {
    let link = message.link.iter().map(|link| json!({ "href": link, "text": "What to do" }));
    Value::Array(link.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_stand_beside_events() {
        assert_eq!(changes_url(EVENTS), "https://events.pagerduty.com/v2/change/enqueue");
        assert_eq!(changes_url("http://x/y"), "http://x/y");
    }
}
