//! What the policy wants outside and no plan can hold, because something that it takes is not known: each with the
//! reason, so that nothing is dropped without a word.

use super::shared::{hidden, hides_key, with_site};
use crate::plan::{Live, Note};
use crate::policy::{Desired, StorageKind};

/// One note each.
pub(in crate::plan) fn left_out(desired: &Desired, live: &Live) -> Vec<Note> {
    let mut notes = Vec::new();
    let mut note = |about: String, message: String| notes.push(Note { about, message, is_problem: true });
    for (route, text) in &live.texts {
        if let Err(problem) = text {
            note(route.clone(), format!("it cannot be looked up, so what it belongs to is not planned: {problem}"));
        }
    }
    for (name, read) in live.readable() {
        let Some(place) = &read.bucket else { continue };
        if let Some(hidden) = hidden(desired, live, place) {
            let message = format!(
                "the rules and statements of the bucket {} are not planned: the storage `{hidden}` may lie in it and \
                 cannot be read, and what it wants of them would be taken away",
                place.bucket
            );
            note(format!("storage/{name}"), message);
        }
    }
    for (name, storage) in &desired.storages {
        let StorageKind::S3(spec) = &storage.kind else { continue };
        let target = spec.manage.as_ref().and_then(|manage| manage.replicate_to.as_ref());
        let (Some(target), Some(_)) = (target, live.read(name)) else { continue };
        let why = if live.storage_caller(name).is_none() {
            NOBODY.to_owned()
        } else if live.read(target).and_then(|read| read.bucket.as_ref()).is_none() {
            format!("nothing is known of the storage `{target}`")
        } else {
            continue;
        };
        note(format!("storage/{name}/replication"), format!("it is not planned: {why}"));
    }
    for (name, access) in &desired.access {
        if live.access_caller(name).is_none() {
            note(format!("access/{name}"), format!("nothing is planned for it: {NOBODY}"));
            continue;
        }
        let is_unknown = |storage: &&String| with_site(desired, live, storage, |_| ()).is_none();
        let hides = |storage: &&String| hides_key(desired, live, storage);
        let why = match (access.storages.iter().find(is_unknown), access.storages.iter().find(hides)) {
            (Some(unknown), _) => format!("nothing is known of the storage `{unknown}`"),
            (None, Some(hidden)) => format!("nobody knows the key of the storage `{hidden}`"),
            (None, None) => continue,
        };
        note(format!("access/{name}/grants"), format!("what it may do is not planned: {why}"));
    }
    notes
}

const NOBODY: &str = "AWS does not say who we are there, and a server other than AWS has no identities that we know";
