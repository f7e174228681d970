//! Alarms and metrics of CloudWatch.

use super::answer::meaning;
use super::{AwsError, AwsSession};
use crate::resource::{Alarm, BACKUP_AGE, alarm_prefix, is_marked, marks};
use aws_sdk_cloudwatch::types::{
    AlarmType, ComparisonOperator, Dimension, MetricAlarm, MetricDatum, StandardUnit, Statistic, Tag,
};
use std::collections::BTreeMap;

/// Values that one call takes; CloudWatch takes a thousand.
const AT_ONCE: usize = 500;

/// Every alarm with a name of the policy's: those that `is_wanted` names whoever made them, others with the policy's mark
/// only.
pub async fn alarms(
    session: &AwsSession,
    policy: &str,
    is_wanted: impl Fn(&str) -> bool,
) -> Result<BTreeMap<String, Alarm>, AwsError> {
    let client = session.cloudwatch().await;
    let listed = client.describe_alarms().alarm_types(AlarmType::MetricAlarm).alarm_name_prefix(alarm_prefix(policy));
    let mut pages = listed.into_paginator().send();
    let mut found = BTreeMap::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| meaning("cloudwatch:DescribeAlarms", &error))?;
        for alarm in page.metric_alarms.unwrap_or_default() {
            let arn = alarm.alarm_arn().unwrap_or_default().to_owned();
            let alarm = canonical(alarm);
            if is_wanted(&alarm.name) || has_mark(session, &arn, policy).await? {
                found.insert(alarm.name.clone(), alarm);
            }
        }
    }
    Ok(found)
}

async fn has_mark(session: &AwsSession, arn: &str, policy: &str) -> Result<bool, AwsError> {
    let asked = session.cloudwatch().await.list_tags_for_resource().resource_arn(arn).send().await;
    let tags = asked.map_err(|error| meaning("cloudwatch:ListTagsForResource", &error))?.tags.unwrap_or_default();
    let tags = tags.into_iter().filter_map(|tag| Some((tag.key?, tag.value?))).collect();
    Ok(is_marked(&tags, policy))
}

/// The alarm of a name.
pub(super) async fn read(session: &AwsSession, name: &str) -> Result<Option<Alarm>, AwsError> {
    let asked = session.cloudwatch().await.describe_alarms().alarm_names(name).send().await;
    let found = asked.map_err(|error| meaning("cloudwatch:DescribeAlarms", &error))?;
    Ok(found.metric_alarms.unwrap_or_default().into_iter().next().map(canonical))
}

fn canonical(alarm: MetricAlarm) -> Alarm {
    let sorted = |mut arns: Vec<String>| {
        arns.sort();
        arns
    };
    let number = |n: Option<i32>| n.and_then(|n| u32::try_from(n).ok()).unwrap_or_default();
    let dimensions = alarm.dimensions.unwrap_or_default().into_iter();
    let threshold = alarm.threshold.unwrap_or_default();
    Alarm {
        name: alarm.alarm_name.unwrap_or_default(),
        description: alarm.alarm_description.unwrap_or_default(),
        namespace: alarm.namespace.unwrap_or_default(),
        metric: alarm.metric_name.unwrap_or_default(),
        dimensions: dimensions.filter_map(|one| Some((one.name?, one.value?))).collect(),
        statistic: alarm.statistic.map(|one| one.as_str().to_owned()).unwrap_or_default(),
        comparison: alarm.comparison_operator.map(|one| one.as_str().to_owned()).unwrap_or_default(),
        // Negative and broken numbers are none of ours, and differ all the same.
        threshold_seconds: format!("{:.0}", threshold.max(0.0)).parse().unwrap_or_default(),
        period_seconds: number(alarm.period),
        periods: number(alarm.evaluation_periods),
        missing_data: alarm.treat_missing_data.unwrap_or_else(|| "missing".to_owned()),
        is_enabled: alarm.actions_enabled.unwrap_or(true),
        notify: sorted(alarm.alarm_actions.unwrap_or_default()),
        notify_over: sorted(alarm.ok_actions.unwrap_or_default()),
    }
}

/// Writes an alarm as a whole; a new one gets the mark of its policy.
pub(super) async fn write(session: &AwsSession, wanted: &Alarm) -> Result<(), AwsError> {
    const OPERATION: &str = "cloudwatch:PutMetricAlarm";
    let number = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
    let threshold = u32::try_from(wanted.threshold_seconds).unwrap_or(u32::MAX);
    let tags = marks(wanted.policy()).into_iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
    let call = session.cloudwatch().await.put_metric_alarm();
    let call = call
        .alarm_name(&wanted.name)
        .alarm_description(&wanted.description)
        .namespace(&wanted.namespace)
        .metric_name(&wanted.metric)
        .set_dimensions(Some(dimensions(&wanted.dimensions)))
        .statistic(Statistic::from(wanted.statistic.as_str()))
        .comparison_operator(ComparisonOperator::from(wanted.comparison.as_str()))
        .threshold(f64::from(threshold))
        .period(number(wanted.period_seconds))
        .evaluation_periods(number(wanted.periods))
        .treat_missing_data(&wanted.missing_data)
        .actions_enabled(wanted.is_enabled)
        .set_alarm_actions(Some(wanted.notify.clone()))
        .set_ok_actions(Some(wanted.notify_over.clone()))
        .set_tags(Some(tags.collect()));
    call.send().await.map(drop).map_err(|error| meaning(OPERATION, &error))
}

/// Deletes an alarm. One that is gone is no failure.
pub async fn delete_alarm(session: &AwsSession, name: &str) -> Result<(), AwsError> {
    let client = session.cloudwatch().await;
    if read(session, name).await?.is_none() {
        return Ok(());
    }
    let deleted = client.delete_alarms().alarm_names(name).send().await;
    deleted.map(drop).map_err(|error| meaning("cloudwatch:DeleteAlarms", &error))
}

/// Puts ages of backups, in seconds, by their dimensions.
pub async fn put_ages(
    session: &AwsSession,
    namespace: &str,
    ages: &[(BTreeMap<String, String>, u64)],
) -> Result<(), AwsError> {
    let client = session.cloudwatch().await;
    for some in ages.chunks(AT_ONCE) {
        let data = some.iter().map(|(of, seconds)| {
            let age = u32::try_from(*seconds).unwrap_or(u32::MAX);
            let datum = MetricDatum::builder().metric_name(BACKUP_AGE).set_dimensions(Some(dimensions(of)));
            datum.unit(StandardUnit::Seconds).value(f64::from(age)).build()
        });
        let put = client.put_metric_data().namespace(namespace).set_metric_data(Some(data.collect())).send().await;
        put.map_err(|error| meaning("cloudwatch:PutMetricData", &error))?;
    }
    Ok(())
}

fn dimensions(all: &BTreeMap<String, String>) -> Vec<Dimension> {
    all.iter().map(|(name, value)| Dimension::builder().name(name).value(value).build()).collect()
}
