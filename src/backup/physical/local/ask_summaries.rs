//! Asks a server which files of relations changed since an earlier backup. Where it cannot say that for sure, every file is
//! read.

use super::changes::Changes;
use super::summaries::covering;
use crate::backup::error::BackupError;
use crate::backup::physical::since::Since;
use crate::backup::take::{Tools, interruptible};
use crate::base::{Lsn, Timeline};
use crate::codec::PAGES_IN_SEGMENT;
use crate::event::Event;
use crate::postgres::{PostgresError, Server, Session, Summarizing};
use std::time::Duration;

/// The first version whose servers summarize WAL.
const FIRST: u32 = 170_000;
/// Summaries that are asked for at once: there is one for every checkpoint.
const AT_ONCE: usize = 100;
/// How often it is looked how far the server is, how long it may stand still, and how long it is waited at most.
const PAUSE: Duration = Duration::from_millis(100);
const STILL: Duration = Duration::from_secs(30);
const LONGEST: Duration = Duration::from_secs(600);

/// The backup that has just begun.
pub(super) struct Now<'a> {
    /// Where it begins.
    pub(super) start: Lsn,
    pub(super) system_identifier: &'a str,
    /// Whether pages carry checksums.
    pub(super) checksums: bool,
    /// Whether pages and files have the usual length.
    pub(super) is_usual: bool,
}

/// What changed since an earlier backup; `None` where that is not known for sure. Why that is so is told, unless the server
/// does not summarize its WAL at all.
pub(super) async fn changes(
    server: &Server,
    since: &Since,
    now: &Now<'_>,
    tools: &Tools<'_>,
) -> Result<Option<Changes>, BackupError> {
    if server.version_num() < FIRST {
        return Ok(None);
    }
    let asked = async { Ok::<_, BackupError>(ask(server, since, now).await) };
    Ok(interruptible(tools, asked).await?.unwrap_or_else(|why| {
        let note = format!("every file is read, although the server summarizes its WAL: {why}");
        tools.observer.on(&Event::Note(note));
        None
    }))
}

async fn ask(server: &Server, since: &Since, now: &Now<'_>) -> Result<Option<Changes>, String> {
    let said = |error: PostgresError| error.to_string();
    let mut session = server.session().await.map_err(said)?;
    let summarizing = session.summarizing().await.map_err(said)?;
    if !summarizing.is_on {
        return Ok(None);
    }
    if let Some(doubt) = doubt(since, now, &summarizing) {
        return Err(doubt);
    }
    wait(&mut session, since.timeline, now.start).await?;
    let available = session.wal_summaries(since.timeline, since.lsn, now.start).await.map_err(said)?;
    let lacking = |at: Lsn| format!("it has no summary of what was written from {at} on, since {}", since.id);
    let wanted = covering(&available, since.lsn, now.start).map_err(lacking)?;
    let mut changes = Changes::default();
    for some in wanted.chunks(AT_ONCE) {
        let changed = session.changed_files(some, PAGES_IN_SEGMENT).await.map_err(said)?;
        changed.iter().for_each(|change| changes.add(change));
    }
    session.close().await.map_err(said)?;
    Ok(Some(changes))
}

/// Why summaries, even if they have no hole, would not tell everything that happened to the files.
fn doubt(since: &Since, now: &Now<'_>, summarizing: &Summarizing) -> Option<String> {
    let Since { id, .. } = since;
    if since.system_identifier != now.system_identifier {
        return Some(format!("{id} is of another cluster"));
    }
    if summarizing.in_recovery {
        return Some("it is a standby".to_owned());
    }
    if since.of_standby {
        return Some(format!("{id} was read from a standby"));
    }
    if summarizing.timeline != since.timeline {
        return Some(format!("{id} is of timeline {}, and this is {}", since.timeline, summarizing.timeline));
    }
    if since.checksums != now.checksums {
        return Some(format!("checksums of pages were switched since {id}"));
    }
    (!now.is_usual).then(|| "its pages or files have another length than usual".to_owned())
}

/// Waits until WAL up to `start` is summarized.
async fn wait(session: &mut Session, timeline: Timeline, start: Lsn) -> Result<(), String> {
    let (mut waited, mut still) = (Duration::ZERO, Duration::ZERO);
    let mut read = None;
    loop {
        let so_far = session.summarized().await.map_err(|error| error.to_string())?;
        if so_far.timeline == timeline && so_far.written >= start {
            return Ok(());
        }
        if Some(so_far.read) > read {
            (read, still) = (Some(so_far.read), Duration::ZERO);
        }
        if still >= STILL || waited >= LONGEST {
            return Err(format!("after {} s it is at {} only, before {start}", waited.as_secs(), so_far.read));
        }
        tokio::time::sleep(PAUSE).await;
        (waited, still) = (waited + PAUSE, still + PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::BackupId;

    #[test]
    fn whatever_summaries_do_not_tell_is_a_doubt() {
        let since = Since {
            id: BackupId::new(jiff::Timestamp::UNIX_EPOCH, 1),
            system_identifier: "7".to_owned(),
            lsn: Lsn(10),
            timeline: Timeline(2),
            checksums: true,
            of_standby: false,
            damaged: std::collections::HashSet::new(),
        };
        let now = || Now { start: Lsn(20), system_identifier: "7", checksums: true, is_usual: true };
        let server = Summarizing { is_on: true, in_recovery: false, timeline: Timeline(2) };
        let said = |since: &Since, now: &Now<'_>, server: &Summarizing| doubt(since, now, server).unwrap_or_default();
        assert_eq!(doubt(&since, &now(), &server), None);
        assert!(said(&since, &Now { system_identifier: "8", ..now() }, &server).contains("another cluster"));
        assert!(said(&since, &Now { checksums: false, ..now() }, &server).contains("switched"));
        assert!(said(&since, &Now { is_usual: false, ..now() }, &server).contains("length"));
        assert!(said(&since, &now(), &Summarizing { in_recovery: true, ..server.clone() }).contains("is a standby"));
        assert!(said(&since, &now(), &Summarizing { timeline: Timeline(3), ..server.clone() }).contains("timeline"));
        assert!(said(&Since { of_standby: true, ..since.clone() }, &now(), &server).contains("from a standby"));
    }
}
