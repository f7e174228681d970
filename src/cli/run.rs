//! `backstay run`: the scheduled work of a tier, as timers and cron start it.

use super::plan::ScopeArgs;
use super::{Context, Exit, apply, policy_files};
use crate::diag::nearest;

/// Do the scheduled work of a tier: take what is due, repair copies, prune
///
/// What timers, cron files and cron jobs call; `apply` writes those. It does only what is due by
/// the policy, so it may be called as often as one likes, and after a machine was off it makes up
/// once for what was missed. It never asks and leaves out what a guard stops (exit 4).
///
/// Examples:
///   backstay run daily
///   backstay run daily app             only this database
///   backstay --quiet run daily         says only what goes wrong, for cron
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The tier
    tier: String,

    /// The database entry; all that have the tier unless named
    database: Option<String>,
}

/// Applies the part of the plan that is this tier's work.
pub fn run(args: &Args, context: &Context) -> Exit {
    match check_names(args, context) {
        Ok(()) => {
            let scope = ScopeArgs::work(&args.tier, args.database.as_deref());
            apply::run(&apply::Args::shorthand(scope, true, Vec::new()), context)
        }
        Err(exit) => exit,
    }
}

/// A unit that was not removed with its tier must not look as if it did something.
fn check_names(args: &Args, context: &Context) -> Result<(), Exit> {
    let policies = policy_files::valid_policies(context)?;
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
    if !tiers.contains(&args.tier.as_str()) {
        return unknown("tier", &args.tier, &tiers);
    }
    let Some(database) = &args.database else { return Ok(()) };
    if !databases.contains(&database.as_str()) {
        return unknown("database", database, &databases);
    }
    if !uses(database, &args.tier) {
        let problem = format!("the database `{database}` has no tier `{}`", args.tier);
        context.complain(problem, Some("Run `backstay plan`: units of what the policy no longer wants are removed."));
        return Err(Exit::Failed);
    }
    Ok(())
}
