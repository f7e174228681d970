//! One copy of one backup.

use super::Means;
use crate::catalog::{
    CopyVerdict, FORMAT, Manifest, ObjectRole, Reference, StoredObject, TableRows, VerifyLevel, VerifyProblem,
    VerifyRecord,
};
use crate::codec::archive::{Scan, Summary};
use crate::repository::layout::{Place, manifest_key, stored_key};
use crate::repository::{Repository, RepositoryError};
use crate::resource::StorageClass;
use crate::storage::StorageError;
use crate::stream::{Content, Decode, Expected, Progress, StreamError, decode};
use jiff::Timestamp;
use std::collections::{BTreeMap, HashMap};
use std::io;

/// What was found of one file.
#[derive(Clone)]
pub(super) enum Finding {
    Good,
    Damaged(VerifyProblem),
    /// It has its size; its bytes are frozen.
    Cold(StorageClass),
    Undecided(String),
}

/// What was found of packs, by key: several backups may refer to one.
pub(super) type Seen = HashMap<String, Finding>;

/// How a copy is, and whether the result stands beside it.
pub(super) struct Verified {
    pub(super) verdict: CopyVerdict,
    /// Why the result of a good copy could not be kept.
    pub(super) unkept: Option<String>,
}

impl From<CopyVerdict> for Verified {
    fn from(verdict: CopyVerdict) -> Verified {
        Verified { verdict, unkept: None }
    }
}

/// Looks at one copy of a backup, and at the packs of others to which it refers, and keeps the result beside its manifest,
/// unless nothing could be decided. Of a file in a cold class only its size is looked at. `None` when the backup is gone. Errors only when interrupted.
pub(super) async fn verify_copy(
    repository: &Repository,
    place: &Place,
    level: VerifyLevel,
    means: &Means,
    seen: &mut Seen,
) -> Result<Option<Verified>, StreamError> {
    let manifest = match repository.manifest(&place.tier, &place.database, &place.id).await {
        Ok(manifest) => manifest,
        Err(RepositoryError::Storage(StorageError::NotFound { .. })) => return Ok(None),
        Err(RepositoryError::Broken { key, problem, .. }) => {
            return Ok(Some(CopyVerdict::Damaged(vec![VerifyProblem { key, problem }]).into()));
        }
        Err(error) => return Ok(Some(CopyVerdict::Undecided(error.to_string()).into())),
    };
    let (mut problems, mut undecided, mut cold) = (Vec::new(), Vec::new(), None);
    let mut findings = Vec::new();
    for object in &manifest.objects {
        findings.push(look_once(repository, place, &manifest, object, level, means, seen).await?);
    }
    for reference in manifest.cluster.iter().flat_map(|cluster| cluster.references()) {
        let place = Place { id: reference.backup.clone(), ..place.clone() };
        findings.extend(look_at_reference(repository, &place, reference, level, means, seen).await?);
    }
    for finding in findings {
        match finding {
            Finding::Good => {}
            Finding::Damaged(problem) => problems.push(problem),
            Finding::Cold(class) => cold = cold.max(Some(class)),
            Finding::Undecided(reason) => undecided.push(reason),
        }
    }
    // What is missing of a backup that was removed meanwhile is no damage.
    let key = manifest_key(&place.tier, &place.database, &place.id);
    match repository.store.head(&key).await {
        Ok(Some(_)) => {}
        Ok(None) => return Ok(None),
        Err(error) => return Ok(Some(CopyVerdict::Undecided(error.to_string()).into())),
    }
    if problems.is_empty()
        && let Some(reason) = undecided.into_iter().next()
    {
        return Ok(Some(CopyVerdict::Undecided(reason).into()));
    }
    if problems.is_empty()
        && let Some(class) = cold
    {
        return Ok(Some(CopyVerdict::Cold(class).into()));
    }
    let record = VerifyRecord { format: FORMAT, id: place.id.clone(), at: Timestamp::now(), level, problems };
    let kept = repository.write_verified(&place.tier, &place.database, &record).await;
    let unkept = kept.err().map(|error| error.to_string());
    let problems = record.problems;
    let verdict = if problems.is_empty() { CopyVerdict::Good } else { CopyVerdict::Damaged(problems) };
    Ok(Some(Verified { verdict, unkept }))
}

/// Looks at the packs of one backup that another refers to.
async fn look_at_reference(
    repository: &Repository,
    place: &Place,
    reference: &Reference,
    level: VerifyLevel,
    means: &Means,
    seen: &mut Seen,
) -> Result<Vec<Finding>, StreamError> {
    let damaged = |key: String, problem: &str| Finding::Damaged(VerifyProblem { key, problem: problem.to_owned() });
    let key = || manifest_key(&place.tier, &place.database, &place.id);
    let manifest = match repository.manifest(&place.tier, &place.database, &place.id).await {
        Ok(manifest) => manifest,
        Err(RepositoryError::Storage(StorageError::NotFound { .. })) => {
            return Ok(vec![damaged(key(), "it is missing, and another backup refers to it")]);
        }
        Err(RepositoryError::Broken { key, problem, .. }) => return Ok(vec![damaged(key, &problem)]),
        Err(error) => return Ok(vec![Finding::Undecided(error.to_string())]),
    };
    let mut findings = Vec::new();
    for pack in &reference.packs {
        findings.push(match manifest.objects.iter().find(|object| object.name == *pack) {
            Some(object) => look_once(repository, place, &manifest, object, level, means, seen).await?,
            None => damaged(key(), &format!("it does not name `{pack}`, to which another backup refers")),
        });
    }
    Ok(findings)
}

