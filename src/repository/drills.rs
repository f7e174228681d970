//! The drills of a database: read with everything else, added to one by one.

use super::layout::{Key, drills_key, parse};
use super::small::{self, Unreadable};
use super::{Repository, RepositoryError};
use crate::catalog::{BrokenFile, DrillBook, DrillRecord, FORMAT, seal};
use crate::storage::{Condition, ObjectMeta, StorageError};

/// How often a record is added again when another run added one meanwhile.
const ATTEMPTS: usize = 5;

impl Repository {
    /// Keeps the record of a drill with the earlier ones of its database and tier. May be repeated. A damaged file of
    /// drills is replaced; one of a newer version is left as it is.
    pub async fn write_drill(&self, record: &DrillRecord) -> Result<(), RepositoryError> {
        let key = drills_key(&record.tier, &record.database);
        let mut attempt = 1;
        loop {
            // The etag before the bytes: what is written in between makes the condition fail.
            let etag = self.store.head(&key).await?.map(|meta| meta.etag);
            let mut book = self.drill_book(&key, record).await?;
            book.add(record.clone());
            let condition = etag.map_or(Condition::IfAbsent, Condition::IfMatch);
            match self.store.put(&key, seal(&book).into(), condition).await {
                Ok(_) => return Ok(()),
                Err(StorageError::AlreadyExists { .. } | StorageError::Changed { .. }) if attempt < ATTEMPTS => {
                    attempt += 1;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn drill_book(&self, key: &str, record: &DrillRecord) -> Result<DrillBook, RepositoryError> {
        let (database, tier) = (record.database.clone(), record.tier.clone());
        let empty = DrillBook { format: FORMAT, database, tier, drills: Vec::new() };
        let Some(bytes) = small::read(self.store.as_ref(), key).await? else { return Ok(empty) };
        match judge(&bytes, &record.tier, &record.database) {
            Ok(book) => Ok(book),
            Err(problem @ Unreadable::Newer(_)) => Err(self.broken(key, problem.to_string())),
            Err(_) => Ok(empty),
        }
    }

    /// The drills of one file; what is wrong with it instead, when they cannot be read.
    pub(super) async fn read_drills(
        &self,
        file: ObjectMeta,
    ) -> Result<(Vec<DrillRecord>, Option<BrokenFile>), RepositoryError> {
        let Some(Key::Drills { tier, database }) = parse(&file.key) else { return Ok((Vec::new(), None)) };
        let broken = |problem: String| Ok((Vec::new(), Some(BrokenFile { key: file.key.clone(), problem })));
        match small::read(self.store.as_ref(), &file.key).await {
            Err(error @ StorageError::Archived { .. }) => broken(small::frozen(&error)),
            Err(error) => Err(error.into()),
            Ok(None) => Ok((Vec::new(), None)),
            Ok(Some(bytes)) => match judge(&bytes, &tier, &database) {
                Ok(book) => Ok((book.drills, None)),
                Err(problem) => broken(problem.to_string()),
            },
        }
    }
}

/// The book in `bytes`, which must speak of what its key names.
fn judge(bytes: &[u8], tier: &str, database: &str) -> Result<DrillBook, Unreadable> {
    let book: DrillBook = small::judge(bytes, |book: &DrillBook| book.format)?;
    if (book.tier.as_str(), book.database.as_str()) != (tier, database) {
        return Err(Unreadable::Elsewhere(format!("drills of `{}` in tier `{}`", book.database, book.tier)));
    }
    Ok(book)
}
