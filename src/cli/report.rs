//! `backstay report`: how recoverability stands, for people who were not there.

use super::standings::{Seen, see};
use super::{Context, Exit, prices};
use crate::plan::{Prices, Scope, outlook, plan};
use crate::report::{self, Dossier, ManifestPlace};
use crate::standing::Standing;
use futures_util::stream::{self, StreamExt};
use std::path::PathBuf;

/// Write a report on recoverability: a page, a document for auditors, or JSON
///
/// The page is one file that loads nothing: restore points over time, sizes, objectives met or not,
/// drills, storages and costs; it is readable in light and dark and prints. The document for
/// auditors lists every restore point with the SHA-256 of its manifests. Changes nothing.
///
/// Examples:
///   backstay report --html report.html
///   backstay report --markdown > evidence.md
///   backstay report app --json | jq '.policies[].manifests[].sha256'
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Only this database
    #[arg(value_name = "DATABASE")]
    database: Option<String>,

    /// Write one self-contained page into this file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    /// Print a document for auditors; this is what is done when nothing else is asked for
    #[arg(long)]
    markdown: bool,

    /// Do not read every manifest for its digest
    #[arg(long)]
    skip_digests: bool,

    /// Estimate costs by this table of prices instead of the one built in; docs/aws.md has the format
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
}

/// Manifests read at once.
const READS: usize = 32;

/// Reads every storage and writes what was found.
pub fn run(args: &Args, context: &Context) -> Exit {
    let prices = match prices::prices(args.prices.as_deref(), context) {
        Ok(prices) => prices,
        Err(exit) => return exit,
    };
    let seen = match see(context, args.database.as_deref()) {
        Ok(seen) => seen,
        Err(exit) => return exit,
    };
    let read = async {
        let mut all = Vec::new();
        for seen in seen {
            all.push(dossier(seen, args, &prices).await);
        }
        all
    };
    let dossiers = match context.block_on(read) {
        Ok(dossiers) => dossiers,
        Err(error) => {
            context.complain(error, None);
            return Exit::Failed;
        }
    };
    if let Some(file) = &args.html {
        if let Err(problem) = std::fs::write(file, report::report_html(&dossiers)) {
            context.complain(format_args!("cannot write {}: {problem}", file.display()), None);
            return Exit::Failed;
        }
        context.tell(format_args!("the report is in {}", file.display()));
    }
    if context.json {
        context.say(report::report_json(&dossiers));
    } else if args.markdown || args.html.is_none() {
        context.say(report::report_markdown(&dossiers));
    }
    // A report that lacks a storage must not pass for a whole one.
    let mut storages = dossiers.iter().flat_map(|dossier| &dossier.standing.storages);
    if storages.all(|storage| storage.problem.is_none()) { Exit::Done } else { Exit::Failed }
}

async fn dossier(seen: Seen, args: &Args, prices: &Prices) -> Dossier {
    let Seen { desired, places, live, standing } = seen;
    let plan = plan(&desired, &live, standing.at, &Scope::default());
    let cost = outlook(&desired, &live, &plan, prices, standing.at).cost;
    let wanted = if args.skip_digests { Vec::new() } else { manifests(&standing) };
    let read = stream::iter(wanted).map(|place| async {
        let repository = &places.place(&place.storage).ok()?.repository;
        let digest = repository.manifest_digest(&place.tier, &place.database, &place.id).await.ok()?;
        Some((place, digest))
    });
    let manifests = read.buffer_unordered(READS).filter_map(std::future::ready).collect().await;
    Dossier { standing, cost, manifests }
}

/// The manifests of all good copies.
fn manifests(standing: &Standing) -> Vec<ManifestPlace> {
    let mut all = Vec::new();
    for database in &standing.databases {
        for tier in &database.tiers {
            for point in &tier.points {
                all.extend(point.storages.iter().map(|storage| ManifestPlace {
                    database: database.name.clone(),
                    tier: tier.tier.clone(),
                    id: point.id.clone(),
                    storage: storage.clone(),
                }));
            }
        }
    }
    all
}
