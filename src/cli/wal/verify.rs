//! `backstay wal verify`: proof that archived WAL is whole.

use super::archive::{clusters, no_archive};
use crate::cli::policy_files::valid_policies;
use crate::cli::{Context, Exit};
use crate::report::{self, Style, VerifiedWal, WalVerification};
use crate::stream::keys;
use crate::wal::{Fetch, verify_wal};

/// Verify that archived WAL is what its names say, and that nothing is missing
///
/// Reads every file of the archive, decrypts and decompresses it, compares it with the digest in its name and each segment's
/// header with its name and cluster, and looks for gaps and for files with two contents, as `wal list` does.
///
/// Exits 0 when everything is good, 8 when a file is damaged, missing or there twice, 1 when something could not be looked at.
///
/// Examples:
///   backstay wal verify
///   backstay wal verify main --json | jq -r '.archives[].damaged[].key'
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Only this database
    #[arg(value_name = "DATABASE")]
    database: Option<String>,
}

/// Reads every archive and says what is wrong with it.
pub fn run(args: &Args, context: &Context) -> Exit {
    let verification = match context.block_on(read(args, context)) {
        Ok(Ok(verification)) => verification,
        Ok(Err(exit)) => return exit,
        Err(error) => {
            context.complain(error, None);
            return Exit::Failed;
        }
    };
    if context.cancel.is_cancelled() {
        return Exit::Interrupted;
    }
    if context.json {
        context.say(report::wal_verification_json(&verification));
    } else {
        context.say(report::wal_verification(&verification, Style { colour: context.colour, width: context.width }));
    }
    if verification.has_damage() {
        Exit::Damaged
    } else if verification.is_partial() {
        Exit::Failed
    } else {
        Exit::Done
    }
}

async fn read(args: &Args, context: &Context) -> Result<WalVerification, Exit> {
    let mut verification = WalVerification::default();
    let mut known = Vec::new();
    for desired in valid_policies(context)? {
        let places = context.places(&desired);
        let (keys, _) = keys(&desired, context.lookup.as_ref());
        let order = Fetch { from: Vec::new(), spool: Vec::new(), keys, stop: context.cancel.clone() };
        for (name, database) in &desired.databases {
            let Some(wal) = &database.wal else { continue };
            known.push(name.clone());
            if args.database.as_ref().is_some_and(|wanted| wanted != name) {
                continue;
            }
            for storage in &wal.to {
                let unreadable = |problem: String| (storage.clone(), problem);
                let repository = match places.place(storage) {
                    Ok(place) => &place.repository,
                    Err(error) => {
                        verification.unreadable.push(unreadable(error.to_string()));
                        continue;
                    }
                };
                match clusters(repository, name).await {
                    Err(error) => verification.unreadable.push(unreadable(error)),
                    Ok(clusters) => {
                        for cluster in clusters {
                            let found = verify_wal(&order, repository, name, &cluster).await;
                            let said = |all: Vec<(String, crate::wal::WalError)>| {
                                all.into_iter().map(|(key, error)| (key, error.to_string())).collect()
                            };
                            verification.archives.push(VerifiedWal {
                                database: name.clone(),
                                storage: storage.clone(),
                                n_good: found.n_good,
                                stored_bytes: found.stored_bytes,
                                damaged: said(found.damaged),
                                unread: said(found.unread),
                                cluster,
                            });
                        }
                    }
                }
            }
        }
    }
    match &args.database {
        Some(wanted) if !known.contains(wanted) => Err(no_archive(context, wanted, &known)),
        _ => Ok(verification),
    }
}
