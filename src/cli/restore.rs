//! `backstay restore DATABASE`: bring data back.

use super::catalogs::{PolicyCatalog, ask_thaws, read_catalogs, unknown_storage};
use super::list::unknown_database;
use super::rescue;
pub use super::restore_args::Args;
use super::restore_cluster;
use super::thaw::{Cold, make_readable};
use super::typed_connection::typed_connection;
use super::{Context, Exit};
use crate::alert::{DeedEnd, DeedKind, Topic};
use crate::base::BackupId;
use crate::catalog::{Method, RestorePoint, Wish, choose, is_ahead};
use crate::diag::Explain;
use crate::diag::nearest;
use crate::observe::{Ground, Place};
use crate::plan::Prices;
use crate::report::{self, Style};
use crate::repository::{Repository, RepositoryError};
use crate::restore::{
    Destination, From, Hands, Old, Owners, Prepared, Request, RestoreError, SafetyRule, Tablespaces, carry_out,
    is_safety_backup, prepare,
};
use indexmap::IndexMap;
use jiff::Timestamp;
use std::path::PathBuf;

/// Restores and says what is now where.
pub fn run(args: &Args, context: &Context) -> Exit {
    match context.block_on(restore(args, context)) {
        Ok(exit) => exit,
        Err(error) => {
            context.complain(error, None);
            Exit::Failed
        }
    }
}

async fn restore(args: &Args, context: &Context) -> Exit {
    let catalogs = match read_catalogs(context).await {
        Ok(catalogs) => catalogs,
        Err(exit) => return exit,
    };
    let Some(catalog) = catalogs.iter().find(|catalog| catalog.has_database(&args.database)) else {
        return unknown(args, context, &catalogs);
    };
    for (storage, problem) in &catalog.unreadable {
        context.warn(format_args!("storage `{storage}` could not be read: {problem}"));
    }
    match work(args, context, catalog).await {
        Ok(exit) => exit,
        Err(error) => {
            context.fail(&error);
            exit_of(&error)
        }
    }
}

fn unknown(args: &Args, context: &Context, catalogs: &[PolicyCatalog]) -> Exit {
    let known: Vec<String> = catalogs.iter().flat_map(PolicyCatalog::databases).collect();
    if known.contains(&args.database) {
        context.complain(
            format_args!("database `{}` is in a storage and not in the policy any more", args.database),
            Some("Add it to the policy again, with the connection to restore to and the encryption it had."),
        );
        return Exit::Failed;
    }
    unknown_database(context, &args.database, &known)
}

