//! `backstay sync`: short for `apply --only copies`.

use super::plan::{Part, ScopeArgs};
use super::{Context, Exit, apply};

/// Bring copies that one storage lacks from another that has them
///
/// Short for `backstay apply --only copies`. The stored bytes are copied and their digest checked; the database is not
/// read again.
///
/// Examples:
///   backstay sync
///   backstay sync --target copy/offsite/app
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Do not ask
    #[arg(long)]
    yes: bool,

    /// Only this address and what is below it
    #[arg(long, value_name = "ADDRESS")]
    target: Vec<String>,
}

/// Applies the part of the plan that copies.
pub fn run(args: &Args, context: &Context) -> Exit {
    let scope = ScopeArgs::part(Part::Copies, args.target.clone());
    apply::run(&apply::Args::shorthand(scope, args.yes, apply::Allowances::default()), context)
}
