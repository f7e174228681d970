//! The verbs, and the words that go before all of them.

use super::context::{Colour, Context};
use super::exit::Exit;
use super::log::LogFormat;
use super::{
    adopt, afterwards, agent, alert, apply, backup, check, completions, demo, drill, explain, guard, init, list, man,
    metrics, plan, prune, report, restore, review, rollback, run, schema, show, status, sync, validate, verify, wal,
};
use clap::{Parser, Subcommand};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

/// Recoverability of PostgreSQL databases as a declared policy
///
/// A YAML policy says which databases are backed up, when, where to, for how long and how encrypted. backstay checks
/// it, shows what is missing, does exactly that, gets data back and proves that it can.
#[derive(Debug, Parser)]
#[command(name = "backstay", version, after_help = AFTER_HELP, max_term_width = 110)]
pub struct Arguments {
    /// Policy file, or folder of policy files; may be given several times [default: $BACKSTAY_POLICY, ./backstay.yaml]
    #[arg(short, long, global = true, value_name = "FILE")]
    policy: Vec<PathBuf>,

    /// Look for and write units, cron files and manifests below this folder instead of `/`, and start nothing
    #[arg(long, global = true, value_name = "DIR")]
    root: Option<PathBuf>,

    /// Only databases whose `host` is this one
    #[arg(long, global = true, value_name = "HOST")]
    only_host: Option<String>,

    /// Machine-readable output
    #[arg(long, global = true)]
    json: bool,

    /// Results and errors only
    #[arg(short, long, global = true)]
    quiet: bool,

    /// Keep what is done as lines of JSON in this file; turned over at 10 MiB, five old ones stay
    #[arg(long, global = true, value_name = "FILE")]
    log_file: Option<PathBuf>,

    /// How to speak on standard error
    #[arg(long, global = true, value_name = "FORMAT", default_value = "human", hide_possible_values = false)]
    log_format: LogFormat,

    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", hide_possible_values = false)]
    color: Colour,

    #[command(subcommand)]
    verb: Verb,
}

const AFTER_HELP: &str = "\
Examples:
  backstay init postgresql://localhost/app     write a first policy from a live database
  backstay validate                            check the policy; needs no server and no secret
  backstay plan                                show what differs from the policy
  backstay apply                               do exactly that
  backstay review main                         explain a change of the policy
  backstay restore app --into app_yesterday    bring data back

Exit codes: 0 done, 1 failed, 2 changes present, 3 invalid policy, 4 refused, 5 stale plan, 6 locked,
7 done in part, 8 damage found, 64 usage, 130 interrupted.";

#[derive(Debug, Subcommand)]
enum Verb {
    Init(init::Args),
    Validate(validate::Args),
    Plan(plan::Args),
    Review(review::Args),
    Apply(apply::Args),
    Backup(backup::Args),
    Status(status::Args),
    Check(check::Args),
    Report(report::Args),
    Metrics(metrics::Args),
    List(list::Args),
    Show(show::Args),
    Restore(restore::Args),
    Verify(verify::Args),
    Drill(drill::Args),
    Guard(guard::Args),
    Rollback(rollback::Args),
    Run(run::Args),
    Agent(agent::Args),
    Alert(alert::Args),
    Prune(prune::Args),
    Sync(sync::Args),
    Adopt(adopt::Args),
    Wal(wal::Args),
    Explain(explain::Args),
    Schema(schema::Args),
    Demo(demo::Args),
    Completions(completions::Args),
    Man(man::Args),
}

impl Verb {
    /// True for those after which metrics are written and alerts told. The others only look.
    fn acts(&self) -> bool {
        use Verb::{Apply, Backup, Drill, Prune, Restore, Rollback, Run, Sync, Verify};
        let stored = matches!(self, Apply(_) | Backup(_) | Prune(_) | Run(_) | Sync(_));
        stored || matches!(self, Drill(_) | Restore(_) | Rollback(_) | Verify(_))
    }
}

impl Arguments {
    /// What a process that is started for these words is told as well: whose work it is, and where it logs.
    fn handed_on(&self) -> Vec<OsString> {
        let mut words: Vec<OsString> = Vec::new();
        if let Some(host) = &self.only_host {
            words.extend(["--only-host".into(), host.into()]);
        }
        if let Some(file) = &self.log_file {
            words.extend(["--log-file".into(), file.into()]);
        }
        if self.log_format == LogFormat::Json {
            words.extend(["--log-format".into(), "json".into()]);
        }
        words
    }
}

/// Understands the words of a command line, runs the verb and says how it ended.
pub fn main(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let words: Vec<OsString> = words.into_iter().collect();
    let arguments = match Arguments::try_parse_from(&words) {
        Ok(arguments) => arguments,
        Err(e) => {
            // Printing fails only when nobody listens.
            let _ = e.print();
            let exit = if e.use_stderr() { Exit::Usage } else { Exit::Done };
            return wal::sealed(&words, exit).into();
        }
    };
    let handed_on = arguments.handed_on();
    let context = Context::new(arguments.policy, arguments.root, arguments.json, arguments.quiet, arguments.color)
        .keeping_log(arguments.log_format, arguments.log_file)
        .only_host(arguments.only_host)
        .handing_on(handed_on);
    let exit = match &arguments.verb {
        Verb::Init(args) => init::run(args, &context),
        Verb::Validate(args) => validate::run(args, &context),
        Verb::Plan(args) => plan::run(args, &context),
        Verb::Review(args) => review::run(args, &context),
        Verb::Apply(args) => apply::run(args, &context),
        Verb::Backup(args) => backup::run(args, &context),
        Verb::Status(args) => status::run(args, &context),
        Verb::Check(args) => check::run(args, &context),
        Verb::Report(args) => report::run(args, &context),
        Verb::Metrics(args) => metrics::run(args, &context),
        Verb::List(args) => list::run(args, &context),
        Verb::Show(args) => show::run(args, &context),
        Verb::Restore(args) => restore::run(args, &context),
        Verb::Verify(args) => verify::run(args, &context),
        Verb::Drill(args) => drill::run(args, &context),
        // Its exit code may be that of another program.
        Verb::Guard(args) => {
            let code = guard::run(args, &context);
            metrics::write_after(&context);
            let exit = if code == ExitCode::SUCCESS { Exit::Done } else { Exit::Failed };
            afterwards::afterwards(&context, exit, false, false);
            context.ended(exit);
            return code;
        }
        Verb::Rollback(args) => rollback::run(args, &context),
        Verb::Run(args) => run::run(args, &context),
        Verb::Agent(args) => agent::run(args, &context),
        Verb::Alert(args) => alert::run(args, &context),
        Verb::Prune(args) => prune::run(args, &context),
        Verb::Sync(args) => sync::run(args, &context),
        Verb::Adopt(args) => adopt::run(args, &context),
        Verb::Wal(args) => wal::run(args, &context),
        Verb::Explain(args) => explain::run(args, &context),
        Verb::Schema(args) => schema::run(args, &context),
        Verb::Demo(args) => demo::run(args, &context),
        Verb::Completions(args) => completions::run(args, &context),
        Verb::Man(args) => man::run(args, &context),
    };
    if arguments.verb.acts() && !matches!(exit, Exit::InvalidPolicy | Exit::Interrupted) {
        metrics::write_after(&context);
    }
    if arguments.verb.acts() {
        let is_run = matches!(arguments.verb, Verb::Run(_));
        let proves = matches!(arguments.verb, Verb::Verify(_) | Verb::Drill(_));
        afterwards::afterwards(&context, exit, is_run, proves);
    }
    let exit = context.settle(exit);
    context.ended(exit);
    exit.into()
}
