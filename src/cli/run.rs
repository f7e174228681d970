//! `backstay run`: the scheduled work, as timers and cron start it.

use super::catalogs::{is_meant, read_catalogs};
use super::drill::drill_due;
use super::plan::ScopeArgs;
use super::verify::{self, verify_due};
use super::{Context, Exit, afterwards, apply, policy_files, wal};
use crate::diag::nearest;
use crate::drill::Where;
use crate::policy::{DatabaseSpec, Desired};
use crate::report::RunView;
use serde_json::Value;

/// Do the scheduled work: take what is due, repair copies, prune, then verify and drill what is due
///
/// What timers, cron files and cron jobs call; `apply` writes those. It does only what is due by
/// the policy, so it may be called as often as one likes, and after a machine was off it makes up
/// once for what was missed. WAL that waits in a spool on this host is brought first. It never asks
/// and leaves out what a guard stops (exit 4). With a tier
/// it does the work of that tier, and proves the databases that have it; without one it does all.
///
/// Examples:
///   backstay run
///   backstay run daily
///   backstay run daily app             only this database
///   backstay --quiet run daily         says only what goes wrong, for cron
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The tier; all work unless named
    tier: Option<String>,

    /// The database entry; all that have the tier unless named
    database: Option<String>,
}

/// Applies the part of the plan that is scheduled work, then proves what is due.
pub fn run(args: &Args, context: &Context) -> Exit {
    let policies = match policy_files::valid_policies(context) {
        Ok(policies) => policies,
        Err(exit) => return exit,
    };
    let scope = match &args.tier {
        None => ScopeArgs::scheduled(),
        Some(tier) => match check_names(tier, args.database.as_deref(), &policies, context) {
            Ok(()) => ScopeArgs::work(tier, args.database.as_deref()),
            Err(exit) => return exit,
        },
    };
    afterwards::begins(&policies, args.database.as_deref(), context);
    // What is planned then counts what waited.
    let drained = context.block_on(async {
        for policy in &policies {
            wal::drain_here(policy, context, |database| is_in(args, policy, database)).await;
        }
    });
    if let Err(error) = drained {
        context.complain(error, None);
        return Exit::Failed;
    }
    let mut said = RunView::default();
    let exit = all(args, scope, &policies, context, &mut said);
    if context.json {
        context.say(said.text(exit as u8));
    }
    exit
}

/// Does it part by part. What each says for machines becomes a part of what is said in the end.
fn all(args: &Args, scope: ScopeArgs, policies: &[Desired], context: &Context, said: &mut RunView) -> Exit {
    let applied = part(context, &mut said.applied, || {
        apply::run(&apply::Args::shorthand(scope, true, apply::Allowances::default()), context)
    });
    let is_proven = |spec: &DatabaseSpec| spec.verify.is_some() || spec.drill.is_some();
    let wants_proof =
        |policy: &Desired| policy.databases.iter().any(|(name, spec)| is_proven(spec) && is_in(args, policy, name));
    if matches!(applied, Exit::Interrupted | Exit::InvalidPolicy) || !policies.iter().any(wants_proof) {
        return applied;
    }
    match context.block_on(prove(args, context, said)) {
        Ok(proven) => both(applied, proven),
        Err(error) => {
            context.complain(error, None);
            Exit::Failed
        }
    }
}

/// Verifies and drills what is due by now, which counts what was just done.
async fn prove(args: &Args, context: &Context, said: &mut RunView) -> Exit {
    let catalogs = match read_catalogs(context).await {
        Ok(catalogs) => catalogs,
        Err(exit) => return exit,
    };
    let is_wanted = |desired: &Desired, name: &str| is_in(args, desired, name);
    let verified = match verify_due(context, &catalogs, is_wanted).await {
        Ok(Some(inspection)) => part(context, &mut said.verified, || verify::show(context, &inspection)),
        Ok(None) => Exit::Done,
        Err(exit) => exit,
    };
    if context.cancel.is_cancelled() {
        return Exit::Interrupted;
    }
    let held = drill_due(context, &catalogs, &Where::Own, is_wanted).await;
    let drilled = if held.is_empty() { Exit::Done } else { part(context, &mut said.drilled, || held.show(context)) };
    both(verified, drilled)
}

/// Does a part of the work; what it says for machines is kept.
fn part(context: &Context, said: &mut Option<Value>, deed: impl FnOnce() -> Exit) -> Exit {
    if !context.json {
        return deed();
    }
    context.hold();
    let exit = deed();
    *said = serde_json::from_str(&context.held()).ok();
    exit
}

/// Whether a database's proofs belong to this run.
fn is_in(args: &Args, desired: &Desired, name: &str) -> bool {
    let spec = desired.databases.get(name).or_else(|| desired.database(name).map(|found| found.spec));
    let has_tier = |tier: &String| spec.is_some_and(|spec| spec.tiers.contains(tier));
    is_meant(desired, args.database.as_deref(), name) && args.tier.as_ref().is_none_or(has_tier)
}

/// One exit for two parts of the work: that of the part that is not done, damage before all else.
fn both(first: Exit, second: Exit) -> Exit {
    match (first, second) {
        (Exit::Done, exit) | (exit, Exit::Done) => exit,
        (first, second) if first == second => first,
        (Exit::Interrupted, _) | (_, Exit::Interrupted) => Exit::Interrupted,
        (Exit::Damaged, _) | (_, Exit::Damaged) => Exit::Damaged,
        _ => Exit::Partly,
    }
}

/// A unit that was not removed with its tier must not look as if it did something.
fn check_names(tier: &str, database: Option<&str>, policies: &[Desired], context: &Context) -> Result<(), Exit> {
    let uses = |database: &str, tier: &str| {
        let specs = policies.iter().filter_map(|policy| policy.databases.get(database));
        specs.into_iter().any(|spec| spec.tiers.iter().any(|name| name == tier))
    };
    let tiers: Vec<&str> = policies.iter().flat_map(|policy| policy.tiers.keys()).map(String::as_str).collect();
    let databases: Vec<&str> = policies.iter().flat_map(|policy| policy.databases.keys()).map(String::as_str).collect();
    let unknown = |kind: &str, name: &str, known: &[&str]| {
        let hint = nearest(name, known.iter().copied()).map(|near| format!("Did you mean `{near}`?"));
        context.complain(format_args!("there is no {kind} `{name}` in the policy"), hint.as_deref());
        Err(Exit::Failed)
    };
    if !tiers.contains(&tier) {
        return unknown("tier", tier, &tiers);
    }
    let Some(database) = database else { return Ok(()) };
    if !databases.contains(&database) {
        return unknown("database", database, &databases);
    }
    if !uses(database, tier) {
        let problem = format!("the database `{database}` has no tier `{tier}`");
        context.complain(problem, Some("Run `backstay plan`: units of what the policy no longer wants are removed."));
        return Err(Exit::Failed);
    }
    Ok(())
}
