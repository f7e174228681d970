//! How much memory parts and ranges under way may take, over all stores of a process.

use std::sync::{Arc, LazyLock};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes that one permit stands for.
const UNIT: u64 = 64 << 10;
/// Budget of a process: eight parts of the usual size.
const USUAL: u64 = 64 << 20;

/// A budget of bytes in memory. Clones share it.
#[derive(Debug, Clone)]
pub struct Budget {
    units: Arc<Semaphore>,
    total: u32,
}

/// Bytes taken from a budget; they go back when this is dropped.
#[derive(Debug)]
pub(super) struct Share {
    _permit: OwnedSemaphorePermit,
}

impl Budget {
    /// A budget of its own of about so many bytes.
    pub fn of(bytes: u64) -> Budget {
        let total = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX >> 3).clamp(1, u32::MAX >> 3);
        Budget { units: Arc::new(Semaphore::new(total as usize)), total }
    }

    /// The budget that everything of this process shares.
    pub fn of_process() -> Budget {
        static SHARED: LazyLock<Budget> = LazyLock::new(|| Budget::of(USUAL));
        SHARED.clone()
    }

    /// Waits for room for so many bytes; what is larger than the whole budget takes all of it. Only who needs nothing
    /// more to give the share back may wait: then everyone comes to their turn.
    pub(super) async fn take(&self, bytes: u64) -> Option<Share> {
        // The semaphore is never closed.
        let permit = self.units.clone().acquire_many_owned(self.units_of(bytes)).await.ok()?;
        Some(Share { _permit: permit })
    }

    /// Room for so many bytes, if there is some now.
    pub(super) fn try_take(&self, bytes: u64) -> Option<Share> {
        let permit = self.units.clone().try_acquire_many_owned(self.units_of(bytes)).ok()?;
        Some(Share { _permit: permit })
    }

    fn units_of(&self, bytes: u64) -> u32 {
        u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX).clamp(1, self.total)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;

    #[tokio::test]
    async fn what_is_larger_than_everything_takes_everything() {
        let budget = Budget::of(1 << 20);
        let all = budget.take(1 << 40).await.unwrap();
        assert!(budget.try_take(1).is_none());
        drop(all);
        let half = budget.try_take(1 << 19).unwrap();
        assert!(budget.try_take(1 << 20).is_none() && budget.try_take(1 << 19).is_some());
        drop(half);
    }
}
