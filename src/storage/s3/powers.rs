//! What a server turned out not to do.

use crate::storage::Capabilities;
use std::sync::atomic::{AtomicU8, Ordering};

/// What is known of a server; AWS is trusted, others are found out.
#[derive(Debug)]
pub(super) struct Powers {
    conditions: AtomicU8,
    classes: AtomicU8,
    locks: AtomicU8,
}

const UNKNOWN: u8 = 0;
const YES: u8 = 1;
const NO: u8 = 2;

impl Powers {
    /// Nothing is held against the server; `is_aws`: and nothing has to be tried.
    pub(super) fn of(is_aws: bool) -> Powers {
        let known = || AtomicU8::new(if is_aws { YES } else { UNKNOWN });
        Powers { conditions: known(), classes: known(), locks: known() }
    }

    pub(super) fn may_hold_conditions(&self) -> bool {
        self.conditions.load(Ordering::Relaxed) != NO
    }

    pub(super) fn are_conditions_untried(&self) -> bool {
        self.conditions.load(Ordering::Relaxed) == UNKNOWN
    }

    pub(super) fn holds_conditions(&self, holds: bool) {
        self.conditions.store(if holds { YES } else { NO }, Ordering::Relaxed);
    }

    pub(super) fn may_know_classes(&self) -> bool {
        self.classes.load(Ordering::Relaxed) != NO
    }

    /// Notes what became of a class and a lock that were asked for; AWS may hide a lock and is not judged.
    pub(super) fn judge_placement(&self, class_kept: bool, lock_kept: bool) {
        for (power, kept) in [(&self.classes, class_kept), (&self.locks, lock_kept)] {
            if !kept && power.load(Ordering::Relaxed) != YES {
                power.store(NO, Ordering::Relaxed);
            }
        }
    }

    pub(super) fn capabilities(&self) -> Capabilities {
        let not_refuted = |power: &AtomicU8| power.load(Ordering::Relaxed) != NO;
        Capabilities {
            conditional_writes: not_refuted(&self.conditions),
            classes: not_refuted(&self.classes),
            locks: not_refuted(&self.locks),
        }
    }
}
