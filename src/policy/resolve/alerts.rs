//! `alerts`: channels, rules and thresholds, defaults filled in.

use super::place::credentials;
use crate::base::Template;
use crate::policy::desired::{
    AlertRuleSpec, AlertsSpec, ChannelSpec, CloudwatchSpec, CredentialsSpec, EmailSpec, ThresholdsSpec,
};
use crate::policy::model::{Channel, Cloudwatch, Email, MailTls, Policy, Port, Thresholds};

pub(super) fn alerts(policy: &Policy) -> AlertsSpec {
    let Some(alerts) = &policy.alerts else { return AlertsSpec::default() };
    AlertsSpec {
        channels: alerts.channels.iter().map(|(name, written)| (name.clone(), channel(written))).collect(),
        rules: alerts
            .rules
            .iter()
            .map(|rule| AlertRuleSpec {
                on: rule.on.clone(),
                notify: rule.notify.iter().map(|name| name.text().to_owned()).collect(),
                databases: rule.databases.as_ref().map(|names| names.iter().map(|n| n.text().to_owned()).collect()),
                severity: rule.severity,
                link: rule.link.clone(),
            })
            .collect(),
        thresholds: alerts.thresholds.as_ref().map(thresholds).unwrap_or_default(),
        cloudwatch: alerts.cloudwatch.as_ref().map(cloudwatch),
    }
}

fn cloudwatch(written: &Cloudwatch) -> CloudwatchSpec {
    CloudwatchSpec {
        region: written.region.clone(),
        namespace: written.namespace.clone().unwrap_or_else(|| "backstay".to_owned()),
        credentials: written.credentials.as_ref().map_or(CredentialsSpec::Chain, credentials),
        databases: written.databases.as_ref().map(|names| names.iter().map(|name| name.text().to_owned()).collect()),
        has_alarms: written.alarms.unwrap_or(true),
        notify: written.notify.iter().flatten().map(|arn| arn.value().clone()).collect(),
    }
}

fn thresholds(written: &Thresholds) -> ThresholdsSpec {
    ThresholdsSpec {
        overdue: written.overdue.as_ref().map(|period| **period),
        size_change: written.size_change.as_ref().map(|share| **share),
        size_max: written.size_max.as_ref().map(|size| **size),
        storage_used: written.storage_used.as_ref().map(|share| **share),
        wal_lag: written.wal_lag.as_ref().map(|period| **period),
    }
}

fn channel(written: &Channel) -> ChannelSpec {
    match written {
        Channel::Slack(slack) => ChannelSpec::Slack { webhook: slack.webhook.value().clone() },
        Channel::Pagerduty(service) => ChannelSpec::Pagerduty {
            routing_key: service.routing_key.value().clone(),
            events_url: service.events_url.as_ref().map(|url| url.value().clone()),
        },
        Channel::Sentry(sentry) => ChannelSpec::Sentry { dsn: sentry.dsn.value().clone() },
        Channel::Email(mail) => ChannelSpec::Email(Box::new(email(mail))),
        Channel::Webhook(hook) => ChannelSpec::Webhook {
            url: hook.url.value().clone(),
            headers: hook.headers.iter().flatten().map(|(name, value)| (name.clone(), value.value().clone())).collect(),
            secret: hook.secret.as_ref().map(|secret| secret.value().clone()),
        },
        Channel::Healthcheck(check) => ChannelSpec::Healthcheck { url: check.url.value().clone() },
        Channel::Sns(topic) => ChannelSpec::Sns {
            topic: topic.topic.value().clone(),
            region: topic.region.as_ref().map(|region| region.value().clone()),
        },
    }
}

const SUBMISSION: &str = "587";

fn email(mail: &Email) -> EmailSpec {
    EmailSpec {
        host: mail.host.value().clone(),
        port: match &mail.port {
            None => Template::literal(SUBMISSION),
            Some(Port::Number(number)) => Template::literal(number.to_string()),
            Some(Port::Reference(reference)) => reference.value().clone(),
        },
        tls: mail.tls.unwrap_or(MailTls::Starttls),
        user: mail.user.as_ref().map(|user| user.value().clone()),
        password: mail.password.as_ref().map(|password| password.value().clone()),
        from: mail.from.value().clone(),
        to: mail.to.iter().map(|receiver| receiver.value().clone()).collect(),
    }
}
