//! `backstay rollback`: back to the backup that was taken before a migration.

use super::catalogs::{PolicyCatalog, read_catalogs};
use super::list::unknown_database;
use super::{Context, Exit, restore};
use crate::backup::Target;
use crate::base::BackupId;
use crate::catalog::{Manifest, Method, RestorePoint, TableRows, Wish, choose, is_ahead};
use crate::postgres::{PostgresError, Server};
use crate::report::{self, Style};
use crate::restore::{RestoreError, is_safety_backup};
use jiff::Timestamp;

/// Put a database back to the backup that was taken before a migration
///
/// Without --to: the newest backup of the tier that `guard` uses. Says what would be lost and asks; the data goes into a
/// new database, is compared with the manifest, and takes the place of the old one, which is kept as
/// `<name>_before_<id>`. What is there now is backed up first unless a backup shows it.
///
/// Examples:
///   backstay rollback app
///   backstay rollback app --dry-run
///   backstay rollback app --to 20261120T020000Z-k3f9 --yes
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Name of the database in the policy
    database: String,

    /// The backup to go back to
    #[arg(long, value_name = "ID")]
    to: Option<BackupId>,

    /// Tier to choose from [default: the only tier that is on demand, or else the first one of the database]
    #[arg(short, long, conflicts_with = "to")]
    tier: Option<String>,

    /// Show what would happen and change nothing
    #[arg(long)]
    dry_run: bool,

    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

/// Says what would be lost, asks, and restores in place.
pub fn run(args: &Args, context: &Context) -> Exit {
    match context.block_on(look(args, context)) {
        Ok(Ok(id)) => restore::run(&restore::Args::in_place(&args.database, &id, args.yes, args.dry_run), context),
        Ok(Err(exit)) => exit,
        Err(error) => {
            context.complain(error, None);
            Exit::Failed
        }
    }
}

/// The backup to go back to; what would be lost is told.
async fn look(args: &Args, context: &Context) -> Result<BackupId, Exit> {
    let catalogs = read_catalogs(context).await?;
    let Some(catalog) = catalogs.iter().find(|catalog| catalog.has_database(&args.database)) else {
        let known: Vec<String> = catalogs.iter().flat_map(PolicyCatalog::databases).collect();
        return Err(unknown_database(context, &args.database, &known));
    };
    let (point, manifest) = chosen(args, context, catalog).await.map_err(|error| {
        context.fail(&error);
        Exit::Failed
    })?;
    let live = match live_tables(&args.database, context, catalog).await {
        Ok(live) => live,
        Err(problem) => {
            context.tell(format_args!("what is there now cannot be looked at: {problem}"));
            None
        }
    };
    let style = Style { colour: context.colour_err, width: context.width };
    context.tell(report::loss(&manifest, live.as_deref(), Timestamp::now(), style).trim_end());
    Ok(point.id.clone())
}

async fn chosen<'a>(
    args: &Args,
    context: &Context,
    catalog: &'a PolicyCatalog,
) -> Result<(&'a RestorePoint, Manifest), RestoreError> {
    let repositories = catalog.places.repositories();
    let tier = match (&args.to, &args.tier) {
        (Some(_), _) => None,
        (None, Some(tier)) => Some(tier.clone()),
        (None, None) => Target::find(&catalog.desired, &args.database, None).ok().map(|target| target.tier.to_owned()),
    };
    let ahead = catalog.points.iter().filter(|point| is_ahead(&point.id, Timestamp::now()));
    let mut except: Vec<_> = ahead.map(|point| (point.id.clone(), "is dated in the future".to_owned())).collect();
    let choice = loop {
        let id = args.to.as_ref();
        let wish = Wish {
            database: &args.database,
            id,
            method: Method::Logical,
            tier: tier.as_deref(),
            storage: None,
            except: &except,
        };
        let choice = choose(&catalog.points, &wish, &catalog.searched)?;
        if id.is_some() || !is_safety_backup(&choice, &repositories).await {
            break choice;
        }
        // Going back twice must not bring back what the first time replaced.
        except.push((choice.point.id.clone(), "was taken by a restore, of what it replaced".to_owned()));
    };
    for passed in &choice.passed_over {
        context.tell(passed);
    }
    let backup = &choice.copy.backup;
    let missing = || RestoreError::Unsupported(format!("storage `{}` is not open in this run", choice.copy.storage));
    let repository = repositories.get(&choice.copy.storage).ok_or_else(missing)?;
    let manifest = repository.manifest(&backup.tier, &backup.database, &backup.id).await?;
    Ok((choice.point, manifest))
}

/// Tables that are there now with about how many rows; `None` when the policy does not name the database.
async fn live_tables(
    name: &str,
    context: &Context,
    catalog: &PolicyCatalog,
) -> Result<Option<Vec<TableRows>>, PostgresError> {
    let Some(found) = catalog.desired.database(name) else { return Ok(None) };
    let server = Server::of(found.spec, context.lookup.as_ref()).await?;
    let server = found.server_database.map_or_else(|| server.clone(), |database| server.with_database(database));
    Ok(Some(server.session().await?.table_sizes().await?))
}
