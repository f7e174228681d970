//! `backstay drill`: proof that a backup restores.

use super::catalogs::{PolicyCatalog, is_meant, read_catalogs};
use super::list::unknown_database;
use super::restore_cluster;
use super::typed_connection::typed_connection;
use super::{Context, Exit};
use crate::apply::run_id;
use crate::base::BackupId;
use crate::catalog::wal::way;
use crate::catalog::{Choice, DrillRecord, Method, RecoveryTarget, Wish, choose, is_ahead};
use crate::diag::{Explain, codes};
use crate::drill::{DrillError, Means, Order, Recovery, Where, drill, keep};
use crate::plan::due_proofs;
use crate::policy::{DatabaseSpec, Desired};
use crate::report::{self, NotHeld, Style};
use crate::restore::RestoreError;
use jiff::Timestamp;

/// Restore a backup for practice, and keep what came of it
///
/// Starts a throwaway PostgreSQL of the backup's version in $TMPDIR (as an unprivileged user when run by root), restores
/// into it, compares every table with the manifest, asks the checks of the policy, measures how long it takes, and
/// removes everything. The record is kept in the stores that hold the backup. No hook of the policy is run, and the
/// database itself is not touched. A physical backup is brought back whole, recovered as far as the archived WAL goes,
/// and looked through by pg_amcheck, where this machine has it.
///
/// Exits 0 when it passed, 8 when it did not, 1 when it could not be held.
///
/// Examples:
///   backstay drill app                            the newest backup of the tier that the policy drills
///   backstay drill app --id 20261120T020000Z-k3f9
///   backstay drill tenants                        each database of an entry with `match`
///   backstay drill app --due                      only when `drill.schedule` asks for it, as timers call it
///   backstay drill app --server '${env:SCRATCH_URL}'
///   backstay drill app --json | jq .drills[].restore_ms
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Name of the database in the policy
    database: String,

    /// The backup with this id
    #[arg(long)]
    id: Option<BackupId>,

    /// The newest backup of this tier, instead of the one that the policy names
    #[arg(short, long)]
    tier: Option<String>,

    /// Only what `drill.schedule` asks for and was not drilled since
    #[arg(long, conflicts_with_all = ["id", "tier"])]
    due: bool,

    /// Restore into a database that is made on this server and dropped again; a URL, or a reference to one
    #[arg(long, value_name = "URL")]
    server: Option<String>,
}

/// Holds the drills and says what came of them.
pub fn run(args: &Args, context: &Context) -> Exit {
    match context.block_on(held(args, context)) {
        Ok(Ok(held)) => {
            if held.is_empty() && !context.json {
                context.tell("no drill is due");
            }
            held.show(context)
        }
        Ok(Err(exit)) => exit,
        Err(error) => {
            context.complain(error, None);
            Exit::Failed
        }
    }
}

async fn held(args: &Args, context: &Context) -> Result<Held, Exit> {
    let ground = match &args.server {
        None => Where::Own,
        Some(url) => Where::Given(typed_connection(url, context)?.map_err(|error| {
            context.fail(&error);
            Exit::Failed
        })?),
    };
    let catalogs = read_catalogs(context).await?;
    let is_known = |catalog: &PolicyCatalog| {
        catalog.desired.databases.contains_key(&args.database) || catalog.has_database(&args.database)
    };
    let Some(catalog) = catalogs.iter().find(|catalog| is_known(catalog)) else {
        let known: Vec<String> = catalogs.iter().flat_map(PolicyCatalog::databases).collect();
        return Err(unknown_database(context, &args.database, &known));
    };
    for (storage, problem) in &catalog.unreadable {
        context.warn(format_args!("storage `{storage}` could not be read: {problem}"));
    }
    let is_wanted = |desired: &Desired, name: &str| is_meant(desired, Some(&args.database), name);
    if args.due {
        return Ok(drill_due(context, std::slice::from_ref(catalog), &ground, is_wanted).await);
    }
    let mut names: Vec<String> = catalog.points.iter().map(|point| point.database.clone()).collect();
    names.retain(|name| is_wanted(&catalog.desired, name));
    names.dedup();
    if names.is_empty() {
        // Nothing is there to choose from, which the choice says best.
        names.push(args.database.clone());
    }
    let mut held = Held::default();
    for name in &names {
        held.hold(context, catalog, name, args.id.as_ref(), args.tier.as_deref(), &ground).await;
    }
    Ok(held)
}

/// Holds the drills that are due of the databases that are wanted.
pub(super) async fn drill_due(
    context: &Context,
    catalogs: &[PolicyCatalog],
    ground: &Where,
    is_wanted: impl Fn(&Desired, &str) -> bool,
) -> Held {
    let mut held = Held::default();
    for catalog in catalogs {
        for proofs in due_proofs(&catalog.desired, &catalog.live, Timestamp::now()) {
            if proofs.drill.is_some() && is_wanted(&catalog.desired, &proofs.database) {
                held.hold(context, catalog, &proofs.database, None, None, ground).await;
            }
        }
    }
    held
}

/// What came of some drills.
#[derive(Default)]
pub(super) struct Held {
    /// Those that were held.
    pub(super) records: Vec<DrillRecord>,
    /// Those that could not be.
    pub(super) not_held: Vec<NotHeld>,
    is_interrupted: bool,
}

