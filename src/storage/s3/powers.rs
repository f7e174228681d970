//! What a server turned out not to do.

use crate::storage::Capabilities;
use std::sync::atomic::{AtomicU8, Ordering};

/// What is known of a server; AWS is trusted, others are found out.
#[derive(Debug)]
pub(super) struct Powers {
    pub(super) conditions: Power,
    pub(super) classes: Power,
    pub(super) locks: Power,
    /// Etags in listings.
    pub(super) etags: Power,
}

/// Whether a server does one thing.
#[derive(Debug)]
pub(super) struct Power(AtomicU8);

const UNTRIED: u8 = 0;
const THERE: u8 = 1;
const LACKING: u8 = 2;
const LACKING_AND_TOLD: u8 = 3;

impl Power {
    fn of(is_sure: bool) -> Power {
        Power(AtomicU8::new(if is_sure { THERE } else { UNTRIED }))
    }

    /// False once it is known that it lacks.
    pub(super) fn may_be_there(&self) -> bool {
        self.0.load(Ordering::Relaxed) < LACKING
    }

    /// True while nothing is known.
    pub(super) fn is_untried(&self) -> bool {
        self.0.load(Ordering::Relaxed) == UNTRIED
    }

    /// Notes what was seen. What is sure stays so.
    pub(super) fn judge(&self, is_there: bool) {
        let seen = if is_there { THERE } else { LACKING };
        // Whoever saw something first was right.
        let _ = self.0.compare_exchange(UNTRIED, seen, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// True once: when it lacks and nobody was told.
    fn is_to_be_told(&self) -> bool {
        self.0.compare_exchange(LACKING, LACKING_AND_TOLD, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

impl Powers {
    /// Nothing is held against the server; `is_aws`: and nothing has to be tried.
    pub(super) fn of(is_aws: bool) -> Powers {
        let power = || Power::of(is_aws);
        Powers { conditions: power(), classes: power(), locks: power(), etags: power() }
    }

    pub(super) fn capabilities(&self) -> Capabilities {
        Capabilities {
            conditional_writes: self.conditions.may_be_there(),
            classes: self.classes.may_be_there(),
            locks: self.locks.may_be_there(),
        }
    }

    pub(super) fn newly_lacking(&self) -> Vec<&'static str> {
        let conditions = "the server holds no conditions on writes, so locks are judged by looking first: start one run \
                          at a time";
        let classes = "the server keeps no storage classes: the copy lies there without";
        let locks = "the server keeps no object locks: the copy can be deleted at any time";
        let etags = "the server lists objects without etags: before one is deleted, whether it is still the same is judged \
                     by its length and time";
        let all =
            [(&self.conditions, conditions), (&self.classes, classes), (&self.locks, locks), (&self.etags, etags)];
        all.into_iter().filter(|(power, _)| power.is_to_be_told()).map(|(_, what)| what).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lacks_is_told_once_and_aws_is_trusted() {
        let powers = Powers::of(false);
        assert!(powers.conditions.is_untried() && powers.newly_lacking().is_empty());
        powers.conditions.judge(false);
        powers.classes.judge(true);
        assert!(!powers.capabilities().conditional_writes && powers.capabilities().classes);
        assert_eq!(powers.newly_lacking().len(), 1);
        assert!(powers.newly_lacking().is_empty() && !powers.conditions.may_be_there());
        let aws = Powers::of(true);
        aws.locks.judge(false);
        assert!(aws.capabilities().locks && aws.newly_lacking().is_empty());
    }
}
