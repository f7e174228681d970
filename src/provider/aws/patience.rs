//! Waiting for what AWS has accepted to be true everywhere: again after an answer that says "not yet", with growing
//! pauses, and never for ever.

use super::AwsError;
use std::time::Duration;
use tokio::time::Instant;

/// Answers that say that something made a moment ago is not known everywhere yet, or that another change is still
/// being made.
const NOT_YET: [&str; 8] = [
    "NoSuchBucket",
    "OperationAborted",
    "NoSuchEntity",
    "NoSuchEntityException",
    "EntityTemporarilyUnmodifiable",
    "EntityTemporarilyUnmodifiableException",
    "ConcurrentModification",
    "ConcurrentModificationException",
];

/// How long is waited.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// The first pause; each is twice as long as the one before.
    pub first: Duration,
    /// The longest pause.
    pub longest: Duration,
    /// All in all.
    pub total: Duration,
}

impl Patience {
    /// For something that was made a moment ago: AWS documents minutes.
    pub(super) const CREATED: Patience = Patience {
        first: Duration::from_millis(250),
        longest: Duration::from_secs(8),
        total: Duration::from_secs(120),
    };

    /// For a change to show.
    pub(super) const SHOWN: Patience =
        Patience { first: Duration::from_millis(100), longest: Duration::from_secs(5), total: Duration::from_secs(30) };

    /// The pauses, in order.
    pub(super) fn pauses(self) -> impl Iterator<Item = Duration> {
        let mut next = self.first;
        let mut left = self.total;
        std::iter::from_fn(move || {
            let pause = next.min(left);
            left = left.saturating_sub(pause);
            next = (next * 2).min(self.longest);
            (!pause.is_zero()).then_some(pause)
        })
    }
}

/// Tries until it succeeds or fails for good. Only answers that say "not yet" are worth another try.
pub(super) async fn patiently<T>(
    patience: Patience,
    attempt: impl AsyncFn() -> Result<T, AwsError>,
) -> Result<T, AwsError> {
    let deadline = Instant::now() + patience.total;
    for pause in patience.pauses() {
        match attempt().await {
            Err(error) if is_not_yet(&error) && Instant::now() < deadline => tokio::time::sleep(spread(pause)).await,
            settled => return settled,
        }
    }
    attempt().await
}

/// A pause between half of it and all of it, so that two runs do not collide again and again.
pub(super) fn spread(pause: Duration) -> Duration {
    pause / 2 + pause.mul_f64(f64::from(getrandom::u32().unwrap_or_default()) / f64::from(u32::MAX) / 2.0)
}

fn is_not_yet(error: &AwsError) -> bool {
    let AwsError::Failed { code, problem, .. } = error else { return false };
    // A principal that was made a moment ago is not one yet.
    let is_unknown_principal =
        code.starts_with("MalformedPolicy") && problem.to_ascii_lowercase().contains("principal");
    // The same for a role that S3 is to assume.
    let is_unknown_role = code == "InvalidRequest" && problem.contains("role");
    is_unknown_principal || is_unknown_role || NOT_YET.contains(&code.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    fn failed(code: &str, problem: &str) -> AwsError {
        AwsError::Failed { operation: "s3:PutBucketPolicy", code: code.to_owned(), problem: problem.to_owned() }
    }

    #[test]
    fn pauses_grow_and_end() {
        for patience in [Patience::CREATED, Patience::SHOWN] {
            let pauses: Vec<Duration> = patience.pauses().collect();
            assert_eq!(pauses.iter().sum::<Duration>(), patience.total);
            assert!(pauses.iter().all(|pause| *pause <= patience.longest) && pauses.len() < 40);
        }
    }

    #[tokio::test]
    async fn only_answers_that_say_not_yet_are_tried_again() {
        let short = Duration::from_millis(1);
        // The first never ends before the answers do, however busy the machine is.
        let long = Patience { first: short, longest: short, total: Duration::from_secs(60) };
        let quick = Patience { total: Duration::from_millis(5), ..long };
        let tried_for = |patience: Patience, answers: Vec<AwsError>| async move {
            let n = Cell::new(0);
            let result = patiently(patience, async || {
                n.set(n.get() + 1);
                answers.get(n.get() - 1).map_or(Ok(()), |error| Err(error.clone()))
            })
            .await;
            (n.get(), result)
        };
        let tried = |answers| tried_for(long, answers);
        let not_yet = || failed("MalformedPolicy", "Invalid principal in policy");
        assert_eq!(tried(vec![not_yet(), failed("OperationAborted", "")]).await, (3, Ok(())));
        let never = failed("MalformedPolicy", "Unknown field");
        assert_eq!(tried(vec![never.clone()]).await, (1, Err(never)));
        let (n, result) = tried_for(quick, vec![failed("NoSuchBucket", ""); 50]).await;
        assert!(n < 10 && result.is_err(), "{n}");
    }
}
