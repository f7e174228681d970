//! Slack, by an incoming webhook.

use super::NotifyError;
use super::channel::{Means, REQUEST};
use crate::alert::{Message, colour, digest_title, lines};
use crate::base::{Template, visible};
use crate::http::{Method, Request, persistently};
use serde_json::{Value, json};

/// Slack takes no more attachments than these without cutting.
const MOST: usize = 20;
/// And no longer text in a section.
const LONGEST: usize = 2900;

pub(super) async fn send(webhook: &Template, messages: &[&Message], means: Means<'_>) -> Result<(), NotifyError> {
    let request = Request::new(Method::Post, means.value(webhook)?);
    let request = request.with_body("application/json", body(messages).to_string());
    persistently(means.client, &request, REQUEST).await?;
    Ok(())
}

fn body(messages: &[&Message]) -> Value {
    let attachments: Vec<Value> = messages.iter().take(MOST).map(|message| attachment(message)).collect();
    let mut title = digest_title(messages);
    if messages.len() > MOST {
        title.push_str(&format!(" (the first {MOST} are shown; `backstay status` shows all)"));
    }
    json!({ "text": escaped(&title), "attachments": attachments })
}

fn attachment(message: &Message) -> Value {
    let mut text = format!("*{}*", escaped(&visible(&message.headline())));
    for (label, said) in lines(message) {
        let said = escaped(&said);
        let said = if label == "Run next" { format!("`{said}`") } else { said };
        text.push_str(&format!("\n*{label}:* {said}"));
    }
    let cut: String = text.chars().take(LONGEST).collect();
    let footer = format!("policy {} · run {} on {}", message.policy, message.sender.run, visible(&message.sender.host));
    json!({
        "color": colour(message),
        "fallback": escaped(&visible(&message.headline())),
        "blocks": [
            { "type": "section", "text": { "type": "mrkdwn", "text": cut } },
            { "type": "context", "elements": [{ "type": "mrkdwn", "text": escaped(&footer) }] },
        ],
    })
}

/// Slack reads these three as its language.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