impl Held {
    /// True when there was nothing to do.
    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty() && self.not_held.is_empty() && !self.is_interrupted
    }

    async fn hold(
        &mut self,
        context: &Context,
        catalog: &PolicyCatalog,
        name: &str,
        id: Option<&BackupId>,
        tier: Option<&str>,
        ground: &Where,
    ) {
        if context.cancel.is_cancelled() {
            self.is_interrupted = true;
            return;
        }
        match one(context, catalog, name, id, tier, ground).await {
            Ok(record) => self.records.push(record),
            Err(DrillError::Interrupted) => self.is_interrupted = true,
            Err(error) => {
                context.fail(&error);
                let (code, problem) = (error.code().id, error.to_string());
                self.not_held.push(NotHeld { database: name.to_owned(), code, problem });
            }
        }
    }

    /// Says what came of them.
    pub(super) fn show(&self, context: &Context) -> Exit {
        let style = Style { colour: context.colour, width: context.width };
        if context.json {
            context.say(report::drills_json(&self.records, &self.not_held));
        } else {
            let is_worth_telling = |record: &&DrillRecord| !context.quiet || !record.has_passed();
            self.records.iter().filter(is_worth_telling).for_each(|record| context.say(report::drill(record, style)));
        }
        for record in self.records.iter().filter(|record| !record.has_passed()) {
            let (database, id) = (&record.database, &record.id);
            context.warn(format_args!(
                "error[{}]: backup {id} of {database} did not pass its drill: {}",
                codes::DRILL_FAILED.id,
                record.problems.join("; ")
            ));
            context
                .warn(format_args!("hint: Look at it with `backstay restore {database} --from {id} --into NEW_DB`."));
        }
        if self.is_interrupted {
            Exit::Interrupted
        } else if self.records.iter().any(|record| !record.has_passed()) {
            Exit::Damaged
        } else if self.not_held.is_empty() {
            Exit::Done
        } else {
            Exit::Failed
        }
    }
}

/// What is drilled: the backup named, or one of the tier; of a database that has both kinds, a dump.
fn method(catalog: &PolicyCatalog, spec: &DatabaseSpec, id: Option<&BackupId>, tier: Option<&str>) -> Method {
    let named = id.and_then(|id| catalog.points.iter().find(|point| point.id == *id));
    if let Some(backup) = named.and_then(|point| point.best()) {
        return backup.backup.method;
    }
    let of = |tier: &str| catalog.desired.tiers.get(tier).map(|spec| spec.method);
    let tiers = tier.into_iter().chain(spec.tiers.iter().map(String::as_str).filter(|_| tier.is_none()));
    let is_physical = tiers.filter_map(of).all(|method| method == Method::Physical);
    if is_physical { Method::Physical } else { Method::Logical }
}

/// How far a cluster is recovered: as far as the archive goes, if it leads anywhere from that backup.
async fn recovery(context: &Context, catalog: &PolicyCatalog, name: &str, choice: &Choice<'_>) -> Recovery {
    let nowhere = Recovery { target: RecoveryTarget::Immediate, way: None, restore_command: None };
    let Some(cluster) = choice.copy.backup.cluster.as_ref() else { return nowhere };
    let wal = restore_cluster::archived(name, &cluster.system_identifier, context, catalog).await;
    match way(wal.as_ref(), cluster, &RecoveryTarget::Latest, None) {
        Ok(way) => Recovery {
            target: RecoveryTarget::Latest,
            way: Some(way),
            restore_command: restore_cluster::restore_command(catalog, name),
        },
        Err(_) => nowhere,
    }
}

/// Chooses, drills, and keeps the record.
async fn one(
    context: &Context,
    catalog: &PolicyCatalog,
    name: &str,
    id: Option<&BackupId>,
    tier: Option<&str>,
    ground: &Where,
) -> Result<DrillRecord, DrillError> {
    let unknown = || RestoreError::Unsupported(format!("the policy has no database `{name}`"));
    let database = catalog.desired.database(name).ok_or_else(unknown)?;
    let of_policy = database.spec.drill.as_ref().and_then(|drill| drill.tier.as_deref());
    let tier = tier.or(of_policy.filter(|_| id.is_none()));
    let ahead = catalog.points.iter().filter(|point| is_ahead(&point.id, Timestamp::now()));
    let except: Vec<_> = ahead.map(|point| (point.id.clone(), "is dated in the future".to_owned())).collect();
    let method = method(catalog, database.spec, id, tier);
    let wish = Wish { database: name, id, method, tier, storage: None, except: &except };
    let choice = choose(&catalog.points, &wish, &catalog.searched).map_err(RestoreError::from)?;
    let repositories = catalog.places.repositories();
    let recovery = recovery(context, catalog, name, &choice).await;
    let order = Order { desired: &catalog.desired, name, database, choice, ground: ground.clone(), recovery };
    let means = Means {
        repositories: &repositories,
        lookup: context.lookup.clone(),
        observer: context.observer(),
        cancel: context.cancel.clone(),
        run: run_id(Timestamp::now()),
    };
    let record = drill(&order, &means).await?;
    if let Some(unkept) = keep(&record, &order.choice, &repositories).await {
        for (storage, error) in &unkept.failed {
            context.warn(format_args!("warning: the record of the drill could not be kept at {storage}: {error}"));
        }
        if unkept.is_lost {
            let code = codes::DRILL_UNKEPT.id;
            context.warn(format_args!("warning[{code}]: no storage keeps the record of the drill of {}", record.id));
        }
    }
    Ok(record)
}
