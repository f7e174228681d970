//! `backstay agent`: a process that stays and starts what is due.
//!
//! `serve` is the loop; `duty` is what it does for the policies; `beside` is what runs all the time, `wishes` which that is, and
//! `voice` what is heard of it; `files` sees that they changed; `kept` keeps the last good
//! ones; `news` has the channels of alerts told whether the files can be used; `pages` answers who asks over HTTP;
//! `scrape` gets the numbers of the policies for it.

mod beside;
mod duty;
mod files;
mod kept;
mod news;
mod pages;
mod scrape;
mod serve;
mod voice;
mod wishes;

use super::{Context, Exit};
use duty::Duty;

/// Stay, start what is due and keep `wal receive` running
///
/// For policies with `run: { by: agent }`. Each job is a process of its own, the same command that a timer would call; it
/// does only what is due by the policy and by what is stored, so nothing is done twice, and what was missed is made up for
/// once. SIGTERM or Ctrl-C stops it: running work has `run.stop_within` to end, and a second signal stops it at once. SIGHUP
/// and changes of the policy's files are taken up at once; while they are invalid, the last valid policy stays in force.
///
/// For each database with `wal: { mode: stream }` it keeps `backstay wal receive` running: starts it
/// again when it ends, and ends it when the policy no longer wants it and when the agent ends. What
/// waits in a `wal.spool` of its own user on this host is brought when the storage is back.
///
/// With `metrics: { listen: 127.0.0.1:9187 }` it answers at /healthz and /metrics.
///
/// Examples:
///   backstay agent
///   backstay --policy /etc/backstay agent          every policy of a folder
///   backstay --quiet agent                         says only what goes wrong
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {}

/// Serves until it is told to stop.
pub fn run(_args: &Args, context: &Context) -> Exit {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let served = runtime.and_then(|runtime| {
        runtime.block_on(async {
            let mut duty = match Duty::begin(context) {
                Ok(duty) => duty,
                Err(exit) => return Ok(exit),
            };
            if let Err(problem) = duty.listen().await {
                context.fail(&problem);
                return Ok(Exit::Failed);
            }
            serve::serve(&mut duty).await.map(|()| Exit::Done)
        })
    });
    served.unwrap_or_else(|problem| {
        context.complain(format_args!("cannot start: {problem}"), None);
        Exit::Failed
    })
}
