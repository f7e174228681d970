//! Which channel is spoken to how.

use super::{NotifyError, email, pagerduty, sentry, slack, sns, webhook};
use crate::alert::Message;
use crate::base::{Lookup, Secret, Template};
use crate::http::Client;
use crate::policy::ChannelSpec;
use std::time::Duration;

/// What delivery needs.
#[derive(Clone, Copy)]
pub struct Means<'a> {
    /// Where the values of references come from.
    pub lookup: &'a dyn Lookup,
    /// The client of HTTP.
    pub client: &'a Client,
}

impl Means<'_> {
    /// The value of a text of the policy.
    pub(super) fn value(&self, text: &Template) -> Result<Secret, NotifyError> {
        Ok(text.resolve(self.lookup)?)
    }
}

/// Time for one request, of which there may be some.
pub(super) const REQUEST: Duration = Duration::from_secs(8);

/// Time for all that is told to a channel in one run.
const CHANNEL: Duration = Duration::from_secs(45);

/// Tells a channel messages; says of each, in their order, whether it was taken.
pub async fn deliver(channel: &ChannelSpec, messages: &[&Message], means: Means<'_>) -> Vec<Result<(), NotifyError>> {
    let mut ends = Vec::new();
    let all = async {
        match channel {
            ChannelSpec::Slack { webhook } => {
                together(&mut ends, messages, slack::send(webhook, messages, means).await)
            }
            ChannelSpec::Email(spec) => together(&mut ends, messages, email::send(spec, messages, means).await),
            ChannelSpec::Sns { topic, region } => {
                together(&mut ends, messages, sns::send(topic, region.as_ref(), messages, means).await);
            }
            // It is pinged, and told nothing.
            ChannelSpec::Healthcheck { .. } => together(&mut ends, messages, Ok(())),
            ChannelSpec::Pagerduty { .. } | ChannelSpec::Sentry { .. } | ChannelSpec::Webhook { .. } => {
                for message in messages {
                    let last = ends.last().and_then(|end: &Result<(), NotifyError>| end.as_ref().err());
                    let end = match last.filter(|error| error.is_lasting()) {
                        Some(NotifyError::GivenUp(first)) => Err(NotifyError::GivenUp(first.clone())),
                        Some(first) => Err(NotifyError::GivenUp(first.to_string())),
                        None => one(channel, message, means).await,
                    };
                    ends.push(end);
                }
            }
        }
    };
    // What was not reached counts as not taken; the last of a run may then be told twice.
    let _ = tokio::time::timeout(CHANNEL, all).await;
    ends.resize(messages.len(), Err(NotifyError::Slow(CHANNEL.as_secs())));
    ends
}

fn together(ends: &mut Vec<Result<(), NotifyError>>, messages: &[&Message], end: Result<(), NotifyError>) {
    ends.extend(messages.iter().map(|_| end.clone()));
}

async fn one(channel: &ChannelSpec, message: &Message, means: Means<'_>) -> Result<(), NotifyError> {
    match channel {
        ChannelSpec::Pagerduty { routing_key, events_url } => {
            pagerduty::send(routing_key, events_url.as_ref(), message, means).await
        }
        ChannelSpec::Sentry { dsn } => sentry::send(dsn, message, means).await,
        ChannelSpec::Webhook { url, headers, secret } => {
            webhook::send(url, headers, secret.as_ref(), message, means).await
        }
        _ => Ok(()),
    }
}
