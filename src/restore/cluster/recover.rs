//! Starting a restored cluster and waiting until it has recovered, also to a moment after which nothing was committed.

use super::request::ClusterRequest;
use super::settings::to_the_end;
use crate::base::WalSegment;
use crate::catalog::RecoveryTarget;
use crate::event::Event;
use crate::postgres::{PostgresError, Recovered, start_server};
use crate::restore::{Hands, RestoreError};
use std::fs;
use std::io;
use std::path::Path;

/// How a server ends that has seen all WAL and no transaction behind its target.
const ENDED: &str = "recovery ended before configured recovery target was reached";

/// Starts the server of a restored folder and waits until it has recovered; see [`start_server`].
///
/// A server takes a moment for reached once it meets a transaction that was committed then or later. Where the archive has
/// none, though it reaches beyond the moment, all that it has was committed before: then the server is started once more,
/// to recover to the end of what was there when the way was proven, and not to what was archived since.
pub async fn recover(
    request: &ClusterRequest<'_>,
    data: &Path,
    settings: &[String],
    hands: &Hands<'_>,
) -> Result<Recovered, RestoreError> {
    let start = || start_server(data, settings, hands.lookup, &hands.cancel);
    let recovered = match (start().await, request.way, &request.target) {
        (Err(error), Some(way), RecoveryTarget::Time(_)) if is_short(&error) => {
            let last = WalSegment::ending_at(way.timeline, way.until, request.base.cluster.wal_segment_bytes);
            aim_at_end(data, last)?;
            let target = &request.target;
            hands.observer.on(&Event::Note(format!(
                "nothing was committed at {target} or later; recovering to the end of {last}"
            )));
            start().await
        }
        (recovered, ..) => recovered,
    };
    match recovered {
        Err(_) if hands.cancel.is_cancelled() => Err(RestoreError::Interrupted),
        recovered => Ok(recovered?),
    }
}

fn is_short(error: &PostgresError) -> bool {
    error.to_string().contains(ENDED)
}

/// Takes the moment out of the settings. The file keeps its owner.
fn aim_at_end(data: &Path, last: WalSegment) -> io::Result<()> {
    let file = data.join("postgresql.auto.conf");
    let text = to_the_end(&fs::read_to_string(&file)?, last);
    fs::write(&file, text)
}
