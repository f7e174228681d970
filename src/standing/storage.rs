//! One storage: whether it can be read, what it holds, how full it is.

use crate::base::{Share, total};
use crate::plan::{Live, LiveStorage};
use crate::policy::Desired;

/// How one storage stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageStanding {
    /// Its name.
    pub name: String,
    /// Where it is, for people; empty when it could not be read.
    pub location: String,
    /// Why it cannot be read; `None`: it can.
    pub problem: Option<String>,
    /// Copies of this policy's backups.
    pub n_copies: u64,
    /// Bytes of those.
    pub stored_bytes: u64,
    /// Bytes that killed runs left behind.
    pub leftover_bytes: u64,
    /// Small files that cannot be read as what they should be.
    pub n_broken: u64,
    /// Free and total bytes of the disk it lies on, where there is a limit that is known.
    pub space: Option<(u64, u64)>,
    /// `min_free` of the policy.
    pub min_free: Option<Share>,
}

impl StorageStanding {
    /// Share of the disk that is in use, in percent, rounded up.
    pub fn used_percent(&self) -> Option<u8> {
        let (free, all) = self.space.filter(|(_, all)| *all > 0)?;
        let used = u128::from(all.saturating_sub(free));
        u8::try_from((used * 100).div_ceil(u128::from(all))).ok()
    }

    /// Less is free than `min_free` asks.
    pub fn is_low(&self) -> bool {
        let (Some((free, all)), Some(min)) = (self.space, self.min_free) else { return false };
        free < min.of(all)
    }
}

pub(super) fn storages(desired: &Desired, live: &Live) -> Vec<StorageStanding> {
    let of = |(name, found): (&String, &LiveStorage)| {
        let min_free = desired.storages.get(name).and_then(|spec| spec.min_free);
        let nothing = StorageStanding {
            name: name.clone(),
            location: String::new(),
            problem: None,
            n_copies: 0,
            stored_bytes: 0,
            leftover_bytes: 0,
            n_broken: 0,
            space: None,
            min_free,
        };
        let read = match found {
            LiveStorage::Unreadable(problem) => return StorageStanding { problem: Some(problem.clone()), ..nothing },
            LiveStorage::Read(read) => read,
        };
        let own = || read.contents.backups.iter().filter(|backup| backup.policy == desired.name);
        StorageStanding {
            location: read.location.clone(),
            n_copies: own().count() as u64,
            stored_bytes: total(own().map(|backup| backup.stored_bytes())),
            leftover_bytes: total(read.contents.leftovers.iter().filter(|left| !left.in_use).map(|left| left.bytes)),
            n_broken: read.contents.broken.len() as u64,
            space: read.space,
            ..nothing
        }
    };
    live.storages.iter().map(of).collect()
}
