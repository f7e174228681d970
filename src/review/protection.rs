//! What protects backups where they lie: settings of buckets and folders, object lock, floors under deletion.

use super::copies::is_at;
use super::draft::Draft;
use super::pair::Pair;
use crate::base::{Period, Template, quoted};
use crate::diag::{Code, codes};
use crate::policy::{EncryptionAtRest, FilesystemSpec, ManageSpec, Route, StorageKind};
use crate::resource::{LockMode, Retain};
use std::cmp::Ordering;

pub(super) fn compare(pair: &Pair<'_>, found: &mut Vec<Draft>) {
    let (base, head) = (&pair.base.desired.storages, &pair.head.desired.storages);
    for (old, new) in &pair.storages {
        let (Some(before), Some(after)) = (base.get(*old), head.get(*new)) else { continue };
        let mut settings = Settings { name: new, route: Route::of(["storage", new]), found };
        let free = |share: Option<crate::base::Share>| share.map_or(0, |share| u64::from(share.as_percent()));
        let (was, is) = (free(before.min_free), free(after.min_free));
        let said = |share: u64| Some(format!("{share}%"));
        settings.say("min_free", "space that is kept free", is.cmp(&was), said(was), said(is));
        match (&before.kind, &after.kind) {
            (StorageKind::Filesystem(before), StorageKind::Filesystem(after)) => settings.folder(before, after),
            (StorageKind::S3(before), StorageKind::S3(after)) => {
                let nothing = ManageSpec::default();
                let manage = |side: &'_ Option<ManageSpec>| side.clone().unwrap_or_else(|| nothing.clone());
                settings.bucket(&manage(&before.manage), &manage(&after.manage));
            }
            _ => {}
        }
    }
    copy_locks(pair, found);
    floors(pair, found);
}

struct Settings<'a, 'f> {
    name: &'a str,
    route: Route,
    found: &'f mut Vec<Draft>,
}

impl Settings<'_, '_> {
    /// `order`: how the protection after compares with the one before.
    fn say(&mut self, key: &str, what: &str, order: Ordering, before: Option<String>, after: Option<String>) {
        let code: &'static Code = match order {
            Ordering::Less => &codes::STORAGE_LOOSER,
            Ordering::Greater => &codes::STORAGE_TIGHTER,
            Ordering::Equal => return,
        };
        let route = key.split('.').fold(self.route.clone(), |route, key| route.key(key));
        let detail = format!("{}: {what}", quoted(self.name));
        let draft = Draft::new(code, detail, route.clone()).or(route.parent()).or(self.route.clone());
        self.found.push(draft.change(before, after));
    }

    /// Something that is there or not.
    fn on(&mut self, key: &str, what: &str, before: bool, after: bool) {
        let word = |on: bool| Some(if on { "yes".to_owned() } else { "not managed".to_owned() });
        self.say(key, what, after.cmp(&before), word(before), word(after));
    }

    fn folder(&mut self, before: &FilesystemSpec, after: &FilesystemSpec) {
        let mode = |mode: u32| Some(format!("{mode:04o}"));
        let (opened, closed) = (after.mode & !before.mode, before.mode & !after.mode);
        if opened != 0 {
            self.say(
                "manage.mode",
                "more may look into the folder",
                Ordering::Less,
                mode(before.mode),
                mode(after.mode),
            );
        }
        if closed != 0 {
            self.say(
                "manage.mode",
                "fewer may look into the folder",
                Ordering::Greater,
                mode(before.mode),
                mode(after.mode),
            );
        }
        let source = |mount: &Option<Template>| mount.as_ref().map(|mount| mount.source().to_owned());
        let (was, is) = (source(&before.mounted_at), source(&after.mounted_at));
        let order = is.is_some().cmp(&was.is_some());
        self.say("mounted_at", "an absent disk is told from an empty folder", order, was, is);
    }

    fn bucket(&mut self, before: &ManageSpec, after: &ManageSpec) {
        self.on(
            "manage.public_access",
            "public access is blocked",
            before.public_access_blocked,
            after.public_access_blocked,
        );
        self.on("manage.transport", "plain HTTP is denied", before.tls_only, after.tls_only);
        self.on("manage.overwrite", "overwriting is denied", before.overwrite_denied, after.overwrite_denied);
        let versions = |kept: Option<bool>| kept == Some(true);
        self.on("manage.versioning", "every version is kept", versions(before.versioning), versions(after.versioning));
        self.encryption(before.encryption.as_ref(), after.encryption.as_ref());
        let (was, is) = (before.noncurrent_versions, after.noncurrent_versions);
        let order = is.unwrap_or(Period(u64::MAX)).cmp(&was.unwrap_or(Period(u64::MAX)));
        let said = |period: Option<Period>| Some(period.map_or_else(|| "no rule".to_owned(), |p| p.to_string()));
        self.say(
            "manage.noncurrent_versions",
            "how long what was deleted or overwritten stays",
            order,
            said(was),
            said(is),
        );
        self.link(
            "manage.replicate_to",
            "a second bucket receives everything",
            &before.replicate_to,
            &after.replicate_to,
        );
        let logs = |side: &ManageSpec| side.access_logs.as_ref().map(|(to, _)| to.source().to_owned());
        self.link("manage.access_logs", "who reads and deletes is written down", &logs(before), &logs(after));
        let detail = format!("{}: the default of the bucket", quoted(self.name));
        let route = self.route.key("manage").key("object_lock");
        let drafts = locks(&detail, &route, before.object_lock, after.object_lock);
        self.found.extend(drafts.into_iter().map(|draft| draft.or(self.route.key("manage")).or(self.route.clone())));
    }

    /// Something that leads to a place: another place is both less and more.
    fn link(&mut self, key: &str, what: &str, before: &Option<String>, after: &Option<String>) {
        let word = |to: &Option<String>| Some(to.clone().unwrap_or_else(|| "not managed".to_owned()));
        if before.is_some() && before != after {
            self.say(key, what, Ordering::Less, word(before), word(after));
        }
        if after.is_some() && before != after {
            self.say(key, what, Ordering::Greater, word(before), word(after));
        }
    }

    fn encryption(&mut self, before: Option<&EncryptionAtRest>, after: Option<&EncryptionAtRest>) {
        let rank = |side: Option<&EncryptionAtRest>| match side {
            None => 0,
            Some(EncryptionAtRest::SseS3) => 1,
            Some(EncryptionAtRest::SseKms { .. }) => 2,
        };
        let word = |side: Option<&EncryptionAtRest>| {
            Some(["not managed", "sse-s3", "sse-kms"].get(rank(side)).copied().unwrap_or_default().to_owned())
        };
        let order = rank(after).cmp(&rank(before));
        self.say("manage.encryption", "encryption at rest", order, word(before), word(after));
    }
}

