//! The packs of a backup, one after another, each visible in every storage once it is complete, and then noted on this
//! machine.

use super::cutter::{Cutter, PackReader, Stretch};
use super::notes::{Head, Note, Notes};
use crate::backup::copies::Copies;
use crate::backup::error::BackupError;
use crate::backup::pipeline::{File, Pumped, pump};
use crate::backup::take::Tools;
use crate::base::BackupId;
use crate::catalog::{FileMap, ObjectRole, Pack, StoredObject};
use crate::event::Event;
use crate::stream::{Encoding, Progress, StreamError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What packs are written with.
pub(super) struct Packs<'a> {
    pub(super) progress: Progress,
    pub(super) encoding: &'a Encoding,
    pub(super) tools: &'a Tools<'a>,
    /// Where they are noted; `None`: nowhere, and an interrupted backup begins anew.
    pub(super) noting: Option<Noting<'a>>,
}

/// Where packs are noted.
pub(super) struct Noting<'a> {
    pub(super) notes: Notes<'a>,
    pub(super) id: &'a BackupId,
    pub(super) head: Head,
}

impl Packs<'_> {
    /// Writes packs until the archives end. `before`: what was stored of the backup before it was interrupted.
    pub(super) async fn write(
        mut self,
        cutter: &Arc<Mutex<Cutter>>,
        before: Vec<StoredObject>,
        copies: &mut Copies<'_>,
        end_source: impl FnOnce(),
    ) -> Result<(Vec<StoredObject>, Vec<Pack>), BackupError> {
        let (n_before, mut objects, mut packs) = (before.len(), before, Vec::new());
        let mut end_source = Some(end_source);
        let mut so_far = 0;
        loop {
            let number = u32::try_from(packs.len()).ok();
            let number = number.ok_or_else(|| BackupError::NotWhole("it has too many packs".to_owned()))?;
            lock(cutter).begin_pack(number);
            let source = Box::new(PackReader(cutter.clone()));
            let stem = format!("pack-{:06}.tar", objects.len() + 1);
            let progress = self.progress.part(so_far);
            let file = File { role: ObjectRole::Pack, stem: &stem, what: "the base backup", progress };
            let end = || {
                if let Some(end_source) = end_source.take() {
                    end_source();
                }
            };
            let pumped = pump(source, file, self.encoding, copies, self.tools, end).await?;
            so_far += pumped.object.plain_bytes;
            copies.complete().await;
            if copies.is_empty() {
                if let Some(end_source) = end_source.take() {
                    end_source();
                }
                return Err(BackupError::NoCopy(Vec::new()));
            }
            let Pumped { object, frames, .. } = pumped;
            packs.push(Pack { name: object.name.clone(), backup: None, plain_bytes: object.plain_bytes, frames });
            objects.push(object.clone());
            if lock(cutter).is_done() {
                return Ok((objects, packs));
            }
            let is_first = n_before == 0 && packs.len() == 1;
            if let Some(noting) = &self.noting {
                match noting.note(cutter, &packs, object, objects.len(), is_first).await {
                    Ok(()) => copies.noted().await,
                    Err(error) => {
                        let note =
                            format!("if it is interrupted it begins anew, for this machine can note nothing: {error}");
                        self.tools.observer.on(&Event::Note(note));
                        self.noting = None;
                    }
                }
            }
        }
    }
}

impl Noting<'_> {
    async fn note(
        &self,
        cutter: &Mutex<Cutter>,
        packs: &[Pack],
        object: StoredObject,
        number: usize,
        is_first: bool,
    ) -> Result<(), StreamError> {
        if is_first {
            self.notes.begin(self.id, &self.head).await?;
        }
        let (earlier, since) = {
            let mut cutter = lock(cutter);
            (cutter.found.earlier_packs.clone(), cutter.since().map_err(StreamError::Process)?)
        };
        let Some(Stretch { files, digests }) = since else { return Ok(()) };
        let map = FileMap { packs: earlier.into_iter().chain(packs.iter().cloned()).collect(), files };
        self.notes.add(self.id, number, Note { object, map, digests }).await
    }
}

fn lock(cutter: &Mutex<Cutter>) -> MutexGuard<'_, Cutter> {
    cutter.lock().unwrap_or_else(PoisonError::into_inner)
}
