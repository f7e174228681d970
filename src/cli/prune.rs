//! `backstay prune`: short for `apply --only prune`.

use super::plan::{Part, ScopeArgs};
use super::{Context, Exit, apply};

/// Delete backups that need not be kept, and what killed runs left behind
///
/// Short for `backstay apply --only prune`: shows what would go and why, asks, deletes. The floors of `safety` hold.
///
/// Examples:
///   backstay prune
///   backstay prune --target prune/local/app
///   backstay prune --allow-prune app=14
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Do not ask
    #[arg(long)]
    yes: bool,

    /// Only this address and what is below it
    #[arg(long, value_name = "ADDRESS")]
    target: Vec<String>,

    #[command(flatten)]
    allowances: apply::Allowances,
}

/// Applies the part of the plan that deletes.
pub fn run(args: &Args, context: &Context) -> Exit {
    let scope = ScopeArgs::part(Part::Prune, args.target.clone());
    apply::run(&apply::Args::shorthand(scope, args.yes, args.allowances.clone()), context)
}
