//! Resources outside: everything that the policy has something to say about, read as it is.
//!
//! What is wanted says what is read. Some of it has a name only once something else was read (a key behind an alias, the
//! account's number), so it is asked for again until nothing new comes.

use super::left_buckets::read_left_buckets;
use super::left_policies::read_left_policies;
use super::orphans::read_orphans;
use super::{Ground, Places};
use crate::base::Lookup;
use crate::diag::codes;
use crate::plan::{Live, Wanted, references, wanted};
use crate::policy::{AccessKind, AccessSpec, Desired};
use crate::provider::aws::{AwsSession, is_of_bucket, read};
use crate::provider::delivered_key;
use crate::resource::{AccessKeys, BucketPlace, Found, Lifecycle, ObjectLock, Resource, Versioning};
use futures_util::StreamExt;
use futures_util::stream::iter;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Reads at a time. AWS throttles IAM long before it throttles S3.
const AT_A_TIME: usize = 8;

/// Rounds of asking what is wanted. Two are needed at most; one more harms nobody.
const ROUNDS: usize = 3;

/// Reads every resource outside into `live`, which knows the storages and the callers already.
pub(super) async fn read_outside(desired: &Desired, places: &Places, lookup: &dyn Lookup, live: &mut Live) {
    live.texts = texts(desired, lookup);
    let sites: BTreeMap<&str, Site<'_>> = places.0.iter().filter_map(|(name, _)| site(name, places, live)).collect();
    for (name, spec) in &desired.access {
        let caller = first_site(spec, &sites).and_then(|(storage, _)| live.storage_caller(storage)).cloned();
        live.callers.extend(caller.map(|caller| (format!("access/{name}"), caller)));
    }
    let mut asked: Vec<Question> = sites.keys().flat_map(|name| always(name)).collect();
    for _ in 0..ROUNDS {
        asked.extend(wanted(desired, live).into_iter().map(Question::from));
        asked.retain(|question| !live.resources.contains_key(&question.address));
        asked.dedup_by(|a, b| a.address == b.address);
        if asked.is_empty() {
            break;
        }
        let answers = iter(std::mem::take(&mut asked).into_iter().map(|question| {
            let (sites, live) = (&sites, &*live);
            async move {
                let found = question.answer(desired, sites, live, lookup).await;
                (question.address, found)
            }
        }));
        let answers: Vec<(String, Found)> = answers.buffer_unordered(AT_A_TIME).collect().await;
        live.resources.extend(answers);
    }
    let sessions: Vec<(&str, &AwsSession)> = sites.iter().map(|(name, site)| (*name, site.session)).collect();
    read_orphans(desired, &sessions, live).await;
    read_left_policies(desired, &sessions, live).await;
    let places: Vec<_> = sites.iter().map(|(name, site)| (*name, site.session, &site.place)).collect();
    read_left_buckets(desired, &places, live).await;
}

/// What stands behind references in the names of things.
pub(super) fn texts(desired: &Desired, lookup: &dyn Lookup) -> BTreeMap<String, Result<String, String>> {
    let resolved = references(desired).into_iter().map(|(route, template)| {
        let text = template.resolve(lookup).map(|text| text.expose().to_owned());
        (route, text.map_err(|problem| format!("[{}] {problem}", codes::REFERENCE_UNRESOLVED.id)))
    });
    resolved.collect()
}

/// Where resources of a storage are reached.
struct Site<'a> {
    session: &'a AwsSession,
    place: BucketPlace,
}

fn site<'a>(name: &'a str, places: &'a Places, live: &Live) -> Option<(&'a str, Site<'a>)> {
    let Ground::Bucket { session, .. } = &places.place(name).ok()?.ground else { return None };
    // Its region is known only since it was read.
    let place = live.read(name)?.bucket.clone()?;
    Some((name, Site { session, place }))
}

/// The first storage of an entry of `access` that can be reached: its account is the one that the entry stands in.
fn first_site<'a, 'b>(spec: &'a AccessSpec, sites: &'b BTreeMap<&str, Site<'b>>) -> Option<(&'a str, &'b Site<'b>)> {
    spec.storages.iter().find_map(|storage| Some((storage.as_str(), sites.get(storage.as_str())?)))
}

/// Something to be read.
struct Question {
    address: String,
    storage: Option<String>,
    access: Option<String>,
    like: Resource,
}

impl From<Wanted> for Question {
    fn from(wanted: Wanted) -> Question {
        let Wanted { address, storage, access, resource: like, .. } = wanted;
        Question { address, storage, access, like }
    }
}

/// What decides over the safety of backups in a bucket, whoever set it.
fn always(storage: &str) -> Vec<Question> {
    let kinds = [
        Resource::Versioning(Versioning::Unversioned),
        Resource::ObjectLock(ObjectLock { enabled: false, mode: None, period: None }),
        Resource::Lifecycle(Lifecycle::default()),
    ];
    let question = |like: Resource| Question {
        address: format!("storage/{storage}/{}", like.word()),
        storage: Some(storage.to_owned()),
        access: None,
        like,
    };
    kinds.map(question).into()
}

impl Question {
    async fn answer(
        &self,
        desired: &Desired,
        sites: &BTreeMap<&str, Site<'_>>,
        live: &Live,
        lookup: &dyn Lookup,
    ) -> Found {
        let entry = self.access.as_ref().and_then(|name| desired.access.get(name));
        let site = match (&self.storage, entry) {
            (Some(storage), _) => sites.get(storage.as_str()),
            (None, Some(entry)) => first_site(entry, sites).map(|(_, site)| site),
            (None, None) => None,
        };
        let Some(site) = site else {
            return Found::Unreadable("none of its storages can be reached".to_owned());
        };
        let bucket = self.storage.as_ref().and_then(|storage| live.resources.get(&format!("storage/{storage}/bucket")));
        if is_of_bucket(&self.like) && bucket == Some(&Found::Absent) {
            return Found::Absent;
        }
        let found = read(site.session, Some(&site.place), &self.like).await;
        match (found, entry) {
            (Found::There(Resource::AccessKeys(keys)), Some(entry)) => {
                Found::There(Resource::AccessKeys(with_delivered(keys, entry, lookup)))
            }
            (found, _) => found,
        }
    }
}

/// Adds which key is in the file that the policy names.
fn with_delivered(keys: AccessKeys, entry: &AccessSpec, lookup: &dyn Lookup) -> AccessKeys {
    let file = delivery_file(entry, lookup);
    AccessKeys { delivered: file.and_then(|file| delivered_key(&file, &keys.user)), ..keys }
}

fn delivery_file(entry: &AccessSpec, lookup: &dyn Lookup) -> Option<PathBuf> {
    let AccessKind::User { key: Some(key) } = &entry.kind else { return None };
    let to = key.deliver_to.resolve(lookup).ok()?;
    (to.expose() != "stdout").then(|| Path::new(to.expose()).to_owned())
}
