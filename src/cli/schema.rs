//! `backstay schema`: the JSON schema of the policy format.

use super::{Context, Exit};

/// Print the JSON schema of the policy format, for editors
///
/// Write this as the first line of a policy and save the schema beside it, and editors with a YAML language server
/// complete and check it:
///   # yaml-language-server: $schema=policy.v1.json
///
/// Examples:
///   backstay schema > policy.v1.json
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {}

/// Prints the schema.
pub fn run(_: &Args, context: &Context) -> Exit {
    context.say(format_args!("{:#}\n", crate::policy::schema()));
    Exit::Done
}
