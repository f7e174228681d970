//! `backstay wal list`: what is archived.

use super::archive::{clusters, no_archive};
use crate::cli::policy_files::valid_policies;
use crate::cli::{Context, Exit};
use crate::report::{self, ListedWal, Style, WalListing, WalStorage};
use jiff::Timestamp;

/// List what WAL is archived: clusters, timelines, contiguous ranges, gaps
///
/// Reads the names of what is stored and the histories of timelines, no segment. A gap is what is missing on a timeline between
/// its first and its last segment, or up to where another one branched off.
///
/// Exits 0 when nothing is missing, 8 when there is a gap or a file has two contents, 1 when a storage cannot be read.
///
/// Examples:
///   backstay wal list
///   backstay wal list main --json | jq '.databases[].storages[].clusters[].timelines[].gaps'
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Only this database
    #[arg(value_name = "DATABASE")]
    database: Option<String>,
}

/// Reads every archive and shows what is in it.
pub fn run(args: &Args, context: &Context) -> Exit {
    let listing = match context.block_on(read(args, context)) {
        Ok(Ok(listing)) => listing,
        Ok(Err(exit)) => return exit,
        Err(error) => {
            context.complain(error, None);
            return Exit::Failed;
        }
    };
    let now = Timestamp::now();
    if context.json {
        context.say(report::wal_list_json(&listing, now));
    } else {
        context.say(report::wal_list(&listing, now, Style { colour: context.colour, width: context.width }));
    }
    if listing.has_damage() {
        Exit::Damaged
    } else if listing.is_partial() {
        Exit::Failed
    } else {
        Exit::Done
    }
}

async fn read(args: &Args, context: &Context) -> Result<WalListing, Exit> {
    let mut listing = WalListing::default();
    let mut known = Vec::new();
    for desired in valid_policies(context)? {
        let places = context.places(&desired);
        for (name, database) in &desired.databases {
            let Some(wal) = &database.wal else { continue };
            known.push(name.clone());
            if args.database.as_ref().is_some_and(|wanted| wanted != name) {
                continue;
            }
            let mut storages = Vec::new();
            for storage in &wal.to {
                let clusters = match places.place(storage) {
                    Ok(place) => clusters(&place.repository, name).await,
                    Err(error) => Err(error.to_string()),
                };
                storages.push(WalStorage { storage: storage.clone(), clusters });
            }
            listing.databases.push(ListedWal { name: name.clone(), storages });
        }
    }
    match &args.database {
        Some(wanted) if !known.contains(wanted) => Err(no_archive(context, wanted, &known)),
        _ => Ok(listing),
    }
}
