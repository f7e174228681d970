//! `backstay show`: one backup in full.

use super::catalogs::{PolicyCatalog, ask_thaws, read_catalogs};
use super::{Context, Exit};
use crate::base::BackupId;
use crate::catalog::{Manifest, RestorePoint};
use crate::diag::nearest;
use crate::report::{self, Style};
use jiff::Timestamp;

/// Show everything that is known of one backup
///
/// Where it came from, how long it took, its sizes, layers, files and tables, and the state of every copy.
///
/// Examples:
///   backstay show 20261120T020000Z-k3f9
///   backstay show 20261120T020000Z-k3f9 --json | jq .manifest.source
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Id of the backup, as `backstay list` shows it
    #[arg(value_name = "ID")]
    id: String,
}

/// Finds the backup and shows it.
pub fn run(args: &Args, context: &Context) -> Exit {
    match context.block_on(find(args, context)) {
        Ok(exit) => exit,
        Err(error) => {
            context.complain(error, None);
            Exit::Failed
        }
    }
}

async fn find(args: &Args, context: &Context) -> Exit {
    let catalogs = match read_catalogs(context).await {
        Ok(catalogs) => catalogs,
        Err(exit) => return exit,
    };
    let is_it = |point: &&RestorePoint| point.id.as_str() == args.id;
    let found = catalogs.iter().find_map(|catalog| Some((catalog, catalog.points.iter().find(is_it)?)));
    let Some((catalog, point)) = found else {
        if let Some(unread) = catalogs.iter().find_map(|catalog| catalog.unread(&args.id)) {
            context.fail(&unread);
            return Exit::Damaged;
        }
        return unknown_id(context, &args.id, &catalogs);
    };
    let mut point = point.clone();
    ask_thaws(std::slice::from_mut(&mut point), |_| true, &catalog.places.repositories()).await;
    let point = &point;
    let manifest = manifest_of(catalog, point).await;
    let now = Timestamp::now();
    if context.json {
        context.say(report::show_json(point, manifest.as_ref(), now));
        return Exit::Done;
    }
    let style = Style { colour: context.colour, width: context.width };
    context.say(report::show(point, manifest.as_ref(), now, style));
    Exit::Done
}

/// The manifest at the first storage where it can be read, good copies first.
async fn manifest_of(catalog: &PolicyCatalog, point: &RestorePoint) -> Option<Manifest> {
    let mut copies: Vec<_> = point.copies.iter().collect();
    copies.sort_by_key(|copy| !copy.backup.is_good());
    for copy in copies {
        let Ok(place) = catalog.places.place(&copy.storage) else { continue };
        if let Ok(manifest) = place.repository.manifest(&point.tier, &point.database, &point.id).await {
            return Some(manifest);
        }
    }
    None
}

fn unknown_id(context: &Context, id: &str, catalogs: &[PolicyCatalog]) -> Exit {
    let known = catalogs.iter().flat_map(|catalog| &catalog.points).map(|point| point.id.as_str());
    let hint = nearest(id, known).map(|near| format!("Did you mean `{near}`?"));
    let hint = hint.unwrap_or_else(|| "Run `backstay list` to see the ids.".to_owned());
    match id.parse::<BackupId>() {
        Ok(_) => context.complain(format_args!("no storage holds a backup {id}"), Some(&hint)),
        Err(error) => context.complain(error, Some(&hint)),
    }
    for (storage, problem) in catalogs.iter().flat_map(|catalog| &catalog.unreadable) {
        context.warn(format_args!("storage `{storage}` could not be read: {problem}"));
    }
    Exit::Failed
}
