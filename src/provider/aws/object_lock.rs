//! Object lock of a bucket and its default retention.

use super::AwsError;
use super::answer::{Answer, meaning};
use super::at::At;
use crate::resource::{LockMode, LockPeriod, ObjectLock};
use aws_sdk_s3::types::{
    DefaultRetention, ObjectLockConfiguration, ObjectLockEnabled, ObjectLockRetentionMode, ObjectLockRule,
};

/// Whether objects can be locked, and for how long they are unless something else is said.
pub(super) async fn read(at: &At) -> Result<Option<ObjectLock>, AwsError> {
    let call = at.s3.get_object_lock_configuration().bucket(&at.bucket).set_expected_bucket_owner(at.owner.clone());
    match call.send().await {
        Ok(found) => Ok(Some(canonical(found.object_lock_configuration.as_ref()))),
        Err(error) => {
            let answer = Answer::of(&error);
            let is_off = answer.code.contains("ObjectLockConfigurationNotFound") || answer.code == "NotImplemented";
            if is_off { Ok(Some(canonical(None))) } else { Err(answer.meaning("s3:GetBucketObjectLockConfiguration")) }
        }
    }
}

fn canonical(found: Option<&ObjectLockConfiguration>) -> ObjectLock {
    let retention = found.and_then(|found| found.rule.as_ref()).and_then(|rule| rule.default_retention.as_ref());
    let count = |n: i32| u32::try_from(n).ok().filter(|n| *n > 0);
    let period = retention.and_then(|retention| {
        let days = retention.days.and_then(count).map(LockPeriod::Days);
        days.or_else(|| retention.years.and_then(count).map(LockPeriod::Years))
    });
    let mode = match retention.and_then(|retention| retention.mode.as_ref()) {
        Some(ObjectLockRetentionMode::Compliance) => Some(LockMode::Compliance),
        Some(_) => Some(LockMode::Governance),
        None => None,
    };
    ObjectLock {
        enabled: found.and_then(|found| found.object_lock_enabled.as_ref()) == Some(&ObjectLockEnabled::Enabled),
        mode: mode.filter(|_| period.is_some()),
        period,
    }
}

/// Enables it and sets the default. It cannot be disabled again; that is no wish of a plan and does nothing.
pub(super) async fn write(at: &At, wanted: &ObjectLock) -> Result<(), AwsError> {
    if !wanted.enabled {
        return Ok(());
    }
    let mut retention = DefaultRetention::builder();
    retention = match wanted.period {
        Some(LockPeriod::Days(days)) => retention.days(i32::try_from(days).unwrap_or(i32::MAX)),
        Some(LockPeriod::Years(years)) => retention.years(i32::try_from(years).unwrap_or(i32::MAX)),
        None => retention,
    };
    let rule = wanted.mode.map(|mode| {
        let mode = match mode {
            LockMode::Governance => ObjectLockRetentionMode::Governance,
            LockMode::Compliance => ObjectLockRetentionMode::Compliance,
        };
        ObjectLockRule::builder().default_retention(retention.mode(mode).build()).build()
    });
    let configuration =
        ObjectLockConfiguration::builder().object_lock_enabled(ObjectLockEnabled::Enabled).set_rule(rule).build();
    let call = at.s3.put_object_lock_configuration().bucket(&at.bucket).set_expected_bucket_owner(at.owner.clone());
    let sent = call.object_lock_configuration(configuration).send().await;
    sent.map(drop).map_err(|error| meaning("s3:PutBucketObjectLockConfiguration", &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_stay_years_and_a_default_without_length_is_none() {
        let of = |retention: DefaultRetention| {
            let rule = ObjectLockRule::builder().default_retention(retention).build();
            let enabled = ObjectLockConfiguration::builder().object_lock_enabled(ObjectLockEnabled::Enabled);
            canonical(Some(&enabled.rule(rule).build()))
        };
        let retention = || DefaultRetention::builder().mode(ObjectLockRetentionMode::Compliance);
        let years = of(retention().years(1).days(0).build());
        let expected =
            ObjectLock { enabled: true, mode: Some(LockMode::Compliance), period: Some(LockPeriod::Years(1)) };
        assert_eq!(years, expected);
        assert_eq!(of(retention().build()), ObjectLock { mode: None, period: None, ..expected });
        assert_eq!(canonical(None), ObjectLock { enabled: false, mode: None, period: None });
    }
}