async fn work(args: &Args, context: &Context, catalog: &PolicyCatalog) -> Result<Exit, RestoreError> {
    if let Some(storage) = args.storage.as_deref().filter(|name| !catalog.desired.storages.contains_key(*name)) {
        return Ok(unknown_storage(context, storage, catalog.desired.storages.keys()));
    }
    if !catalog.points.iter().any(|point| point.id.as_str() == args.from)
        && let Some(unread) = catalog.unread(&args.from)
    {
        return Err(unread.into());
    }
    if args.cluster.target_dir.is_some() || args.cluster.names_target() || args.cluster.renamed.is_some() {
        if args.cluster.target_dir.is_none() && args.tables.is_empty() {
            context.complain(
                "recovery to a point in time is for a whole cluster or for tables",
                Some("Add `--target-dir DIR`, or `--table NAME` with `--into DATABASE`."),
            );
            return Ok(Exit::Usage);
        }
        let choice = restore_cluster::Choice {
            database: &args.database,
            from: &args.from,
            tier: args.tier.as_deref(),
            storage: args.storage.as_deref(),
            jobs: args.jobs,
            is_dry_run: args.dry_run,
            yes: args.yes,
        };
        if args.cluster.target_dir.is_none() {
            return rescue::work(&args.cluster, &choice, &args.tables, args.into.as_deref(), context, catalog).await;
        }
        return restore_cluster::work(&args.cluster, &choice, context, catalog).await;
    }
    let Some(database) = catalog.desired.database(&args.database) else { return Ok(Exit::Failed) };
    let to = match destination(args, context) {
        Ok(to) => to?,
        Err(exit) => return Ok(exit),
    };
    let repositories = catalog.places.repositories();
    let mut points = catalog.points.clone();
    ask_thaws(&mut points, |point| point.database == args.database, &repositories).await;
    let mut except = Vec::new();
    let Some(from) = from(args, context, (&points, &mut except), &catalog.searched, &repositories).await? else {
        return Ok(Exit::Failed);
    };
    let hands = Hands {
        repositories: &repositories,
        lookup: context.lookup.as_ref(),
        observer: context.observer(),
        cancel: context.cancel.clone(),
        // Without a source of randomness the process id keeps two runs of one second apart.
        run: BackupId::new(Timestamp::now(), getrandom::u32().unwrap_or_else(|_| std::process::id())).to_string(),
    };
    if let From::Backup(choice) = &from {
        let wish = wish(args, None, &except);
        let is_dry_run = args.dry_run;
        let prices = catalog.places.place(&choice.copy.storage).is_ok_and(is_on_aws).then(Prices::built_in);
        let prices = prices.as_ref();
        let cold = Cold { database: &args.database, choice, points: &points, wish: &wish, prices, is_dry_run };
        if let Some(exit) = make_readable(&args.thaw, context, &cold, &hands).await? {
            return Ok(exit);
        }
    }
    let request = Request {
        desired: &catalog.desired,
        name: &args.database,
        database,
        from,
        to,
        tables: args.tables.clone(),
        jobs: args.jobs,
        owners: if args.no_owner { Owners::LeftOut } else { Owners::AsBackedUp },
        tablespaces: if args.no_tablespaces { Tablespaces::LeftOut } else { Tablespaces::AsBackedUp },
        old: if args.drop_old { Old::Dropped } else { Old::Kept },
        safety: if args.skip_safety_backup { SafetyRule::Skipped } else { SafetyRule::AsNeeded },
    };
    let note = |end: DeedEnd| {
        context.diary.note(&catalog.desired.name, DeedKind::Restore, Topic::database(&args.database), end);
    };
    let failed =
        |error: &RestoreError| DeedEnd::Failed { problem: error.to_string(), code: Some(error.code().id.to_owned()) };
    let prepared = match prepare(request, &points, &hands).await {
        Ok(prepared) => prepared,
        // Nothing was begun; but who wanted the data does not get them.
        Err(error) if error.is_damage() => {
            note(failed(&error));
            return Err(error);
        }
        Err(error) => return Err(error),
    };
    if let Some(exit) = shown_or_refused(args, context, &prepared) {
        return Ok(exit);
    }
    let restored = match carry_out(prepared, &hands).await {
        Ok(restored) => restored,
        Err(error) => {
            note(failed(&error));
            return Err(error);
        }
    };
    note(DeedEnd::Good(said(args)));
    if context.json {
        context.say(report::restored_json(&restored));
    } else {
        context.say(report::restored(&restored, style(context)));
    }
    Ok(Exit::Done)
}

/// What a restore did, as far as the words typed say it; the URL of another server may be a secret.
fn said(args: &Args) -> String {
    let to = match (&args.into, args.in_place) {
        (Some(name), _) => format!("into the database `{name}`"),
        (None, true) => "in place".to_owned(),
        (None, false) => "to another server".to_owned(),
    };
    format!("{} was restored {to}", args.from)
}

/// True where the prices of AWS hold.
fn is_on_aws(place: &Place) -> bool {
    matches!(&place.ground, Ground::Bucket { place, .. } if place.endpoint.is_none())
}

fn style(context: &Context) -> Style {
    Style { colour: context.colour, width: context.width }
}

/// Shows the plan of a dry run, or asks where something is replaced. `Some`: it ends here.
fn shown_or_refused(args: &Args, context: &Context, prepared: &Prepared<'_>) -> Option<Exit> {
    let now = Timestamp::now();
    if args.dry_run {
        if context.json {
            context.say(report::restoration_json(&prepared.plan));
        } else {
            context.say(report::restoration(&prepared.plan, now, style(context)));
            context.tell("nothing was changed");
        }
        return Some(Exit::Done);
    }
    let plan = report::restoration(&prepared.plan, now, Style { colour: context.colour_err, width: context.width });
    context.tell(plan.trim_end());
    if !args.in_place || args.yes {
        return None;
    }
    if !context.can_ask() {
        context.complain(
            "replacing needs a word, and there is no terminal to ask on; nothing was changed",
            Some("Add `--yes`, or look first with `--dry-run`."),
        );
        return Some(Exit::Refused);
    }
    let target = &prepared.plan.target;
    let what = if prepared.plan.tables.is_empty() { "database" } else { "tables in database" };
    if context.ask(&format!("Replace {what} `{}` on {}?", target.database, target.server)) {
        return None;
    }
    context.tell("nothing was changed");
    Some(if context.cancel.is_cancelled() { Exit::Interrupted } else { Exit::Refused })
}

