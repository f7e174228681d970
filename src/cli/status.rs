//! `backstay status`: how recoverability stands, on one screen.

use super::standings::see;
use super::{Context, Exit};
use crate::report::{self, Style};
use crate::standing::Standing;

/// Show how recoverability stands: one screen
///
/// Per database and tier: the age of the last good backup, what would be lost against the objective,
/// when the next is due, copies present and missing, when it was last verified and drilled, sizes, and what can be
/// restored. Then the storages, and every concern with the command that helps. Changes nothing.
///
/// Examples:
///   backstay status
///   backstay status app
///   backstay status --json | jq '.policies[].concerns[] | select(.gravity == "critical")'
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Only this database
    #[arg(value_name = "DATABASE")]
    database: Option<String>,
}

/// Reads every storage and shows how things stand.
pub fn run(args: &Args, context: &Context) -> Exit {
    let seen = match see(context, args.database.as_deref()) {
        Ok(seen) => seen,
        Err(exit) => return exit,
    };
    let standings: Vec<Standing> = seen.into_iter().map(|seen| seen.standing).collect();
    if context.json {
        context.say(report::status_json(&standings));
    } else {
        let style = Style { colour: context.colour, width: context.width };
        for (index, standing) in standings.iter().enumerate() {
            let gap = if index == 0 { "" } else { "\n" };
            context.say(format_args!("{gap}{}", report::status(standing, style)));
        }
    }
    // A picture that lacks a storage must not pass for a whole one.
    let is_whole = standings.iter().flat_map(|standing| &standing.storages).all(|storage| storage.problem.is_none());
    if is_whole { Exit::Done } else { Exit::Failed }
}
