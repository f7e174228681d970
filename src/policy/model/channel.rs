//! `alerts.channels.<name>`: ways to reach people and machines.

use super::connection::Port;
use super::written::Written;
use crate::base::Template;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A way to reach people or machines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "a policy has a handful of channels")]
pub enum Channel {
    /// A Slack channel.
    Slack(Slack),
    /// A service of PagerDuty.
    Pagerduty(Pagerduty),
    /// A project of Sentry.
    Sentry(Sentry),
    /// Mail by SMTP.
    Email(Email),
    /// Any URL.
    Webhook(Webhook),
    /// A dead man's switch: it is pinged by runs, and raises the alarm when it is not.
    Healthcheck(Healthcheck),
    /// A topic of AWS SNS.
    Sns(Sns),
}

/// A Slack channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Slack {
    /// URL of an incoming webhook, as a reference.
    pub webhook: Written<Template>,
}

/// A service of PagerDuty.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pagerduty {
    /// Integration key, as a reference.
    pub routing_key: Written<Template>,
    /// Where events go; `https://events.pagerduty.com/v2/enqueue` unless set. Accounts in the EU have another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events_url: Option<Written<Template>>,
}

/// A project of Sentry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sentry {
    /// The project's DSN, as a reference.
    pub dsn: Written<Template>,
}

/// Mail by SMTP.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Email {
    /// SMTP server.
    pub host: Written<Template>,
    /// Its port; 587 unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<Port>,
    /// How the connection is protected; `starttls` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<MailTls>,
    /// User to log in as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Written<Template>>,
    /// Password, as a reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Written<Template>>,
    /// Sender.
    pub from: Written<Template>,
    /// Receivers.
    #[schemars(length(min = 1))]
    pub to: Vec<Written<Template>>,
}

/// How a connection to a mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MailTls {
    /// Plain first, then encrypted.
    Starttls,
    /// Encrypted from the first byte.
    Implicit,
    /// Not at all.
    None,
}

/// Any URL that takes a POST of JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// The URL.
    pub url: Written<Template>,
    /// Headers to add, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<BTreeMap<String, Written<Template>>>,
    /// Key that signs the body, as a reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Written<Template>>,
}

/// A dead man's switch: told when a run begins, and how it ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Healthcheck {
    /// URL that is pinged on success; with `/start` and `/fail` when a run begins and fails.
    pub url: Written<Template>,
}

/// A topic of AWS SNS.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sns {
    /// ARN of the topic.
    pub topic: Written<Template>,
    /// Region of the topic; read from the ARN unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Written<Template>>,
}
