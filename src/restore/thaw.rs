//! Thawing a backup: asking for it, and waiting. The state is read from the files themselves, so a second run goes on
//! where the first one ended, whichever machine that was on.

use super::error::RestoreError;
use super::request::Hands;
use crate::base::Period;
use crate::catalog::Backup;
use crate::event::Event;
use crate::plan::{Thaw, ThawFile, ThawPlan};
use crate::repository::{Repository, RepositoryError};
use jiff::Timestamp;
use std::time::Duration;

/// Between two looks: short at first, for thaws that take minutes, then longer.
const FIRST_LOOK: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(300);
/// How often a wait says that it goes on.
const TOLD_EVERY: Period = Period::minutes(10);

/// What the store says of every file of a backup.
pub async fn thaw_files(repository: &Repository, backup: &Backup) -> Result<Vec<ThawFile>, RestoreError> {
    let mut files = Vec::with_capacity(backup.objects.len());
    for object in &backup.objects {
        let availability = repository.availability(backup, &object.name).await?;
        files.push(ThawFile { name: object.name.clone(), bytes: object.stored_bytes, availability });
    }
    Ok(files)
}

/// Asks for a thaw. May be repeated: what is asked for already stays so.
pub async fn ask_for(repository: &Repository, backup: &Backup, thaw: &Thaw) -> Result<(), RestoreError> {
    for file in thaw.to_ask() {
        repository.thaw(backup, &file.name, thaw.days, thaw.speed).await?;
    }
    Ok(())
}

/// Waits until every file of a backup can be read, and says now and then how far that is. Stopping it stops the
/// waiting, not the thaw.
pub async fn wait_for(
    repository: &Repository,
    backup: &Backup,
    plan: &ThawPlan,
    hands: &Hands<'_>,
) -> Result<(), RestoreError> {
    let begun = Timestamp::now();
    let until = match plan.ready_by(begun) {
        Some(at) => {
            let at = at.strftime("%Y-%m-%d %H:%M UTC");
            format!("{} takes {}, until about {at}", plan.thaw.speed, plan.thaw.time)
        }
        None => "an earlier run asked for it".to_owned(),
    };
    let (mut pause, mut told) = (FIRST_LOOK, None::<(usize, Timestamp)>);
    loop {
        let n_ready = match thaw_files(repository, backup).await {
            Ok(files) => files.iter().filter(|file| file.availability.is_readable()).count(),
            // A wait of hours outlives a hiccup; what lasts, the restore itself will say.
            Err(RestoreError::Repository(RepositoryError::Storage(error))) if error.is_transient() => {
                told.map_or(0, |(n, _)| n)
            }
            Err(error) => return Err(error),
        };
        if n_ready == backup.objects.len() {
            return Ok(());
        }
        let now = Timestamp::now();
        if told.is_none_or(|(n, at)| n != n_ready || Period::between(at, now) >= TOLD_EVERY) {
            let after = Period::between(begun, now).human();
            let text = format!(
                "waiting for the thaw: {n_ready} of {} files can be read after {after}; {until}",
                backup.objects.len(),
            );
            hands.observer.on(&Event::Note(text));
            told = Some((n_ready, now));
        }
        tokio::select! {
            () = hands.cancel.cancelled() => return Err(RestoreError::Interrupted),
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(LONGEST);
    }
}
