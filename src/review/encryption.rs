//! Whether backups are encrypted, and whose keys open them.

use super::draft::{Draft, own_or_default};
use super::pair::{Both, Pair};
use crate::base::{Template, quoted};
use crate::diag::codes;
use crate::policy::{EncryptionSpec, Route};

pub(super) fn compare(pair: &Pair<'_>, found: &mut Vec<Draft>) {
    for both in &pair.databases {
        one(pair, both, found);
    }
}

fn one(pair: &Pair<'_>, both: &Both<'_>, found: &mut Vec<Draft>) {
    let (old_name, new_name) = (both.before.encryption.as_deref(), both.after.encryption.as_deref());
    let old = old_name.and_then(|name| pair.base.desired.encryption.get(name));
    let new = new_name.and_then(|name| pair.head.desired.encryption.get(name));
    let choice = own_or_default(both.name, &["encryption"]);
    let said = |name: Option<&str>, spec: Option<&EncryptionSpec>| match (name, spec) {
        (Some(name), Some(spec)) => Some(format!("{} ({name})", kind(spec))),
        _ => Some("none".to_owned()),
    };
    let mut say = |code, detail: &str, routes: Vec<Route>| {
        let draft = Draft { routes, ..Draft::new(code, detail, Route::top()) };
        found.push(draft.of(both.name).change(said(old_name, old), said(new_name, new)));
    };
    let (old, new) = match (old, new) {
        (None, None) => return,
        (Some(_), None) => return say(&codes::ENCRYPTION_LOST, "new backups lie in clear", choice),
        (None, Some(_)) => return say(&codes::ENCRYPTION_GAINED, "new backups only", choice),
        (Some(old), Some(new)) => (old, new),
    };
    // Where another entry is chosen, the choice is the place; else the entry itself.
    let places = |key: &str| {
        let entry = new_name.map(|name| Route::of(["encryption", name]));
        let mut routes: Vec<Route> = entry.into_iter().flat_map(|entry| [entry.key(key), entry]).collect();
        if old_name != new_name {
            routes.splice(0..0, choice.clone());
        }
        routes
    };
    match (old, new) {
        (
            EncryptionSpec::AgeRecipients { recipients: before, identity: old },
            EncryptionSpec::AgeRecipients { recipients: after, identity: new },
        ) => {
            let mut keys = |code, from: &[Template], without: &[Template]| {
                for key in from.iter().filter(|key| !without.contains(key)) {
                    let detail = quoted(key.source());
                    let draft = Draft { routes: places("recipients"), ..Draft::new(code, detail, Route::top()) };
                    found.push(draft.of(both.name));
                }
            };
            keys(&codes::READER_GAINED, after, before);
            keys(&codes::READER_LOST, before, after);
            if old != new {
                let detail = "`identity`: restores read the private key from somewhere else";
                let draft =
                    Draft { routes: places("identity"), ..Draft::new(&codes::SETTING_CHANGED, detail, Route::top()) };
                found.push(draft.of(both.name));
            }
        }
        (old, new) if old == new => {}
        _ => {
            say(&codes::ENCRYPTION_CHANGED, "old backups open with the old key, new ones with the new", places("type"))
        }
    }
}

fn kind(spec: &EncryptionSpec) -> &'static str {
    match spec {
        EncryptionSpec::AgeRecipients { .. } => "age keys",
        EncryptionSpec::AgePassphrase { .. } => "age passphrase",
        EncryptionSpec::Gpg { .. } => "gpg passphrase",
    }
}
