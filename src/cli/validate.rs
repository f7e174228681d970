//! `backstay validate`: everything that is wrong with a policy, in one run.

use super::policy_files::read_policies;
use super::{Context, Exit};
use crate::report::{self, Style};

/// Check the policy; needs no server, no store and no secret
///
/// Shows every problem and every advice with file, line, column and what to do. Exits 0 when the policy is valid, also
/// with warnings, and 3 when it is not.
///
/// Examples:
///   backstay validate
///   backstay validate --policy policies/          every policy of a folder
///   backstay validate --json | jq .diagnostics
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {}

/// Reads, judges and shows.
pub fn run(_: &Args, context: &Context) -> Exit {
    let policies = match read_policies(context) {
        Ok(policies) => policies,
        Err(exit) => return exit,
    };
    let valid = !policies.diagnostics.has_errors();
    if context.json {
        context.say(report::diagnostics_json(&policies.diagnostics, &policies.sources));
    } else {
        let style = Style { colour: context.colour, width: context.width };
        context.say(report::diagnostics(&policies.diagnostics, &policies.sources, style));
        if !(valid && context.quiet) {
            let gap = if policies.diagnostics.0.is_empty() { "" } else { "\n" };
            let verdict = if valid { style.green("valid") } else { style.red("invalid") };
            let counted = report::count_diagnostics(&policies.diagnostics);
            context.say(format_args!("{gap}{}: {verdict}, {counted}\n", policies.files.join(", ")));
        }
    }
    if valid { Exit::Done } else { Exit::InvalidPolicy }
}
