//! The deed: every dump whose name fits is read, judged, and described by a manifest.

use super::AdoptError;
use super::examine::{Examined, Reading, Said, examine};
use super::identity::{Belongs, kind, other_database, suffix, version_number};
use crate::backup::origin;
use crate::base::{BackupId, Period, total};
use crate::catalog::{Adopted, Contents, FORMAT, Manifest, Method, ObjectRole, Source, StoredObject, is_ahead};
use crate::codec::Keys;
use crate::event::Observer;
use crate::moving::{Adoption, Candidate, Fate, Named, OldDump, Pattern, Taken, candidates};
use crate::policy::{CopySpec, DatabaseSpec, Desired, PruneBy, StorageKind};
use crate::repository::{LEASE_TTL, Repository, RepositoryError, layout, this_process};
use crate::storage::{ObjectMeta, StorageError};
use crate::stream::digest_for;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::io::AsyncReadExt;
use tokio_util::sync::CancellationToken;

/// What is to be adopted, and as what.
pub struct Order<'a> {
    /// The policy.
    pub desired: &'a Desired,
    /// The storage, opened.
    pub repository: &'a Repository,
    /// The folder inside the storage, as typed.
    pub folder: &'a str,
    /// How the names go.
    pub pattern: &'a Pattern,
    /// The same as typed.
    pub pattern_text: &'a str,
    /// In which the moments in the names are read.
    pub zone: &'a TimeZone,
    /// Name of the database entry.
    pub entry: &'a str,
    /// Name of the tier.
    pub tier: &'a str,
    /// Name that the database has in the dumps, where that is known.
    pub source: Option<&'a str>,
    /// Only look.
    pub is_dry_run: bool,
    /// Id of the run.
    pub run: &'a str,
}

/// What adopting works with.
pub struct Means {
    /// What can decrypt.
    pub keys: Keys,
    /// Who is told how far it is.
    pub observer: Arc<dyn Observer>,
    /// Cancelled to stop.
    pub stop: CancellationToken,
}

/// The longest digest file that is read.
const MAX_DIGEST_FILE: u64 = 64 << 10;
/// Names shown when none fits.
const SHOWN: usize = 3;

/// Adopts one after the other. Those that were adopted stay so whatever becomes of the rest; may be repeated.
pub async fn adopt(order: &Order<'_>, means: &Means) -> Result<Adoption, AdoptError> {
    let copy = check(order)?;
    let repository = order.repository;
    let location = repository.store.location();
    if repository.marker().await?.is_none() {
        return Err(AdoptError::Impossible {
            problem: format!("{location} is no repository yet"),
            hint: "Run `backstay apply --only infra` first.".to_owned(),
        });
    }
    let contents = repository.read().await?;
    let prefix = prefix(order.folder);
    let listing = repository.store.list(&prefix).await.map_err(RepositoryError::from)?;
    let metas: BTreeMap<&str, &ObjectMeta> = listing.iter().map(|meta| (meta.key.as_str(), meta)).collect();
    let keys: Vec<String> = listing.iter().map(|meta| meta.key.clone()).collect();
    let (found, others) = candidates(&keys, &prefix, order.pattern, order.zone, layout::is_inside);
    if found.is_empty() {
        let there = others.iter().take(SHOWN).map(|key| key[prefix.len()..].to_owned()).collect();
        let (prefix, pattern) = (order.folder.to_owned(), order.pattern_text.to_owned());
        return Err(AdoptError::Nothing { prefix, location, pattern, there });
    }
    let mut round = Round { order, means, copy, known: Known::of(&contents), now: Timestamp::now() };
    let mut dumps = Vec::with_capacity(found.len());
    for candidate in found {
        let Some(meta) = metas.get(candidate.key.as_str()) else { continue };
        let at = candidate.named.as_ref().ok().map(|named| named.at);
        let (key, bytes) = (candidate.key.clone(), meta.size);
        let fate = round.judge(&candidate).await?;
        dumps.push(OldDump { key, bytes, at, fate });
    }
    dumps.sort_by(|a, b| (a.at, &a.key).cmp(&(b.at, &b.key)));
    let (storage, tier, is_dry_run) = (repository.name.clone(), order.tier.to_owned(), order.is_dry_run);
    Ok(Adoption { storage, location, tier, dumps, others, is_dry_run })
}

