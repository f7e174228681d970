//! The places of a policy: folders with their modes and owners, and the markers that make folders and buckets
//! repositories.

use super::{Action, Deed, Live, LiveStorage, Note, Phase, ReadStorage, Symbol};
use crate::policy::{Desired, FilesystemSpec, S3Spec, StorageKind};
use crate::resource::{FieldChange, Found};

/// Address of the folder of a storage.
pub(super) fn folder_address(storage: &str) -> String {
    format!("storage/{storage}/folder")
}

/// Address of the marker of a storage.
pub(super) fn marker_address(storage: &str) -> String {
    format!("storage/{storage}/marker")
}

/// Address of the bucket of a storage.
pub(super) fn bucket_address(storage: &str) -> String {
    format!("storage/{storage}/bucket")
}

/// True for a storage whose bucket does not exist and that nobody makes.
pub(super) fn is_bucketless(name: &str, spec: &S3Spec, live: &Live) -> bool {
    let makes = spec.manage.as_ref().is_some_and(|manage| manage.create);
    !makes && live.resources.get(&bucket_address(name)) == Some(&Found::Absent)
}

/// The steps that make every storage a place for backups.
pub(super) fn actions(desired: &Desired, live: &Live, notes: &mut Vec<Note>) -> (Vec<Action>, u64) {
    let mut actions = Vec::new();
    let mut n_unchanged = 0;
    for (name, spec) in &desired.storages {
        match live.storages.get(name) {
            Some(LiveStorage::Read(read)) => {
                let before = actions.len();
                match &spec.kind {
                    StorageKind::Filesystem(folder) => {
                        actions.extend(folder_action(name, folder, read, notes));
                        actions.extend(marker_action(name, read, folder_address(name)));
                        n_unchanged += 2 - (actions.len() - before) as u64;
                    }
                    StorageKind::S3(bucket) if is_bucketless(name, bucket, live) => notes.push(Note {
                        about: bucket_address(name),
                        message: format!(
                            "the bucket of {} does not exist and `manage.create` is not true",
                            read.location
                        ),
                        is_problem: true,
                    }),
                    StorageKind::S3(_) => {
                        actions.extend(marker_action(name, read, bucket_address(name)));
                        n_unchanged += 1 - (actions.len() - before) as u64;
                    }
                }
            }
            Some(LiveStorage::Unreadable(problem)) => notes.push(Note {
                about: format!("storage/{name}"),
                message: format!("cannot be read, so nothing is planned for it: {problem}"),
                is_problem: true,
            }),
            None => {}
        }
    }
    (actions, n_unchanged)
}

fn folder_action(name: &str, wanted: &FilesystemSpec, read: &ReadStorage, notes: &mut Vec<Note>) -> Option<Action> {
    let address = folder_address(name);
    let field = |field: &str, before: Option<String>, after: String| FieldChange {
        field: field.to_owned(),
        before,
        after: Some(after),
    };
    let Some(found) = &read.folder else {
        if !wanted.create {
            notes.push(Note {
                about: address,
                message: format!("{} does not exist and `manage.create` is false", read.location),
                is_problem: true,
            });
            return None;
        }
        let mut changes = vec![field("path", None, read.location.clone()), field("mode", None, octal(wanted.mode))];
        changes.extend(wanted.owner.iter().map(|owner| field("owner", None, owner.clone())));
        changes.extend(wanted.group.iter().map(|group| field("group", None, group.clone())));
        return Some(Action {
            address,
            symbol: Symbol::Create,
            phase: Phase::Infra,
            deed: Deed::CreateFolder { storage: name.to_owned() },
            reason: "it does not exist".to_owned(),
            changes,
            depends_on: Vec::new(),
            bytes: None,
            irreversible: None,
            loosens: false,
        });
    };
    let mut changes = Vec::new();
    if found.mode != wanted.mode || found.n_other_modes > 0 {
        let before = match found.n_other_modes {
            0 => octal(found.mode),
            n => format!("{}, and others on {n} inside", octal(found.mode)),
        };
        changes.push(field("mode", Some(before), octal(wanted.mode)));
    }
    if let Some(owner) = wanted.owner.as_ref().filter(|owner| **owner != found.owner) {
        changes.push(field("owner", Some(found.owner.clone()), owner.clone()));
    }
    if let Some(group) = wanted.group.as_ref().filter(|group| **group != found.group) {
        changes.push(field("group", Some(found.group.clone()), group.clone()));
    }
    (!changes.is_empty()).then(|| Action {
        address,
        symbol: Symbol::Change,
        phase: Phase::Infra,
        deed: Deed::ChangeFolder { storage: name.to_owned() },
        reason: format!("{} is not as the policy says", read.location),
        changes,
        depends_on: Vec::new(),
        bytes: None,
        irreversible: None,
        loosens: false,
    })
}

/// The step that makes a storage a repository. `ground`: address of the step that makes what it lies in, if the plan
/// has one.
fn marker_action(name: &str, read: &ReadStorage, ground: String) -> Option<Action> {
    read.marker.is_none().then(|| Action {
        address: marker_address(name),
        symbol: Symbol::Create,
        phase: Phase::Infra,
        deed: Deed::CreateMarker { storage: name.to_owned() },
        reason: match read.contents.backups.len() {
            0 => "it is no repository yet".to_owned(),
            1 => "its marker is gone, though 1 backup is here".to_owned(),
            n => format!("its marker is gone, though {n} backups are here"),
        },
        changes: Vec::new(),
        depends_on: vec![ground],
        bytes: None,
        irreversible: None,
        loosens: false,
    })
}

fn octal(mode: u32) -> String {
    format!("{mode:04o}")
}
