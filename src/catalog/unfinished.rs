//! How long what was stored of an interrupted backup is worth something.

use crate::base::BackupId;
use jiff::{SignedDuration, Timestamp};

/// After a week most of it has changed, and whoever paid for the space wants it back.
const WORTH: SignedDuration = SignedDuration::from_hours(7 * 24);

/// True while an interrupted backup goes on when the next one of its tier is taken. `newest`: the newest of the tier that
/// is whole; one that is newer is in its place.
pub fn goes_on(id: &BackupId, newest: Option<&BackupId>, now: Timestamp) -> bool {
    newest.is_none_or(|newest| newest < id) && now.duration_since(id.started()) < WORTH
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn it_goes_on_for_a_week_unless_another_one_was_taken() {
        let id: BackupId = "20261120T020000Z-k3f9".parse().unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert!(goes_on(&id, None, at("2026-11-27T01:59:59Z")));
        assert!(!goes_on(&id, None, at("2026-11-27T02:00:00Z")));
        let [older, newer] = ["20261119T020000Z-k3f9", "20261121T020000Z-k3f9"].map(|id| id.parse().unwrap());
        assert!(goes_on(&id, Some(&older), at("2026-11-20T03:00:00Z")));
        assert!(!goes_on(&id, Some(&newer), at("2026-11-21T03:00:00Z")));
    }
}
