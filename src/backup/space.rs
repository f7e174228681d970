//! Whether a backup will fit, before anything is written.

use super::error::CopyProblem;
use crate::base::{Share, Size};
use crate::repository::{Repository, RepositoryError};

/// Room for what an estimate cannot know: growth since the last backup, the small files.
const MARGIN_PERCENT: u64 = 10;

/// What a first backup takes at least: dumps have no indexes and compress well, and what turns out too large is given
/// up cleanly. Only what cannot fit is refused.
const FIRST_DIVISOR: u64 = 8;

/// How many bytes a backup will take: what the last one took, or at first a part of the database's size.
pub(super) fn estimate(last_stored: Option<u64>, database_bytes: u64) -> Size {
    let bytes = last_stored.unwrap_or(database_bytes / FIRST_DIVISOR);
    Size(bytes.saturating_add(bytes / 100 * MARGIN_PERCENT).saturating_add(1 << 20))
}

/// Refuses when the store knows its limits and a backup does not fit above the floor.
pub async fn check_space(repository: &Repository, needed: Size, min_free: Option<Share>) -> Result<(), CopyProblem> {
    let space = repository.store.space().await.map_err(RepositoryError::from)?;
    let Some((free, total)) = space else { return Ok(()) };
    let floor = min_free.map_or(0, |share| share.of(total));
    if needed.0.saturating_add(floor) <= free {
        return Ok(());
    }
    Err(CopyProblem::Space {
        location: repository.store.location(),
        free: Size(free),
        needed,
        floor: min_free.map(|share| format!(", and {share} of {} stay free", Size(total))).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_backup_is_the_best_estimate() {
        assert_eq!(estimate(Some(1000), 1 << 40), Size(1000 + 100 + (1 << 20)));
        assert_eq!(estimate(None, 0), Size(1 << 20));
        assert_eq!(estimate(None, 8000), estimate(Some(1000), u64::MAX));
        assert_eq!(estimate(Some(u64::MAX), 0), Size(u64::MAX));
    }
}
