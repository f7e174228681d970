//! What this machine remembers of the thaws that it asked for: S3 says that one goes on, and not since when or how quickly.
//!
//! Nothing depends on it. What cannot be remembered or read is not known, as of a thaw that another machine asked for.

use crate::catalog::{Backup, FORMAT, seal, unseal};
use crate::plan::AskedThaw;
use crate::repository::layout::manifest_key;
use crate::resource::ThawSpeed;
use crate::storage::{Condition, ObjectStore};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt;

/// Longest note that is read.
const MAX_BYTES: u64 = 4096;

#[derive(Serialize, Deserialize)]
struct Note {
    format: u32,
    at: Timestamp,
    speed: ThawSpeed,
}

fn key(storage: &str, backup: &Backup) -> String {
    format!("thaw/{storage}/{}", manifest_key(&backup.tier, &backup.database, &backup.id))
}

/// Remembers that a thaw of a backup at a storage was asked for. `state`: the machine's own store.
pub async fn remember_thaw(state: &dyn ObjectStore, storage: &str, backup: &Backup, asked: AskedThaw) {
    let note = Note { format: FORMAT, at: asked.at, speed: asked.speed };
    let _ = state.put(&key(storage, backup), seal(&note).into(), Condition::Always).await;
}

/// When the thaw of a backup that goes on at a storage was asked for, if this machine did.
pub async fn remembered_thaw(state: &dyn ObjectStore, storage: &str, backup: &Backup) -> Option<AskedThaw> {
    let mut text = Vec::new();
    state.get(&key(storage, backup), None).await.ok()?.take(MAX_BYTES).read_to_end(&mut text).await.ok()?;
    let note: Note = unseal(&text).ok().filter(|note: &Note| note.format <= FORMAT)?;
    let asked = AskedThaw { at: note.at, speed: note.speed };
    // What was asked for that long ago has ended: somebody else asked since.
    asked.may_go_on(backup.class(), Timestamp::now()).then_some(asked)
}
