//! Which storages there are, where they lie, and who deletes from them.

use super::draft::Draft;
use super::pair::{Pair, lies_with};
use crate::base::quoted;
use crate::diag::codes;
use crate::policy::{PruneBy, Route, StorageKind};

pub(super) fn compare(pair: &Pair<'_>, found: &mut Vec<Draft>) {
    let (base, head) = (&pair.base.desired.storages, &pair.head.desired.storages);
    for (name, spec) in base.iter().filter(|(name, _)| !pair.storages.contains_key(name.as_str())) {
        let detail = format!("{}, {}; what lies there is neither counted nor deleted", quoted(name), place(&spec.kind));
        found.push(Draft::new(&codes::STORAGE_LOST, detail, Route::of(["storage", name])));
    }
    for (name, spec) in head.iter().filter(|(name, _)| !pair.storages.values().any(|new| new == name)) {
        let detail = format!("{}, {}", quoted(name), place(&spec.kind));
        found.push(Draft::new(&codes::STORAGE_GAINED, detail, Route::of(["storage", name])));
    }
    for (old, new) in &pair.storages {
        let (Some(before), Some(after)) = (base.get(*old), head.get(*new)) else { continue };
        let route = Route::of(["storage", new]);
        if old != new {
            let draft = Draft::new(&codes::SETTING_CHANGED, "the name of a storage", route.clone());
            found.push(draft.or(Route::of(["storage", old])).change((*old).to_owned(), (*new).to_owned()));
        }
        if !lies_with(&before.kind, &after.kind) {
            let detail =
                format!("{}: backups at the old place are no longer seen, and the new one begins empty", quoted(new));
            let mut draft = Draft::new(&codes::STORAGE_MOVED, detail, moved_key(&before.kind, &after.kind, &route));
            for key in ["type", "path", "bucket", "region", "prefix", "endpoint"] {
                draft = draft.or(route.key(key));
            }
            found.push(draft.or(route.clone()).change(place(&before.kind), place(&after.kind)));
        }
        let (was, is) = (pruner(&before.kind), pruner(&after.kind));
        if was != is {
            let what = match is {
                PruneBy::Lifecycle => "S3 deletes by rule, and no safety floor holds",
                PruneBy::Backstay => "backstay deletes, behind its safety floors, and needs the right to",
            };
            let word = |by| Some(if by == PruneBy::Lifecycle { "lifecycle".to_owned() } else { "backstay".to_owned() });
            let draft = Draft::new(&codes::PRUNER_CHANGED, format!("{}: {what}", quoted(new)), route.key("prune"));
            found.push(draft.or(route.clone()).change(word(was), word(is)));
        }
    }
}

fn pruner(kind: &StorageKind) -> PruneBy {
    match kind {
        StorageKind::S3(bucket) => bucket.prune,
        StorageKind::Filesystem(_) => PruneBy::Backstay,
    }
}

/// The key of which the value differs.
fn moved_key(old: &StorageKind, new: &StorageKind, route: &Route) -> Route {
    match (old, new) {
        (StorageKind::Filesystem(_), StorageKind::Filesystem(_)) => route.key("path"),
        (StorageKind::S3(old), StorageKind::S3(new)) => {
            let keys = [
                ("bucket", old.bucket != new.bucket),
                ("region", old.region != new.region),
                ("prefix", old.prefix != new.prefix),
                ("endpoint", old.endpoint != new.endpoint),
            ];
            keys.into_iter().find(|(_, differs)| *differs).map_or(route.clone(), |(key, _)| route.key(key))
        }
        _ => route.key("type"),
    }
}

/// Where it lies, in words.
pub(super) fn place(kind: &StorageKind) -> String {
    match kind {
        StorageKind::Filesystem(folder) => format!("folder {}", quoted(folder.path.source())),
        StorageKind::S3(bucket) => {
            let mut words = format!("bucket {}", quoted(bucket.bucket.source()));
            let more = [("prefix", &bucket.prefix), ("region", &bucket.region), ("endpoint", &bucket.endpoint)];
            for (what, value) in more.into_iter().filter_map(|(what, value)| Some((what, value.as_ref()?))) {
                words.push_str(&format!(", {what} {}", quoted(value.source())));
            }
            words
        }
    }
}
