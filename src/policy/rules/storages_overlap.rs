//! Two storages are one place, or one lies inside the other.

use crate::diag::{Diagnostic, codes};
use crate::policy::facts::{Place, place_of_s3};
use crate::policy::model::Storage;
use crate::policy::route::Route;
use crate::policy::rule::{Rule, Subject};

/// The rule.
pub(super) const RULE: Rule = Rule { code: &codes::STORAGES_OVERLAP, judge };

fn judge(subject: &Subject<'_>) -> Vec<Diagnostic> {
    let storages: Vec<(&String, &Storage)> = subject.document.model.storage.iter().collect();
    let mut found = Vec::new();
    for (index, (name, storage)) in storages.iter().enumerate() {
        let earlier = storages[..index].iter().find_map(|(other, at)| Some((*other, *at, relation(storage, at)?)));
        let Some((other, at, relation)) = earlier else { continue };
        let (route, label) = (place_route(name, storage), place_route(other, at));
        let detail = match relation {
            Relation::Same => format!("`{name}` and `{other}` are the same place"),
            Relation::Inside => format!("`{name}` lies inside `{other}`"),
            Relation::Around => format!("`{other}` lies inside `{name}`"),
        };
        found.push(
            subject
                .document
                .diagnostic(&codes::STORAGES_OVERLAP, &route, detail)
                .with_label(subject.document.place_of(&label), format!("`{other}`"))
                .with_why("What looks like two copies is one, and what one storage's rules expire belongs to the other as well.")
                .with_hint("Give each storage a folder or prefix of its own, beside the other."),
        );
    }
    found
}

enum Relation {
    Same,
    Inside,
    Around,
}

/// How the first storage lies to the second; `None` when they are apart.
fn relation(first: &Storage, second: &Storage) -> Option<Relation> {
    let (first, second) = match (first, second) {
        (Storage::Filesystem(a), Storage::Filesystem(b)) => (a.path.text(), b.path.text()),
        (Storage::S3(a), Storage::S3(b)) if server(&place_of_s3(a)) == server(&place_of_s3(b)) => {
            (a.prefix.as_ref().map_or("", |p| p.text()), b.prefix.as_ref().map_or("", |p| p.text()))
        }
        _ => return None,
    };
    let (first, second) = (components(first), components(second));
    match (first.starts_with(&second), second.starts_with(&first)) {
        (true, true) => Some(Relation::Same),
        (true, false) => Some(Relation::Inside),
        (false, true) => Some(Relation::Around),
        (false, false) => None,
    }
}

fn server(place: &Place) -> String {
    match place {
        Place::Folder(path) => path.clone(),
        Place::BucketHere(bucket) => format!("here {bucket}"),
        Place::Bucket(server, bucket) => format!("{server} {bucket}"),
    }
}

/// A path by its components; references stand for themselves, so only equal ones are equal.
fn components(path: &str) -> Vec<&str> {
    path.split('/').filter(|part| !part.is_empty() && *part != ".").collect()
}

fn place_route(name: &str, storage: &Storage) -> Route {
    let route = Route::of(["storage", name]);
    match storage {
        Storage::Filesystem(_) => route.key("path"),
        Storage::S3(bucket) if bucket.prefix.is_some() => route.key("prefix"),
        Storage::S3(_) => route.key("bucket"),
    }
}
