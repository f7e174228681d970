//! `backstay restore DATABASE`: bring data back.

use super::catalogs::{PolicyCatalog, ask_thaws, read_catalogs, unknown_storage};
use super::list::unknown_database;
use super::rescue;
use super::restore_cluster::{self, ClusterArgs};
use super::thaw::{Cold, ThawArgs, make_readable};
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
    Destination, From, Hands, Old, Owners, Prepared, Request, RestoreError, SafetyRule, TableName, Tablespaces,
    carry_out, is_safety_backup, prepare,
};
use indexmap::IndexMap;
use jiff::Timestamp;
use std::path::PathBuf;

/// Bring data back from a backup, or from a dump of any tool
///
/// One of --in-place, --into, --to-connection and --target-dir says where to. In place, the data goes into a new database beside
/// the old one, is compared with the manifest, and takes its place by a rename; the old one is kept as
/// `<name>_before_<id>`. A restore that fails changes nothing. --dry-run shows what would happen. With --target-dir a
/// whole cluster comes back from a physical backup, into a folder.
///
/// Examples:
///   backstay restore app --into app_yesterday            look at the data beside the live database
///   backstay restore app --in-place                      the newest good backup replaces the database
///   backstay restore app --in-place --dry-run            what that would do
///   backstay restore app --from 20261120T020000Z-k3f9 --into app_then
///   backstay restore app --in-place --table users --table public.orders
///   backstay restore app --to-connection '${env:STAGING_URL}' --no-owner --jobs 4
///   backstay restore app --from /tmp/old.sql.gz --into app_old
///   backstay restore main --table orders --to-time '2026-11-27 14:30' --into shop --as orders_before
///   backstay restore main --target-dir /srv/pg --to-time '2026-11-27 14:30' --start
///   backstay restore app --into app_then --thaw bulk           from GLACIER: asks for the thaw, exits 7
///   backstay restore app --into app_then --thaw standard --wait
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
#[command(group(clap::ArgGroup::new("destination").required(true).args(["in_place", "into", "to_connection", "target_dir"])))]
pub struct Args {
    /// Name of the database in the policy
    #[arg(value_name = "DATABASE")]
    database: String,

    /// What to restore: `latest`, the id of a backup, or the path of a dump (.sql, .dump, .gz, .zst, .xz, .bz2, .age,
    /// .gpg)
    #[arg(long, value_name = "BACKUP", default_value = "latest")]
    from: String,

    /// Only backups of this tier
    #[arg(short, long)]
    tier: Option<String>,

    /// Only copies at this storage
    #[arg(long, value_name = "STORAGE")]
    storage: Option<String>,

    /// Replace the database itself; the old one is kept under another name
    #[arg(long)]
    in_place: bool,

    /// Restore into a new database on the same server
    #[arg(long, value_name = "NEW_DB")]
    into: Option<String>,

    /// Restore into a database elsewhere that does not exist or is empty; a URL, or a reference such as `${env:URL}`
    #[arg(long, value_name = "URL")]
    to_connection: Option<String>,

    /// Only this table, with its data, indexes and constraints; may be given several times
    #[arg(long = "table", value_name = "TABLE")]
    tables: Vec<TableName>,

    /// Processes that restore at once; more than one needs room for the dump in $TMPDIR
    #[arg(short, long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=256))]
    jobs: u32,

    /// Leave out owners and grants: everything belongs to the connecting role
    #[arg(long)]
    no_owner: bool,

    /// Put everything into the default tablespace, for a server that lacks those of the backup
    #[arg(long)]
    no_tablespaces: bool,

    /// Show what would happen and change nothing
    #[arg(long)]
    dry_run: bool,

    /// Do not ask before replacing
    #[arg(short, long)]
    yes: bool,

    /// Drop the old database or tables once the new ones stand
    #[arg(long, requires = "in_place")]
    drop_old: bool,

    /// Do not back up what is there now before replacing it
    #[arg(long, requires = "in_place")]
    skip_safety_backup: bool,

    #[command(flatten)]
    thaw: ThawArgs,

    #[command(flatten)]
    cluster: ClusterArgs,
}

impl Args {
    /// A restore in place of exactly this backup.
    pub(super) fn in_place(database: &str, id: &BackupId, yes: bool, is_dry_run: bool) -> Args {
        Args {
            database: database.to_owned(),
            from: id.to_string(),
            tier: None,
            storage: None,
            in_place: true,
            into: None,
            to_connection: None,
            tables: Vec::new(),
            jobs: 1,
            no_owner: false,
            no_tablespaces: false,
            dry_run: is_dry_run,
            yes,
            drop_old: false,
            skip_safety_backup: false,
            thaw: ThawArgs::default(),
            cluster: ClusterArgs::default(),
        }
    }
}

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
        RestoreError::Interrupted | RestoreError::Stream(crate::stream::StreamError::Cancelled) => Exit::Interrupted,
        RestoreError::Repository(RepositoryError::Locked { .. }) => Exit::Locked,
        error if error.is_refusal() => Exit::Refused,
        RestoreError::Cold(_) => Exit::Partly,
        error if error.is_damage() => Exit::Damaged,
        _ => Exit::Failed,
    }
}