/// Looks at a file, unless it is a pack that was looked at already.
async fn look_once(
    repository: &Repository,
    place: &Place,
    manifest: &Manifest,
    object: &StoredObject,
    level: VerifyLevel,
    means: &Means,
    seen: &mut Seen,
) -> Result<Finding, StreamError> {
    if object.role != ObjectRole::Pack {
        return look(repository, place, manifest, object, level, means).await;
    }
    let key = stored_key(&place.tier, &place.database, &place.id, &object.name, object.key.as_deref());
    if let Some(finding) = seen.get(&key) {
        return Ok(finding.clone());
    }
    let finding = look(repository, place, manifest, object, level, means).await?;
    seen.insert(key, finding.clone());
    Ok(finding)
}

async fn look(
    repository: &Repository,
    place: &Place,
    manifest: &Manifest,
    object: &StoredObject,
    level: VerifyLevel,
    means: &Means,
) -> Result<Finding, StreamError> {
    let key = stored_key(&place.tier, &place.database, &place.id, &object.name, object.key.as_deref());
    let damaged = |problem: String| Ok(Finding::Damaged(VerifyProblem { key: key.clone(), problem }));
    let source = match repository.open(&place.tier, &place.database, &place.id, object).await {
        Ok(source) => source,
        Err(RepositoryError::Storage(StorageError::NotFound { .. })) => return damaged("it is missing".to_owned()),
        Err(RepositoryError::Storage(StorageError::Archived { class, .. })) => {
            return Ok(match repository.store.head(&key).await {
                Ok(Some(meta)) if meta.size == object.stored_bytes => Finding::Cold(class),
                Ok(Some(meta)) => {
                    let problem = format!("it has {} bytes instead of {}", meta.size, object.stored_bytes);
                    return damaged(problem);
                }
                Ok(None) => return damaged("it is missing".to_owned()),
                Err(error) => Finding::Undecided(error.to_string()),
            });
        }
        Err(error) => return Ok(Finding::Undecided(error.to_string())),
    };
    let is_deep = level == VerifyLevel::Deep;
    let expected = Expected::from(object);
    let task = format!("verify {} {} in {}", place.database, place.id, repository.name);
    let total = if is_deep { object.plain_bytes } else { object.stored_bytes };
    let is_dump = is_deep && object.role == ObjectRole::Dump && manifest.dump_format.is_custom();
    let job = Decode {
        source,
        what: key.clone(),
        layers: if is_deep { manifest.layers.clone() } else { Vec::new() },
        keys: means.keys.clone(),
        expected: Some(if is_deep { expected } else { as_stored(expected) }),
        content: if is_deep { Content::Digested } else { Content::AsStored },
        scan: is_dump.then(Scan::default),
        progress: Progress::new(means.observer.clone(), task, Some(total)),
        stop: means.stop.clone(),
    };
    let decoded = match decode(job, io::sink()).await {
        Ok(decoded) => decoded,
        Err(StreamError::Cancelled) => return Err(StreamError::Cancelled),
        Err(StreamError::Damaged(problem)) => return damaged(without_name(&problem, &key)),
        Err(error) => return Ok(Finding::Undecided(format!("`{key}`: {error}"))),
    };
    match decoded.scan.map(Scan::finish) {
        Some(Ok(_)) if !manifest.counts_rows() => Ok(Finding::Good),
        Some(Ok(summary)) => match rows_differ(&manifest.tables, &summary) {
            Some(problem) => damaged(problem),
            None => Ok(Finding::Good),
        },
        Some(Err(broken)) => damaged(broken.to_string()),
        None => Ok(Finding::Good),
    }
}

/// The stored bytes taken as they are: what comes out is what is stored.
fn as_stored(expected: Expected) -> Expected {
    Expected { plain_bytes: expected.stored_bytes, frames: 0, ..expected }
}

/// The problem without the file's name, which stands beside it.
fn without_name(problem: &str, key: &str) -> String {
    problem.strip_prefix(&format!("`{key}` is damaged: ")).unwrap_or(problem).to_owned()
}

/// The first table whose rows are not as many as the manifest says.
fn rows_differ(tables: &[TableRows], summary: &Summary) -> Option<String> {
    let said: BTreeMap<(&str, &str), u64> =
        tables.iter().map(|table| ((table.schema.as_str(), table.name.as_str()), table.rows)).collect();
    for ((schema, name), rows) in &summary.rows {
        match said.get(&(schema.as_str(), name.as_str())) {
            Some(expected) if expected == rows => {}
            Some(expected) => return Some(format!("`{schema}.{name}` has {rows} rows instead of {expected}")),
            None => return Some(format!("it holds `{schema}.{name}`, which its manifest does not know")),
        }
    }
    let absent =
        said.keys().find(|(schema, name)| !summary.rows.contains_key(&((*schema).to_owned(), (*name).to_owned())));
    absent.map(|(schema, name)| format!("it does not hold `{schema}.{name}`, which its manifest names"))
}