/// Locks of single copies.
fn copy_locks(pair: &Pair<'_>, found: &mut Vec<Draft>) {
    for (tier, (before, after, databases)) in pair.shared_tiers() {
        for old in &before.copies {
            let Some(index) = after.copies.iter().position(|new| is_at(pair, old, new)) else { continue };
            let new = &after.copies[index];
            let copy = Route::of(["tiers", tier, "copies"]).index(index);
            let detail = format!("copies of {} at {}", quoted(tier), quoted(&new.to));
            let drafts = locks(&detail, &copy.key("lock"), old.lock, new.lock);
            found.extend(drafts.into_iter().map(|draft| draft.or(copy.clone()).of_all(databases.iter().copied())));
        }
    }
}

/// Which parts of a lock became weaker and which stronger.
fn locks(detail: &str, route: &Route, before: Option<Retain>, after: Option<Retain>) -> Vec<Draft> {
    let mode =
        |retain: Option<Retain>| retain.map_or(0, |retain| if retain.mode == LockMode::Compliance { 2 } else { 1 });
    let period = |retain: Option<Retain>| retain.map_or(0, |retain| retain.period.0);
    let (was, is) = ((mode(before), period(before)), (mode(after), period(after)));
    let mut drafts = Vec::new();
    let mut say = |code| drafts.push(Draft::new(code, detail, route.clone()).change(lock(before), lock(after)));
    if is.0 < was.0 || is.1 < was.1 {
        say(&codes::LOCK_WEAKER);
    }
    if is.0 > was.0 || is.1 > was.1 {
        say(&codes::LOCK_STRONGER);
    }
    drafts
}

fn lock(retain: Option<Retain>) -> String {
    match retain {
        None => "no lock".to_owned(),
        Some(Retain { mode: LockMode::Compliance, period }) => format!("compliance for {period}"),
        Some(Retain { mode: LockMode::Governance, period }) => format!("governance for {period}"),
    }
}

/// `safety` of every database.
fn floors(pair: &Pair<'_>, found: &mut Vec<Draft>) {
    for both in &pair.databases {
        let (old, new) = (both.before.safety, both.after.safety);
        let mut say = |key: &str, what: &str, order: Ordering, before: String, after: String| {
            let code = match order {
                Ordering::Less => &codes::FLOOR_LOWER,
                Ordering::Greater => &codes::FLOOR_HIGHER,
                Ordering::Equal => return,
            };
            let draft =
                Draft::new(code, format!("`{key}`, {what}"), Route::of(["databases", both.name, "safety", key]));
            let draft = draft.or(Route::of(["defaults", "safety", key])).or(Route::of(["safety", key]));
            found.push(draft.of(both.name).change(before, after));
        };
        let order = new.keep_at_least.cmp(&old.keep_at_least);
        let words = (old.keep_at_least.to_string(), new.keep_at_least.to_string());
        say("keep_at_least", "the good copies that stay whatever their age", order, words.0, words.1);
        let order = old.max_prune.as_percent().cmp(&new.max_prune.as_percent());
        let words = (old.max_prune.to_string(), new.max_prune.to_string());
        say("max_prune", "the share that goes at once without a word", order, words.0, words.1);
    }
}
