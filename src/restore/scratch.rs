//! A database that this run made: ours to fill, and ours to drop until it is given over.

use super::error::RestoreError;
use super::site::Site;
use crate::event::{Event, Observer};
use crate::postgres::{DatabaseShape, Server};

/// How its comment begins while it is unfinished, so that the leftover of a killed run is known for what it is.
const MARK: &str = "backstay: unfinished restore";

/// A new database.
pub(super) struct Scratch<'a> {
    site: &'a Site,
    pub(super) name: String,
}

impl<'a> Scratch<'a> {
    /// Makes a database. One of the same name that a killed run left unfinished is dropped first; any other one is an
    /// error.
    pub(super) async fn create(
        site: &'a Site,
        name: &str,
        shape: &DatabaseShape,
        run: &str,
        observer: &dyn Observer,
    ) -> Result<Scratch<'a>, RestoreError> {
        let comment = format!("{MARK}, run {run}");
        let mut again = true;
        loop {
            let mut session = site.maintenance.session().await?;
            if session.database_exists(name).await? {
                if !is_leftover(session.database_comment(name).await?.as_deref()) {
                    return Err(taken(name, &site.place()));
                }
                let note = format!("`{name}` is the leftover of a restore that was killed: it is dropped");
                observer.on(&Event::Note(note));
                session.drop_database_in_use(name).await?;
            }
            match session.create_database(name, shape, Some(&comment)).await {
                Ok(()) => return Ok(Scratch { site, name: name.to_owned() }),
                // The server was still making it for a run that was killed just now.
                Err(error) if again && error.is_name_taken() => again = false,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The server, connected to it.
    pub(super) fn server(&self) -> Server {
        self.site.maintenance.with_database(&self.name)
    }

    /// It is finished and not ours any more.
    pub(super) async fn give_over(&self) -> Result<(), RestoreError> {
        let mut session = self.site.maintenance.session().await?;
        Ok(session.comment_on_database(&self.name, None).await?)
    }

    /// Drops it, whoever uses it.
    pub(super) async fn discard(self, observer: &dyn Observer) {
        let dropped = async { self.site.maintenance.session().await?.drop_database_in_use(&self.name).await };
        if let Err(error) = dropped.await {
            let name = &self.name;
            observer.on(&Event::Warning(format!("the half-restored database `{name}` could not be dropped: {error}")));
        }
    }
}

/// True for the comment of a database that a killed run left.
pub(super) fn is_leftover(comment: Option<&str>) -> bool {
    comment.is_some_and(|comment| comment.starts_with(MARK))
}

/// The refusal to restore over a database.
pub(super) fn taken(name: &str, place: &str) -> RestoreError {
    RestoreError::TargetTaken {
        problem: format!("database `{name}` exists already on {place}"),
        hint: "Choose another name with `--into`, replace the database itself with `--in-place`, or drop this one."
            .to_owned(),
    }
}
