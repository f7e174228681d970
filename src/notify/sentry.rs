//! Sentry, by envelopes: what is wrong is an event that groups under its key, and every scheduled backup checks in with a
//! monitor of its database and tier, so that Sentry itself notices the one that does not come.

use super::NotifyError;
use super::channel::{Means, REQUEST};
use crate::alert::{Kind, Message, lines};
use crate::base::{Secret, Sha256, Template, visible};
use crate::http::{Method, Request, persistently};
use crate::policy::AlertSeverity;
use serde_json::{Map, Value, json};

/// How a scheduled backup went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckIn {
    /// Name of the monitor, as [`monitor_slug`] makes it.
    pub slug: String,
    /// It went well.
    pub is_good: bool,
    /// Cron text of the tier's schedule.
    pub schedule: String,
    /// In which it is read.
    pub zone: String,
    /// Seconds that it took.
    pub seconds: u64,
    /// Id of the run.
    pub run: String,
    /// The policy, as Sentry's environment.
    pub policy: String,
}

/// Longer names of monitors are refused.
const LONGEST_SLUG: usize = 50;

/// The monitor of a tier of a database.
pub fn monitor_slug(policy: &str, database: &str, tier: &str) -> String {
    let plain = |text: &str| {
        let lower = text.chars().flat_map(char::to_lowercase);
        lower.map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' }).collect::<String>()
    };
    let (whole, slug) =
        (format!("{policy}/{database}/{tier}"), format!("{policy}-{}-{}", plain(database), plain(tier)));
    // Other characters, and a cut, make different names alike.
    let is_exact = slug.len() <= LONGEST_SLUG && [database, tier].iter().all(|name| plain(name) == **name);
    if is_exact {
        return slug;
    }
    let digest = Sha256::of(whole.as_bytes()).short();
    let start: String = slug.chars().take(LONGEST_SLUG - 9).collect();
    format!("{start}-{}", &digest[..8])
}

pub(super) async fn send(dsn: &Template, message: &Message, means: Means<'_>) -> Result<(), NotifyError> {
    // An issue of Sentry is resolved by people; its monitors turn green by themselves.
    if message.kind == Kind::Resolved {
        return Ok(());
    }
    envelope(dsn, "event", &event(message), &message.sender.run, means).await
}

/// Checks in with a monitor, which is made when Sentry does not know it.
pub async fn check_in(dsn: &Template, check: &CheckIn, means: Means<'_>) -> Result<(), NotifyError> {
    let item = json!({
        "check_in_id": id_of(&format!("{}/{}", check.run, check.slug)),
        "monitor_slug": check.slug,
        "status": if check.is_good { "ok" } else { "error" },
        "duration": check.seconds,
        "environment": check.policy,
        "monitor_config": {
            "schedule": { "type": "crontab", "value": check.schedule },
            "timezone": check.zone,
            "checkin_margin": 60,
        },
    });
    envelope(dsn, "check_in", &item, &check.run, means).await
}

async fn envelope(dsn: &Template, kind: &str, item: &Value, run: &str, means: Means<'_>) -> Result<(), NotifyError> {
    let dsn = means.value(dsn)?;
    let (url, key) = endpoint(dsn.expose())?;
    let item = item.to_string();
    let head = json!({ "event_id": id_of(&format!("{run}/{item}")) });
    let body = format!("{head}\n{}\n{item}\n", json!({ "type": kind, "length": item.len() }));
    let login =
        format!("Sentry sentry_version=7, sentry_client=backstay/{}, sentry_key={key}", env!("CARGO_PKG_VERSION"));
    let request = Request::new(Method::Post, Secret::new(url)).with_body("application/x-sentry-envelope", body);
    let request = request.with_header("X-Sentry-Auth", Secret::new(login)).hiding(Secret::new(key));
    persistently(means.client, &request, REQUEST).await?;
    Ok(())
}

/// From `https://KEY@HOST/PATH/PROJECT` the URL of its envelopes, and the key.
fn endpoint(dsn: &str) -> Result<(String, String), NotifyError> {
    let unusable = |problem: &str| NotifyError::Unusable { what: "DSN", problem: problem.to_owned() };
    let (scheme, rest) = dsn.trim().split_once("://").ok_or_else(|| unusable("it is no URL"))?;
    let (login, rest) = rest.split_once('@').ok_or_else(|| unusable("it has no key before `@`"))?;
    let key = login.split(':').next().unwrap_or_default();
    let rest = rest.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    let (place, project) = rest.rsplit_once('/').ok_or_else(|| unusable("it names no project after the host"))?;
    if key.is_empty() || project.is_empty() || place.is_empty() {
        return Err(unusable("it lacks its key, its host or its project"));
    }
    let (host, path) = place.split_once('/').map_or((place, String::new()), |(host, path)| (host, format!("/{path}")));
    Ok((format!("{scheme}://{host}{path}/api/{project}/envelope/"), key.to_owned()))
}

/// 32 hexadecimal digits.
fn id_of(text: &str) -> String {
    Sha256::of(text.as_bytes()).to_string()[..32].to_owned()
}

fn event(message: &Message) -> Value {
    let level = match message.severity {
        AlertSeverity::Info => "info",
        AlertSeverity::Warning => "warning",
        AlertSeverity::Critical => "error",
    };
    let mut extra: Map<String, Value> =
        lines(message).into_iter().map(|(label, text)| (label.to_owned(), Value::String(text))).collect();
    extra.insert("run".to_owned(), json!(message.sender.run));
    let tags = [
        ("policy", &message.policy),
        ("event", &message.event),
        ("database", &message.topic.database),
        ("tier", &message.topic.tier),
        ("storage", &message.topic.storage),
    ];
    let tags: Map<String, Value> =
        tags.into_iter().filter(|(_, v)| !v.is_empty()).map(|(k, v)| (k.to_owned(), json!(visible(v)))).collect();
    json!({
        "event_id": id_of(&format!("{}/{}/{:?}", message.sender.run, message.global_key(), message.kind)),
        "timestamp": message.sender.sent_at.as_second(),
        "platform": "other",
        "logger": "backstay",
        "level": level,
        "server_name": message.sender.host,
        "environment": message.policy,
        "message": { "formatted": visible(&message.headline()) },
        "fingerprint": [message.global_key()],
        "tags": tags,
        "extra": extra,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;

    #[test]
    fn a_dsn_says_where_envelopes_go() {
        let (url, key) = endpoint("https://abc@o1.ingest.example.com/42").unwrap();
        assert_eq!((url.as_str(), key.as_str()), ("https://o1.ingest.example.com/api/42/envelope/", "abc"));
        let (url, _) = endpoint("http://abc:old@sentry.example.com:9000/path/42/").unwrap();
        assert_eq!(url, "http://sentry.example.com:9000/path/api/42/envelope/");
        for wrong in ["", "canary", "https://canary", "https://canary@host", "https://@host/1", "https://canary@/1"] {
            let said = endpoint(wrong).unwrap_err().to_string();
            assert!(!said.contains("canary"), "{said}");
        }
    }

    #[test]
    fn monitors_of_different_tiers_have_different_names() {
        assert_eq!(monitor_slug("shop", "app", "daily"), "shop-app-daily");
        let odd: Vec<String> = ["a.b", "a-b", "A-b", "a/b"].map(|name| monitor_slug("shop", name, "daily")).to_vec();
        let mut distinct = odd.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), odd.len(), "{odd:?}");
        assert!(monitor_slug("shop", &"x".repeat(63), "daily").len() <= LONGEST_SLUG);
    }
}
