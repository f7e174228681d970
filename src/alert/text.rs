//! A message as text and as HTML, for channels that people read.

use super::{Kind, Message, Restorable};
use crate::base::{Period, visible};
use jiff::Timestamp;

/// Messages beyond these are counted, not shown.
const MOST: usize = 20;

/// One line for several messages.
pub fn digest_title(messages: &[&Message]) -> String {
    match messages {
        [] => String::new(),
        [only] => format!("[{}] {}", only.policy, visible(&only.headline())),
        [first, rest @ ..] => format!("[{}] {} and {} more", first.policy, visible(&first.headline()), rest.len()),
    }
}

/// What a message says, as labels and texts in the order in which they are read.
pub(crate) fn lines(message: &Message) -> Vec<(&'static str, String)> {
    let now = message.sender.sent_at;
    let mut lines = Vec::new();
    if !message.problem.is_empty() {
        let code = message.code.as_ref().map(|code| format!("[{code}] ")).unwrap_or_default();
        let label = match message.kind {
            Kind::Resolved => "What was wrong",
            Kind::Happened | Kind::Test => "What happened",
            Kind::New | Kind::Again => "What is wrong",
        };
        // Our own words put names in backticks, which mean something else in some channels.
        lines.push((label, format!("{code}{}", visible(&message.problem.replace('`', "'")))));
    }
    if !matches!(message.kind, Kind::Happened | Kind::Test) {
        lines.push(("Since", moment(message.since, now)));
    }
    if !message.restorable.is_empty() {
        let said: Vec<String> = message.restorable.iter().map(|restorable| newest(restorable, now)).collect();
        lines.push(("Can be restored", said.join("; ")));
    }
    if message.kind != Kind::Resolved {
        let more = [("Likely cause", &message.cause), ("Run next", &message.command)];
        lines.extend(more.into_iter().filter_map(|(label, text)| Some((label, text.clone()?))));
    }
    lines.extend(message.link.clone().map(|link| ("Read on", link)));
    lines
}

fn moment(at: Timestamp, now: Timestamp) -> String {
    format!("{} ({} ago)", at.strftime("%Y-%m-%d %H:%M UTC"), Period::between(at, now).human())
}

fn newest(restorable: &Restorable, now: Timestamp) -> String {
    let database = visible(&restorable.database);
    match (&restorable.id, restorable.at) {
        (Some(id), Some(at)) => {
            let storages = restorable.storages.join(", ");
            let by_wal =
                restorable.until.map_or_else(String::new, |until| format!(", by WAL until {}", moment(until, now)));
            format!("{database} as of {}, backup {id} at {storages}{by_wal}", moment(at, now))
        }
        _ if restorable.is_known => format!("{database}: NOTHING, there is no good backup"),
        _ => format!("{database}: not known, a storage could not be asked"),
    }
}

fn footer(message: &Message) -> String {
    let Message { policy, sender, .. } = message;
    format!("{} · policy {policy} · run {} on {}", message.severity_word(), sender.run, visible(&sender.host))
}

/// Messages as plain text.
pub fn plain(messages: &[&Message]) -> String {
    let mut out = String::new();
    for message in messages.iter().take(MOST) {
        out.push_str(&format!("{}\n\n", visible(&message.headline())));
        for (label, text) in lines(message) {
            out.push_str(&format!("  {:<16} {text}\n", format!("{label}:")));
        }
        out.push_str(&format!("\n  {}\n\n", footer(message)));
    }
    out.push_str(&beyond(messages.len()));
    out.trim_end().to_owned() + "\n"
}

fn beyond(n: usize) -> String {
    let n = n.saturating_sub(MOST);
    if n == 0 { String::new() } else { format!("And {n} more: `backstay status` shows all.\n") }
}

/// Messages as a page of HTML that mail programs show; styles stand in the elements, where no program drops them.
pub fn html(messages: &[&Message]) -> String {
    let mut out =
        String::from("<!DOCTYPE html>\n<html><body style=\"font-family:sans-serif;color:#1b1b1b;margin:16px\">\n");
    for message in messages.iter().take(MOST) {
        let colour = colour(message);
        out.push_str(&format!(
            "<h2 style=\"font-size:16px;border-left:4px solid {colour};padding-left:8px\">{}</h2>\n<table cellpadding=\"4\">\n",
            escaped(&visible(&message.headline()))
        ));
        for (label, text) in lines(message) {
            let text = escaped(&text);
            let text = match label {
                "Run next" => format!("<code>{text}</code>"),
                "Read on" => format!("<a href=\"{text}\">{text}</a>"),
                _ => text,
            };
            let label = format!("<td valign=\"top\" style=\"color:#666;white-space:nowrap\">{label}</td>");
            out.push_str(&format!("<tr>{label}<td>{text}</td></tr>\n"));
        }
        out.push_str(&format!("</table>\n<p style=\"color:#666;font-size:12px\">{}</p>\n", escaped(&footer(message))));
    }
    out.push_str(&format!("<p>{}</p>\n</body></html>\n", escaped(&beyond(messages.len()))));
    out
}

/// The colour of a message, where a channel has colours: green for good news.
pub(crate) fn colour(message: &Message) -> &'static str {
    match (message.kind, message.severity_word()) {
        (Kind::Resolved, _) => "#2e7d32",
        (_, "critical") => "#c62828",
        (_, "warning") => "#ef6c00",
        _ => "#1565c0",
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