/// The copy that the policy wants there, or why there can be none.
fn check<'a>(order: &Order<'a>) -> Result<&'a CopySpec, AdoptError> {
    let (desired, storage) = (order.desired, &order.repository.name);
    let impossible = |problem: String, hint: String| Err(AdoptError::Impossible { problem, hint });
    let Some(spec) = desired.databases.get(order.entry) else {
        return impossible(
            format!("the policy has no database `{}`", order.entry),
            "Name an entry of `databases` with `--database`; of one with `match`, the entry.".to_owned(),
        );
    };
    let tiers = || spec.tiers.iter().map(|tier| format!("`{tier}`")).collect::<Vec<_>>().join(", ");
    let tier = desired.tiers.get(order.tier).filter(|_| spec.tiers.iter().any(|tier| tier == order.tier));
    let Some(tier) = tier else {
        return impossible(
            format!("database `{}` has no tier `{}`", order.entry, order.tier),
            format!("It has {}.", tiers()),
        );
    };
    let Some(copy) = tier.copies.iter().find(|copy| copy.to == *storage) else {
        return impossible(
            format!("tier `{}` keeps no copy at `{storage}`, so nothing would say how long they stay", order.tier),
            format!("Add `{{ to: {storage}, keep: … }}` to `tiers.{}.copies`, or choose another tier.", order.tier),
        );
    };
    if let Some(StorageKind::S3(bucket)) = desired.storages.get(storage).map(|spec| &spec.kind)
        && bucket.prune == PruneBy::Lifecycle
    {
        return impossible(
            format!("S3 deletes what expires from `{storage}` by its own rules, and they do not reach old dumps"),
            format!("Say `prune: backstay` for `{storage}` while old dumps are kept there."),
        );
    }
    if spec.matching.is_some() && !order.pattern.has_database() && order.source.is_none() {
        return impossible(
            format!("`{}` means many databases, and the names of the dumps do not say which", order.entry),
            "Put `{database}` into the pattern, or name it with `--dumped-from`.".to_owned(),
        );
    }
    Ok(copy)
}

/// The folder as keys begin with it.
fn prefix(folder: &str) -> String {
    let folder = folder.trim_start_matches("./").trim_matches('/');
    if folder.is_empty() || folder == "." { String::new() } else { format!("{folder}/") }
}

/// Backups that are there, by their adopted files and by id; and files whose removal is under way.
struct Known {
    by_key: BTreeMap<String, BackupId>,
    ids: BTreeMap<BackupId, Option<String>>,
    leaving: Vec<String>,
}

impl Known {
    fn of(contents: &Contents) -> Known {
        let own = |b: &crate::catalog::Backup| b.objects.iter().find_map(|object| object.key.clone());
        let by_key = contents.backups.iter().filter_map(|b| Some((own(b)?, b.id.clone()))).collect();
        let ids = contents.backups.iter().map(|b| (b.id.clone(), own(b))).collect();
        let leaving = contents.leftovers.iter().flat_map(|leftover| leftover.keys.iter().cloned()).collect();
        Known { by_key, ids, leaving }
    }
}

struct Round<'a> {
    order: &'a Order<'a>,
    means: &'a Means,
    copy: &'a CopySpec,
    known: Known,
    now: Timestamp,
}

