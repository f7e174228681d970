//! `backstay verify`: proof that backups are what was written.

use super::catalogs::{PolicyCatalog, is_meant, read_catalogs, unknown_storage};
use super::list::unknown_database;
use super::verify_wal::read_wal;
use super::{Context, Exit};
use crate::base::BackupId;
use crate::catalog::{Inspection, VerifyLevel};
use crate::observe::observe_wal;
use crate::plan::due_proofs;
use crate::policy::Desired;
use crate::report::{self, Style};
use crate::stream::{StreamError, keys};
use crate::verify::{Means, Selection, continuity, verify};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Verify that backups are what was written
///
/// Reads every file of the backups and compares sizes and SHA-256 digests. With --deep it also decrypts and
/// decompresses them, follows the structure of each dump, compares the rows of every table with the manifest, and
/// checks the seal of every small file. Results are kept beside the manifests; `list` and `plan` show them.
/// Where WAL is archived, a segment that is missing between others counts as damage; with --deep each is read, as
/// by `wal verify`.
///
/// Exits 0 when everything is good, 8 when a file is damaged, 1 when something could not be looked at.
///
/// Examples:
///   backstay verify                              every backup in every storage
///   backstay verify app --deep
///   backstay verify app --due                    as timers call it
///   backstay verify --id 20261120T020000Z-k3f9 --storage local
///   backstay verify --json | jq -r '.damaged[].key'
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Only backups of this database
    #[arg(value_name = "DATABASE")]
    database: Option<String>,

    /// Only the backup with this id
    #[arg(long)]
    id: Option<BackupId>,

    /// Only copies in this storage
    #[arg(long, value_name = "STORAGE")]
    storage: Option<String>,

    /// Decrypt, decompress, read the dump's structure, compare every row count
    #[arg(long)]
    deep: bool,

    /// Only what `verify.schedule` asks for and was not verified since, as thoroughly as the policy says; nothing is
    /// looked at twice
    #[arg(long, conflicts_with_all = ["id", "storage", "deep"])]
    due: bool,
}

/// Reads the backups and shows what is wrong with them.
pub fn run(args: &Args, context: &Context) -> Exit {
    let inspected = async {
        if !args.due {
            return inspect(args, context).await.map(Some);
        }
        let catalogs = read_catalogs(context).await?;
        check_names(args, context, &catalogs)?;
        let is_wanted = |desired: &Desired, name: &str| is_meant(desired, args.database.as_deref(), name);
        verify_due(context, &catalogs, is_wanted).await
    };
    match context.block_on(inspected) {
        Ok(Ok(Some(inspection))) => show(context, &inspection),
        Ok(Ok(None)) => {
            if context.json {
                show(context, &Inspection::empty(VerifyLevel::Checksum));
            } else {
                context.tell("no verification is due");
            }
            Exit::Done
        }
        Ok(Err(exit)) => exit,
        Err(error) => {
            context.complain(error, None);
            Exit::Failed
        }
    }
}

async fn inspect(args: &Args, context: &Context) -> Result<Inspection, Exit> {
    let catalogs = read_catalogs(context).await?;
    check_names(args, context, &catalogs)?;
    let level = if args.deep { VerifyLevel::Deep } else { VerifyLevel::Checksum };
    let selection = Selection { database: args.database.clone(), id: args.id.clone(), ids: None };
    let mut all = Inspection::empty(level);
    for catalog in &catalogs {
        let (keys, absent) = keys(&catalog.desired, context.lookup.as_ref());
        if args.deep {
            for reason in absent {
                context.tell(format_args!("a key of the policy is not at hand here: {reason}"));
            }
        }
        let means = Means { keys, observer: context.observer(), stop: context.cancel.clone() };
        let is_wanted = |name: &&String| args.storage.as_ref().is_none_or(|wanted| wanted == *name);
        for name in catalog.desired.storages.keys().filter(is_wanted) {
            let Ok(place) = catalog.places.place(name) else { continue };
            // Also where reading the catalog failed: a damaged marker makes it fail.
            match verify(&place.repository, &selection, level, &means).await {
                Ok(found) => add(&mut all, found, name, catalog),
                Err(StreamError::Cancelled) => return Err(Exit::Interrupted),
                Err(error) => {
                    context.fail(&error);
                    return Err(Exit::Failed);
                }
            }
        }
        // One backup has nothing to do with what comes after it.
        if args.id.is_none() {
            let is_wanted = |name: &str| is_meant(&catalog.desired, args.database.as_deref(), name);
            add_wal(&mut all, context, catalog, is_wanted, args.storage.as_deref()).await;
            if args.deep {
                read_wal(&mut all, context, catalog, is_wanted, args.storage.as_deref()).await;
            }
            // What was not looked at any more is not said to be good.
            if context.cancel.is_cancelled() {
                return Err(Exit::Interrupted);
            }
        }
    }
    Ok(all)
}