/// The longest name that PostgreSQL gives a database, in bytes.
const MAX_NAME_BYTES: usize = 63;

/// The inner result is about the world, the outer about the words typed.
fn destination(args: &Args, context: &Context) -> Result<Result<Destination, RestoreError>, Exit> {
    if let Some(name) = &args.into {
        // PostgreSQL cuts longer names without a word.
        if name.is_empty() || name.len() > MAX_NAME_BYTES {
            let problem = format!("`{name}` cannot be the name of a database: it has {} bytes", name.len());
            context.complain(problem, Some("Choose a name of 1 to 63 bytes with `--into`."));
            return Err(Exit::Usage);
        }
        return Ok(Ok(Destination::Into(name.clone())));
    }
    let Some(url) = &args.to_connection else { return Ok(Ok(Destination::InPlace)) };
    Ok(typed_connection(url, context)?.map(Destination::Elsewhere).map_err(RestoreError::from))
}

/// What is asked for, in the words of the catalog.
fn wish<'a>(args: &'a Args, id: Option<&'a BackupId>, except: &'a [(BackupId, String)]) -> Wish<'a> {
    let (tier, storage) = (args.tier.as_deref(), args.storage.as_deref());
    Wish { database: &args.database, id, method: Method::Logical, tier, storage, except }
}

/// What `--from` means; `None` when that was told to be wrong. `except` gets the backups that "the newest" does not
/// mean.
async fn from<'a>(
    args: &Args,
    context: &Context,
    (points, except): (&'a [RestorePoint], &mut Vec<(BackupId, String)>),
    searched: &[String],
    repositories: &IndexMap<String, Repository>,
) -> Result<Option<From<'a>>, RestoreError> {
    let id = match args.from.as_str() {
        "latest" => None,
        text => match text.parse::<BackupId>() {
            Ok(id) => Some(id),
            Err(_) if PathBuf::from(text).exists() || text.contains(['/', '.']) => {
                return Ok(Some(From::File(PathBuf::from(text))));
            }
            Err(error) => {
                let ids = points.iter().map(|point| point.id.as_str()).chain(["latest"]);
                let hint = nearest(text, ids).map(|near| format!("Did you mean `{near}`?"));
                context.complain(
                    format_args!("{error}; neither is it a file"),
                    Some(hint.as_deref().unwrap_or("Run `backstay list` to see the ids.")),
                );
                return Ok(None);
            }
        },
    };
    // What was made under a wrong clock is not known to be the newest; where nothing else is there, it has to do.
    let is_wrong = |point: &&RestorePoint| is_ahead(&point.id, Timestamp::now());
    except.extend(points.iter().filter(is_wrong).map(|point| (point.id.clone(), "is dated in the future".to_owned())));
    let mut n_ahead = except.len();
    loop {
        let choice = choose(points, &wish(args, id.as_ref(), except), searched);
        if choice.is_err() && n_ahead > 0 {
            except.drain(..std::mem::take(&mut n_ahead));
            continue;
        }
        let mut choice = choice?;
        if is_wrong(&choice.point) {
            choice.reasons.push("dated in the future: this machine's clock or that of the backup is wrong".to_owned());
        }
        if id.is_some() || !is_safety_backup(&choice, repositories).await {
            return Ok(Some(From::Backup(choice)));
        }
        // What a restore backed up before it replaced something is not what the next one should bring back.
        except.push((choice.point.id.clone(), "was taken by a restore, of what it replaced".to_owned()));
    }
}

fn exit_of(error: &RestoreError) -> Exit {
    match error {
        RestoreError::Interrupted
        | RestoreError::FolderUnfinished
        | RestoreError::Stream(crate::stream::StreamError::Cancelled) => Exit::Interrupted,
        RestoreError::Repository(RepositoryError::Locked { .. }) => Exit::Locked,
        error if error.is_refusal() => Exit::Refused,
        RestoreError::Cold(_) => Exit::Partly,
        error if error.is_damage() => Exit::Damaged,
        _ => Exit::Failed,
    }
}