impl Round<'_> {
    async fn judge(&mut self, candidate: &Candidate) -> Result<Fate, AdoptError> {
        let key = &candidate.key;
        if let Some(id) = self.known.by_key.get(key) {
            return Ok(Fate::Known(id.clone()));
        }
        if self.known.leaving.contains(key) {
            return Ok(Fate::Refused("its removal was begun: `backstay apply` goes on with it".to_owned()));
        }
        let named = match &candidate.named {
            Ok(named) => named,
            Err(problem) => return Ok(Fate::Refused(problem.clone())),
        };
        let belongs = match self.belongs(named) {
            Ok(belongs) => belongs,
            Err(problem) => return Ok(Fate::Refused(problem)),
        };
        if is_ahead(&BackupId::new(named.at, 0), self.now) {
            return Ok(Fate::Refused("its name is dated in the future".to_owned()));
        }
        // As it is now: it is compared with how it is when it was read.
        let head = self.order.repository.store.head(key).await.map_err(RepositoryError::from)?;
        let Some(meta) = &head else { return Ok(Fate::Refused("it is gone".to_owned())) };
        let (keys, observer, stop) = (&self.means.keys, &self.means.observer, &self.means.stop);
        let reading = Reading { store: self.order.repository.store.as_ref(), keys, observer, stop };
        let examined = match examine(meta, &reading).await? {
            Ok(examined) => examined,
            Err(problem) => return Ok(Fate::Refused(problem)),
        };
        let has_digest = match self.digest(candidate, &examined).await {
            Ok(has_digest) => has_digest,
            Err(problem) => return Ok(Fate::Refused(problem)),
        };
        if let Some(problem) = other_database(&belongs, &examined.said) {
            return Ok(Fate::Refused(problem));
        }
        let id = BackupId::new(named.at, suffix(&examined));
        match self.known.ids.get(&id) {
            Some(Some(other)) => {
                return Ok(Fate::Refused(format!("it has the same bytes as `{other}`, which is {id}")));
            }
            Some(None) => return Ok(Fate::Known(id)),
            None => {}
        }
        let taken = Taken {
            id: id.clone(),
            database: belongs.database.clone(),
            kind: kind(&examined),
            rows: examined.said.tables.as_ref().map(|tables| total(tables.iter().map(|table| table.rows))),
            has_digest,
            beside: candidate.beside.clone(),
            is_past_keep: self.copy.keep.period().is_some_and(|keep| Period::between(named.at, self.now) >= keep),
        };
        if !self.order.is_dry_run {
            let manifest = self.manifest(candidate, belongs, &id, examined, meta);
            if let Some(problem) = self.write(&manifest, meta).await? {
                return Ok(Fate::Refused(problem));
            }
        }
        self.known.ids.insert(id, Some(key.clone()));
        Ok(Fate::Adopted(taken))
    }

    /// Which database the name and the order mean.
    fn belongs(&self, named: &Named) -> Result<Belongs, String> {
        let entry = self.order.entry;
        let spec: &DatabaseSpec = match self.order.desired.databases.get(entry) {
            Some(spec) => spec,
            None => return Err(format!("the policy has no database `{entry}`")),
        };
        let said = named.database.as_deref();
        let Some(patterns) = &spec.matching else {
            return match (said, self.order.source) {
                (Some(said), Some(source)) if said != source => {
                    Err(format!("its name says database `{said}`, and `{entry}` is `{source}`"))
                }
                (said, source) => {
                    Ok(Belongs { database: entry.to_owned(), source: source.or(said).map(str::to_owned) })
                }
            };
        };
        let name = said.or(self.order.source).unwrap_or_default();
        if !patterns.matches(name) {
            return Err(format!("`{entry}` does not mean a database `{name}`"));
        }
        Ok(Belongs { database: format!("{entry}.{name}"), source: Some(name.to_owned()) })
    }

    /// Compares the digest file beside a dump, if there is one.
    async fn digest(&self, candidate: &Candidate, examined: &Examined) -> Result<bool, String> {
        let beside = format!("{}.sha256", candidate.key);
        if !candidate.beside.contains(&beside) {
            return Ok(false);
        }
        let mut text = String::new();
        let body = self.order.repository.store.get(&beside, None).await.map_err(|error| error.to_string())?;
        let read = body.take(MAX_DIGEST_FILE).read_to_string(&mut text).await;
        read.map_err(|error| format!("`{beside}` cannot be read: {error}"))?;
        let name = candidate.key.rsplit('/').next().unwrap_or(&candidate.key);
        match digest_for(&text, name) {
            None => Err(format!("`{beside}` holds no SHA-256 digest of it")),
            Some(digest) if digest == examined.stored_sha256 => Ok(true),
            Some(digest) => Err(format!(
                "it is damaged: its SHA-256 is {}… and `{beside}` says {}…",
                examined.stored_sha256.short(),
                digest.short()
            )),
        }
    }

    fn manifest(
        &self,
        candidate: &Candidate,
        belongs: Belongs,
        id: &BackupId,
        examined: Examined,
        meta: &ObjectMeta,
    ) -> Manifest {
        let Said { database, server_version, dump_version, n_tables, tables } = examined.said;
        let dump_program = dump_version.map_or_else(String::new, |version| format!("pg_dump (PostgreSQL) {version}"));
        let key = candidate.key.clone();
        Manifest {
            format: FORMAT,
            id: id.clone(),
            policy: self.order.desired.name.clone(),
            database: belongs.database,
            tier: self.order.tier.to_owned(),
            method: Method::Logical,
            started_at: id.started(),
            // When a file was last written says little: it may have been copied.
            finished_at: id.started(),
            source: Source {
                database: database.or(belongs.source).unwrap_or_default(),
                host: String::new(),
                server_version_num: version_number(&server_version),
                server_version,
                system_identifier: None,
                start_lsn: None,
                encoding: "UTF8".to_owned(),
                database_bytes: 0,
                table_count: n_tables,
                extensions: Vec::new(),
                in_recovery: false,
            },
            origin: origin(dump_program, self.order.run),
            layers: examined.layers,
            objects: vec![StoredObject {
                name: key.rsplit('/').next().unwrap_or(&key).to_owned(),
                role: ObjectRole::Dump,
                stored_bytes: examined.stored_bytes,
                stored_sha256: examined.stored_sha256,
                plain_bytes: examined.plain_bytes,
                plain_blake3: examined.plain_blake3,
                frames: 0,
                class: meta.class,
                lock: None,
                key: Some(key),
                beside: candidate.beside.clone(),
            }],
            adopted: Some(Adopted { at: self.now, counts_rows: tables.is_some() }),
            cluster: None,
            tables: tables.unwrap_or_default(),
            constraints_not_valid: Vec::new(),
            dump_format: examined.format,
        }
    }

    /// Writes the manifest, if the file is still the one that was read. Returns why not.
    async fn write(&self, manifest: &Manifest, meta: &ObjectMeta) -> Result<Option<String>, AdoptError> {
        let repository = self.order.repository;
        let lease = repository.lock(&manifest.database, this_process(self.order.run, "adopt"), LEASE_TTL).await?;
        let written = async {
            let found = repository.store.head(&meta.key).await?;
            if found.is_none_or(|found| found.etag != meta.etag || found.size != meta.size) {
                return Ok(Some("it changed while it was read".to_owned()));
            }
            lease.check()?;
            match repository.write_manifest(manifest).await {
                Ok(()) => Ok(None),
                Err(RepositoryError::Storage(StorageError::AlreadyExists { .. })) => {
                    Ok(Some(format!("another run just made {} of it", manifest.id)))
                }
                Err(error) => Err(error),
            }
        };
        let written: Result<Option<String>, RepositoryError> = written.await;
        // One that cannot be given back expires.
        let _ = lease.release().await;
        Ok(written?)
    }
}
