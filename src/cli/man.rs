//! `backstay man`: manual pages.

use super::{Arguments, Context, Exit};
use clap::CommandFactory;
use std::path::PathBuf;

/// Print the manual page, or write one page a verb into a folder
///
/// Examples:
///   backstay man | man -l -
///   backstay man --out /usr/local/share/man/man1
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Write `backstay.1` and one page a verb into this folder instead
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Prints or writes the pages.
pub fn run(args: &Args, context: &Context) -> Exit {
    let command = Arguments::command();
    let written = match &args.out {
        None => {
            let mut page = Vec::new();
            let rendered = clap_mangen::Man::new(command).render(&mut page);
            context.say(String::from_utf8_lossy(&page));
            rendered
        }
        Some(folder) => std::fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(command, folder)),
    };
    match written {
        Ok(()) => Exit::Done,
        Err(e) => {
            context.complain(format_args!("cannot write the manual pages: {e}"), None);
            Exit::Failed
        }
    }
}
