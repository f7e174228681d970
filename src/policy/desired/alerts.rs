//! What a policy means for who is told about what.

use super::bucket::CredentialsSpec;
use crate::base::{Period, Share, Size, Template};
use crate::policy::model::{AlertEvent, AlertSeverity, MailTls};
use indexmap::IndexMap;

/// Who is told about what. Empty: nobody is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AlertsSpec {
    /// Ways to reach people and machines, by name.
    pub channels: IndexMap<String, ChannelSpec>,
    /// Which events go where.
    pub rules: Vec<AlertRuleSpec>,
    /// When a number becomes an event.
    pub thresholds: ThresholdsSpec,
    /// Ages as metrics of CloudWatch, if they are wanted.
    pub cloudwatch: Option<CloudwatchSpec>,
}

/// Ages as metrics of CloudWatch, and alarms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloudwatchSpec {
    /// The region.
    pub region: String,
    /// Namespace of the metric.
    pub namespace: String,
    /// How to log in.
    pub credentials: CredentialsSpec,
    /// Names of database entries; `None`: all.
    pub databases: Option<Vec<String>>,
    /// `apply` owns alarms; otherwise it takes away those that it made.
    pub has_alarms: bool,
    /// ARNs that are told.
    pub notify: Vec<Template>,
}

impl CloudwatchSpec {
    /// True when it is about a database entry.
    pub fn concerns(&self, entry: &str) -> bool {
        self.databases.as_ref().is_none_or(|entries| entries.iter().any(|name| name == entry))
    }
}

/// Which events go where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertRuleSpec {
    /// The events.
    pub on: Vec<AlertEvent>,
    /// Names of channels.
    pub notify: Vec<String>,
    /// Names of database entries; `None`: all.
    pub databases: Option<Vec<String>>,
    /// How loud, if the rule says so.
    pub severity: Option<AlertSeverity>,
    /// What its messages end with.
    pub link: Option<String>,
}

/// When a number becomes an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ThresholdsSpec {
    /// Age of the newest backup that is overdue; `None`: by the schedule.
    pub overdue: Option<Period>,
    /// Change of size from one backup to the next.
    pub size_change: Option<Share>,
    /// Largest size of a backup.
    pub size_max: Option<Size>,
    /// Share of a storage that is in use.
    pub storage_used: Option<Share>,
    /// How long WAL may wait to be archived; `None`: by `archive_timeout`.
    pub wal_lag: Option<Period>,
}

/// A way to reach people or machines. All texts may hold references.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelSpec {
    /// A Slack channel.
    Slack {
        /// URL of the incoming webhook.
        webhook: Template,
    },
    /// A service of PagerDuty.
    Pagerduty {
        /// Integration key.
        routing_key: Template,
        /// Where events go, where it is not the usual place.
        events_url: Option<Template>,
    },
    /// A project of Sentry.
    Sentry {
        /// The project's DSN.
        dsn: Template,
    },
    /// Mail.
    Email(Box<EmailSpec>),
    /// Any URL.
    Webhook {
        /// The URL.
        url: Template,
        /// Headers to add.
        headers: IndexMap<String, Template>,
        /// Key that signs the body.
        secret: Option<Template>,
    },
    /// A dead man's switch.
    Healthcheck {
        /// URL that is pinged on success.
        url: Template,
    },
    /// A topic of SNS.
    Sns {
        /// ARN of the topic.
        topic: Template,
        /// Its region, where the ARN does not say it.
        region: Option<Template>,
    },
}

impl ChannelSpec {
    /// The word of the policy for its kind.
    pub fn kind(&self) -> &'static str {
        match self {
            ChannelSpec::Slack { .. } => "slack",
            ChannelSpec::Pagerduty { .. } => "pagerduty",
            ChannelSpec::Sentry { .. } => "sentry",
            ChannelSpec::Email(_) => "email",
            ChannelSpec::Webhook { .. } => "webhook",
            ChannelSpec::Healthcheck { .. } => "healthcheck",
            ChannelSpec::Sns { .. } => "sns",
        }
    }
}

/// How mail is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailSpec {
    /// SMTP server.
    pub host: Template,
    /// Its port.
    pub port: Template,
    /// How the connection is protected.
    pub tls: MailTls,
    /// User to log in as.
    pub user: Option<Template>,
    /// Password.
    pub password: Option<Template>,
    /// Sender.
    pub from: Template,
    /// Receivers.
    pub to: Vec<Template>,
}
