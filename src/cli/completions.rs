//! `backstay completions SHELL`: words for the shell to complete.

use super::{Arguments, Context, Exit};
use clap::CommandFactory;

/// Print the completion script of a shell
///
/// Examples:
///   backstay completions bash > /etc/bash_completion.d/backstay
///   backstay completions zsh > "${fpath[1]}/_backstay"
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The shell
    shell: clap_complete::Shell,
}

/// Prints the script.
pub fn run(args: &Args, context: &Context) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Arguments::command(), "backstay", &mut script);
    context.say(String::from_utf8_lossy(&script));
    Exit::Done
}
