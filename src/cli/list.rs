//! `backstay list`: the backups there are.

use super::catalogs::{PolicyCatalog, ask_thaws, read_catalogs};
use super::{Context, Exit};
use crate::catalog::RestorePoint;
use crate::diag::nearest;
use crate::observe::observe_archives;
use crate::plan::{RestorableWindow, reach};
use crate::report::{self, ListedDatabase, Listing, Style};
use jiff::Timestamp;

/// List the backups in all storages
///
/// Copies of a backup at several storages are one line. What is damaged, by its sizes or by the last `verify`, says so.
/// A copy in a cold class of S3 shows its class, and whether it is being thawed or until when it is. Where WAL is archived,
/// the stretches of time follow to any moment of which the database can be restored.
///
/// Examples:
///   backstay list
///   backstay list app
///   backstay list app --json | jq -r '.databases[].backups[0].id'
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Only this database
    #[arg(value_name = "DATABASE")]
    database: Option<String>,
}

/// Reads every storage and shows what is in it.
pub fn run(args: &Args, context: &Context) -> Exit {
    let read = async {
        let mut catalogs = read_catalogs(context).await?;
        for catalog in &mut catalogs {
            let is_wanted = |point: &RestorePoint| args.database.as_ref().is_none_or(|name| point.database == *name);
            ask_thaws(&mut catalog.points, is_wanted, &catalog.places.repositories()).await;
        }
        for catalog in &mut catalogs {
            observe_archives(&catalog.desired, &catalog.places, &mut catalog.live).await;
        }
        Ok(catalogs)
    };
    match context.block_on(read) {
        Ok(Ok(catalogs)) => show(args, context, &catalogs),
        Ok(Err(exit)) => exit,
        Err(error) => {
            context.complain(error, None);
            Exit::Failed
        }
    }
}

fn show(args: &Args, context: &Context, catalogs: &[PolicyCatalog]) -> Exit {
    let now = Timestamp::now();
    let mut listing = listing(catalogs, now);
    if let Some(name) = &args.database {
        let known: Vec<String> = listing.databases.iter().map(|database| database.name.clone()).collect();
        listing.databases.retain(|database| database.name == *name);
        if listing.databases.is_empty() {
            return unknown_database(context, name, &known);
        }
    }
    if context.json {
        context.say(report::list_json(&listing, now));
    } else {
        let style = Style { colour: context.colour, width: context.width };
        context.say(report::list(&listing, now, style));
    }
    // A list that lacks a storage must not pass for a whole one.
    if listing.unreadable.is_empty() { Exit::Done } else { Exit::Failed }
}

/// Says that nobody knows the database, and which was probably meant.
pub(super) fn unknown_database(context: &Context, name: &str, known: &[String]) -> Exit {
    let hint = nearest(name, known.iter().map(String::as_str)).map(|near| format!("Did you mean `{near}`?"));
    let hint = hint.unwrap_or_else(|| "Run `backstay list` to see the databases.".to_owned());
    context.complain(format_args!("neither the policy nor a storage knows a database `{name}`"), Some(&hint));
    Exit::Failed
}

fn listing(catalogs: &[PolicyCatalog], now: Timestamp) -> Listing {
    let mut listing = Listing::default();
    let owned = |name: &str| catalogs.iter().any(|catalog| catalog.has_database(name));
    for catalog in catalogs {
        for name in catalog.databases() {
            let is_in_policy = catalog.has_database(&name);
            // A storage that policies share shows each database once.
            if !is_in_policy && (owned(&name) || listing.databases.iter().any(|listed| listed.name == name)) {
                continue;
            }
            let points = catalog.points.iter().filter(|point| point.database == name).cloned().collect();
            let reach = reach(&catalog.live, &name, now).map(|reach| reach.restorable).unwrap_or_default();
            let windows = reach.windows.iter().map(RestorableWindow::of).collect();
            listing.databases.push(ListedDatabase { name, is_in_policy, points, windows });
        }
        listing.unreadable.extend(catalog.unreadable.iter().cloned());
        for (storage, read) in catalog.live.readable() {
            let broken = read.contents.broken.iter().map(|broken| (storage.to_owned(), broken.clone()));
            listing.broken.extend(broken);
        }
    }
    listing
}
