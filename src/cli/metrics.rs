//! `backstay metrics`: numbers for Prometheus, and what goes with them. And the files that are written after a run.

use super::standings::{Seen, look, see};
use super::{Context, Exit};
use crate::diag::codes;
use crate::http::Client;
use crate::metrics;
use crate::notify::{Means, push};
use crate::observe::cloudwatch;
use crate::policy::{CloudwatchSpec, Desired, MetricsSpec};
use crate::provider::aws::put_ages;
use crate::standing::Standing;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Time for all that is put into CloudWatch after a run.
const CLOUDWATCH: Duration = Duration::from_secs(30);

/// Print how recoverability stands as metrics for Prometheus
///
/// With --textfile the metrics replace a file in one step, for node_exporter's textfile collector. A policy whose
/// `metrics` names a file or a Pushgateway needs no call of this: `run`, `apply`, `backup` and `verify` write there.
///
/// Examples:
///   backstay metrics
///   backstay metrics --textfile /var/lib/node_exporter/backstay.prom
///   backstay metrics --rules > /etc/prometheus/rules/backstay.yaml
///   backstay metrics --dashboard > backstay.json      for import into Grafana
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Write them into this file, all or nothing
    #[arg(long, value_name = "FILE")]
    textfile: Option<PathBuf>,

    /// Print rules that alert on them instead; reads no policy
    #[arg(long, conflicts_with_all = ["textfile", "dashboard"])]
    rules: bool,

    /// Print a dashboard of Grafana instead; reads no policy
    #[arg(long, conflicts_with = "textfile")]
    dashboard: bool,
}

/// Reads every storage and prints or writes the numbers.
pub fn run(args: &Args, context: &Context) -> Exit {
    if args.rules {
        context.say(metrics::alert_rules());
        return Exit::Done;
    }
    if args.dashboard {
        context.say(metrics::dashboard());
        return Exit::Done;
    }
    let seen = match see(context, None) {
        Ok(seen) => seen,
        Err(exit) => return exit,
    };
    let standings: Vec<Standing> = seen.into_iter().map(|seen| seen.standing).collect();
    let text = metrics::exposition(&standings);
    let Some(file) = &args.textfile else {
        context.say(text);
        return Exit::Done;
    };
    match write_textfile(file, &text) {
        Ok(()) => Exit::Done,
        Err(problem) => {
            context.complain(format_args!("cannot write {}: {problem}", file.display()), None);
            Exit::Failed
        }
    }
}

/// Replaces a file in one step, readable by everybody: whoever collects it is another user.
pub(super) fn write_textfile(file: &Path, text: &str) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Collectors read `*.prom` only, so what is half written is never read.
    let mut temporary = tempfile::Builder::new().prefix(".backstay-").suffix(".tmp").tempfile_in(folder)?;
    temporary.write_all(text.as_bytes())?;
    temporary.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    temporary.persist(file)?;
    Ok(())
}

/// Writes and pushes the numbers of every policy that says where to, as its storages are now. What goes wrong is told and changes
/// nothing about how the run ends.
pub(super) fn write_after(context: &Context) {
    let Ok(policies) = super::policy_files::read_policies(context) else { return };
    let is_counted =
        |desired: &Desired| desired.metrics != MetricsSpec::default() || desired.alerts.cloudwatch.is_some();
    let wanted: Vec<_> = policies.desired.into_iter().filter(is_counted).collect();
    if wanted.is_empty() {
        return;
    }
    let read = async {
        let mut files: BTreeMap<PathBuf, Vec<Standing>> = BTreeMap::new();
        for desired in wanted {
            let MetricsSpec { textfile, pushgateway, .. } = desired.metrics.clone();
            let watched = desired.alerts.cloudwatch.clone();
            if textfile.is_none() && pushgateway.is_none() && watched.is_none() {
                continue;
            }
            let name = desired.name.clone();
            let Seen { desired, standing, .. } = look(desired, context).await;
            if let Some(spec) = &watched
                && let Err(problem) = put(&desired, spec, &standing, context).await
            {
                lost(context, &problem);
            }
            if let Some(gateway) = &pushgateway {
                let client = Client::new(context.lookup.as_ref());
                let means = Means { lookup: context.lookup.as_ref(), client: &client };
                let text = metrics::exposition(std::slice::from_ref(&standing));
                if let Err(problem) = push(gateway, &name, &text, means).await {
                    lost(context, &problem);
                }
            }
            match textfile.map(|file| file.resolve(context.lookup.as_ref())) {
                Some(Ok(path)) => files.entry(PathBuf::from(path.expose())).or_default().push(standing),
                Some(Err(problem)) => lost(context, &problem),
                None => {}
            }
        }
        // Policies that name one file share it.
        for (file, standings) in files {
            if let Err(problem) = write_textfile(&file, &metrics::exposition(&standings)) {
                lost(context, &format_args!("{}: {problem}", file.display()));
            }
        }
    };
    // A run that could be started was started before.
    let _ = context.block_on(read);
}

/// Puts the ages of backups into CloudWatch.
async fn put(desired: &Desired, spec: &CloudwatchSpec, standing: &Standing, context: &Context) -> Result<(), String> {
    let session = cloudwatch(spec, context.lookup.as_ref()).map_err(|problem| problem.to_string())?;
    let ages = metrics::ages(desired, spec, standing);
    let put = put_ages(&session, &spec.namespace, &ages);
    match tokio::time::timeout(CLOUDWATCH, put).await {
        Ok(end) => end.map_err(|error| error.to_string()),
        Err(_) => Err(format!("CloudWatch does not answer within {} s", CLOUDWATCH.as_secs())),
    }
}

fn lost(context: &Context, problem: &dyn std::fmt::Display) {
    let id = codes::METRICS_LOST.id;
    context.warn(format_args!("warning[{id}]: metrics cannot be written: {problem}"));
}
