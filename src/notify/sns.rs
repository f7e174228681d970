//! A topic of AWS SNS: a subject, a text, and the event as an attribute that subscriptions can filter by.

use super::NotifyError;
use super::channel::Means;
use crate::alert::{Message, digest_title, plain};
use crate::base::Template;
use crate::storage::{AwsConnection, AwsSettings, Login};
use aws_sdk_sns::error::ProvideErrorMetadata;
use aws_sdk_sns::types::MessageAttributeValue;
use std::time::Duration;

/// Time for all attempts.
const LIMIT: Duration = Duration::from_secs(20);
/// Longer subjects are refused, and any that is not ASCII.
const LONGEST_SUBJECT: usize = 100;
/// Bytes of a message, with room for its attributes.
const LONGEST_TEXT: usize = 250_000;

pub(super) async fn send(
    topic: &Template,
    region: Option<&Template>,
    messages: &[&Message],
    means: Means<'_>,
) -> Result<(), NotifyError> {
    let Some(first) = messages.first() else { return Ok(()) };
    let topic = means.value(topic)?;
    let region = match region {
        Some(region) => means.value(region)?.expose().to_owned(),
        None => region_of(topic.expose()).ok_or_else(|| NotifyError::Unusable {
            what: "topic",
            problem: "it is no ARN, which is `arn:aws:sns:REGION:ACCOUNT:NAME`".to_owned(),
        })?,
    };
    let settings = AwsSettings { region: Some(region), endpoint: None, path_style: false, login: Login::Chain };
    let connection = AwsConnection::new(settings);
    let deed = async {
        let client = aws_sdk_sns::Client::new(connection.config().await);
        let call = client.publish().topic_arn(topic.expose()).subject(subject(messages)).message(text(messages));
        let call = call.message_attributes("event", attribute(&first.event)?);
        let call = call.message_attributes("severity", attribute(first.severity_word())?);
        call.send().await.map_err(|error| {
            let said = error.code().map(|code| format!("{code}: {}", error.message().unwrap_or_default()));
            NotifyError::Sns(said.unwrap_or_else(|| crate::base::visible(&crate::base::causes(&error))))
        })
    };
    match tokio::time::timeout(LIMIT, deed).await {
        Ok(end) => end.map(|_| ()),
        Err(_) => Err(NotifyError::Sns(format!("no answer within {} s", LIMIT.as_secs()))),
    }
}

fn attribute(value: &str) -> Result<MessageAttributeValue, NotifyError> {
    let built = MessageAttributeValue::builder().data_type("String").string_value(value).build();
    built.map_err(|problem| NotifyError::Sns(problem.to_string()))
}

fn region_of(arn: &str) -> Option<String> {
    let parts: Vec<&str> = arn.split(':').collect();
    let is_topic = parts.len() == 6 && parts[0] == "arn" && parts[2] == "sns" && !parts[3].is_empty();
    is_topic.then(|| parts[3].to_owned())
}

fn subject(messages: &[&Message]) -> String {
    let title = digest_title(messages);
    title.chars().map(|c| if c.is_ascii() && !c.is_ascii_control() { c } else { '?' }).take(LONGEST_SUBJECT).collect()
}

fn text(messages: &[&Message]) -> String {
    let mut text = plain(messages);
    let mut end = text.len().min(LONGEST_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}