/// Looks whether the archived WAL of the databases that are wanted is without a gap.
async fn add_wal(
    all: &mut Inspection,
    context: &Context,
    catalog: &PolicyCatalog,
    is_wanted: impl Fn(&str) -> bool,
    storage: Option<&str>,
) {
    let mut desired = catalog.desired.clone();
    desired.databases.retain(|name, spec| spec.wal.is_some() && is_wanted(name));
    if desired.databases.is_empty() {
        return;
    }
    let mut live = catalog.live.clone();
    observe_wal(&desired, &catalog.places, context.lookup.as_ref(), &mut live).await;
    for (name, spec) in &desired.databases {
        let named = spec.wal.iter().flat_map(|wal| &wal.to);
        let storages: Vec<&str> =
            named.map(String::as_str).filter(|to| storage.is_none_or(|only| only == *to)).collect();
        let found = continuity(&live, name, &storages, Timestamp::now());
        all.files.extend(found.missing);
        let known: Vec<String> = all.unreadable.iter().map(|(storage, _)| storage.clone()).collect();
        all.unreadable.extend(found.unreadable.into_iter().filter(|(storage, _)| !known.contains(storage)));
        for segment in found.on_their_way {
            context.tell(format_args!("{name}: {segment} is not archived though later WAL is; it may be on its way"));
        }
    }
}

/// Verifies what is due of the databases that are wanted. `None`: nothing is.
pub(super) async fn verify_due(
    context: &Context,
    catalogs: &[PolicyCatalog],
    is_wanted: impl Fn(&Desired, &str) -> bool,
) -> Result<Option<Inspection>, Exit> {
    let mut all: Option<Inspection> = None;
    for catalog in catalogs {
        let mut due: BTreeMap<(String, VerifyLevel), BTreeSet<BackupId>> = BTreeMap::new();
        let mut databases: BTreeSet<String> = BTreeSet::new();
        for proofs in due_proofs(&catalog.desired, &catalog.live, Timestamp::now()) {
            let Some(verification) = proofs.verify.filter(|_| is_wanted(&catalog.desired, &proofs.database)) else {
                continue;
            };
            databases.insert(proofs.database.clone());
            for (storage, _, id) in verification.copies {
                due.entry((storage, verification.level)).or_default().insert(id);
            }
        }
        let (keys, _) = keys(&catalog.desired, context.lookup.as_ref());
        let means = Means { keys, observer: context.observer(), stop: context.cancel.clone() };
        for ((storage, level), ids) in due {
            let Ok(place) = catalog.places.place(&storage) else { continue };
            let selection = Selection { ids: Some(ids), ..Selection::default() };
            let found = match verify(&place.repository, &selection, level, &means).await {
                Ok(found) => found,
                Err(StreamError::Cancelled) => return Err(Exit::Interrupted),
                Err(error) => {
                    context.fail(&error);
                    return Err(Exit::Failed);
                }
            };
            let all = all.get_or_insert_with(|| Inspection::empty(level));
            // Of two levels the one that holds for all is said.
            all.level = all.level.min(level);
            add(all, found, &storage, catalog);
        }
        if let Some(all) = &mut all {
            add_wal(all, context, catalog, |name| databases.contains(name), None).await;
        }
    }
    Ok(all)
}

/// Adds what was found in one storage. When nothing explains why its catalog could not be read, the reason is told.
fn add(all: &mut Inspection, found: Inspection, storage: &str, catalog: &PolicyCatalog) {
    let is_explained = !found.unreadable.is_empty() || !found.damage().is_empty();
    all.extend(found);
    let reasons = catalog.unreadable.iter().filter(|(name, _)| name == storage && !is_explained);
    all.unreadable.extend(reasons.cloned());
}

/// Refuses names and ids that nobody knows: a typing mistake must not look like a verified backup.
fn check_names(args: &Args, context: &Context, catalogs: &[PolicyCatalog]) -> Result<(), Exit> {
    let storages = catalogs.iter().flat_map(|catalog| catalog.desired.storages.keys());
    if let Some(wanted) = &args.storage
        && !storages.clone().any(|name| name == wanted)
    {
        return Err(unknown_storage(context, wanted, storages));
    }
    if let Some(wanted) = &args.database {
        let mut known: Vec<String> = catalogs.iter().flat_map(PolicyCatalog::databases).collect();
        known.extend(catalogs.iter().flat_map(|catalog| catalog.desired.databases.keys().cloned()));
        if !known.contains(wanted) {
            return Err(unknown_database(context, wanted, &known));
        }
    }
    if let Some(wanted) = &args.id {
        let is_known = catalogs.iter().flat_map(|catalog| &catalog.points).any(|point| point.id == *wanted);
        let is_complete = catalogs.iter().all(|catalog| catalog.unreadable.is_empty());
        if !is_known && is_complete {
            context.complain(format_args!("no storage has a backup `{wanted}`"), Some("Run `backstay list`."));
            return Err(Exit::Failed);
        }
    }
    Ok(())
}

/// Says what was found.
pub(super) fn show(context: &Context, inspection: &Inspection) -> Exit {
    let damage = inspection.damage();
    if context.json {
        context.say(report::inspection_json(inspection));
    } else if !context.quiet || !damage.is_empty() || inspection.is_partial() {
        context.say(report::inspection(inspection, Style { colour: context.colour, width: context.width }));
    }
    if !damage.is_empty() {
        Exit::Damaged
    } else if inspection.is_partial() {
        Exit::Failed
    } else {
        Exit::Done
    }
}
