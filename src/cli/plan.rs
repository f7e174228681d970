//! `backstay plan`: what differs between the policy and the world.

use super::again::quoted;
use super::iam_policy::{self, Who};
use super::planning::{Planned, Preflight, observe_and_plan_by, write_plan};
use super::{Context, Exit, policy_files, prices};
use crate::plan::{FORMAT_VERSION, Phase, Plan, SavedPlan, Scope, Work};
use crate::report::{self, Style};
use clap::ValueEnum;
use std::path::PathBuf;

/// Show what differs between the policy and the world, and what `apply` would do
///
/// Reads every store of the policy and changes nothing. Symbols: + new, ~ changed, - deleted, > copied,
/// ! to be looked at. A second plan right after an apply is empty.
///
/// Examples:
///   backstay plan
///   backstay plan --out plan.json && backstay apply plan.json
///   backstay plan --only prune --target prune/local/app
///   backstay plan --detailed-exitcode     exit 2 when there is something to do
///   backstay plan --format markdown >> "$GITHUB_STEP_SUMMARY"
///   backstay plan --format sarif > plan.sarif
///   backstay plan --iam-policy writer     what to allow in IAM to who takes backups
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Save the plan: `apply FILE` does exactly this, or refuses when the world has moved
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Exit 2 when there is something to do
    #[arg(long)]
    detailed_exitcode: bool,

    /// How to say it
    #[arg(long, value_name = "FORMAT", default_value = "human", hide_possible_values = false)]
    format: Format,

    /// Where every value of the policy comes from, and every permission that the steps take
    #[arg(long)]
    explain: bool,

    /// Estimate costs by this table of prices instead of the one built in; docs/aws.md has the format
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,

    /// Print the least privilege that the policy takes as JSON for IAM instead of planning: one document for all that is
    /// named (`writer,pruner`), or one for each when nobody is
    #[arg(long, value_name = "WHO", num_args = 0..=1, value_delimiter = ',', hide_possible_values = false)]
    iam_policy: Option<Vec<Who>>,

    #[command(flatten)]
    scope: ScopeArgs,
}

/// Formats of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Text for a terminal
    Human,
    /// A comment for a pull request, at most 60,000 bytes, or a summary of a step
    Markdown,
    /// One document, as schemas/plan.v1.json describes it
    Json,
    /// SARIF 2.1.0 for code scanning: guards, problems, deletions, changes of places and identities
    Sarif,
    /// The same as annotations of GitHub Actions
    Github,
}

/// The part of a plan that is wanted.
#[derive(Debug, Clone, clap::Args)]
pub struct ScopeArgs {
    /// Only these parts
    #[arg(long, value_name = "PARTS", value_delimiter = ',')]
    only: Vec<Part>,

    /// Only this address and what is below it, such as `backup/app` or `prune/local`
    #[arg(long, value_name = "ADDRESS")]
    target: Vec<String>,

    /// Take back what the policy gave to a user or role that it no longer asks for; the address that the plan shows
    #[arg(long, value_name = "ADDRESS")]
    forget: Vec<String>,

    /// Only the scheduled work of this tier; `run` says it.
    #[arg(skip)]
    tier: Option<String>,

    /// Only that of this database entry.
    #[arg(skip)]
    database: Option<String>,
}

/// Parts of a plan by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// Folders, buckets and their settings, users, roles and keys of IAM, alarms, what starts scheduled work, settings of
    /// servers, and what makes a storage a repository
    Infra,
    /// Backups that are due
    Backups,
    /// Copies that are missing and can be brought from another storage
    Copies,
    /// Backups that need not be kept, and what killed runs left behind
    Prune,
}

impl ScopeArgs {
    /// The command that does exactly this part.
    pub fn command(&self) -> String {
        let mut words = vec!["backstay apply".to_owned()];
        if !self.only.is_empty() {
            let only = self.only.iter().filter_map(|part| Some(part.to_possible_value()?.get_name().to_owned()));
            words.push(format!("--only {}", only.collect::<Vec<_>>().join(",")));
        }
        words.extend(self.target.iter().map(|target| format!("--target {}", quoted(target))));
        words.extend(self.forget.iter().map(|address| format!("--forget {}", quoted(address))));
        words.join(" ")
    }

    /// The scope that was typed.
    pub fn scope(&self) -> Scope {
        let phase = |part: &Part| match part {
            Part::Infra => Phase::Infra,
            Part::Backups => Phase::Backups,
            Part::Copies => Phase::Copies,
            Part::Prune => Phase::Prune,
        };
        Scope {
            only: self.only.iter().map(phase).collect(),
            targets: self.target.clone(),
            forget: self.forget.clone(),
            work: self.tier.clone().map(|tier| Work { tier, database: self.database.clone() }),
        }
    }

    /// Only one part.
    pub fn part(part: Part, target: Vec<String>) -> ScopeArgs {
        ScopeArgs { only: vec![part], target, forget: Vec::new(), tier: None, database: None }
    }

    /// All scheduled work.
    pub fn scheduled() -> ScopeArgs {
        let only = vec![Part::Backups, Part::Copies, Part::Prune];
        ScopeArgs { only, target: Vec::new(), forget: Vec::new(), tier: None, database: None }
    }

    /// Only the scheduled work of a tier.
    pub fn work(tier: &str, database: Option<&str>) -> ScopeArgs {
        let only = vec![Part::Backups, Part::Copies, Part::Prune];
        ScopeArgs {
            only,
            target: Vec::new(),
            forget: Vec::new(),
            tier: Some(tier.to_owned()),
            database: database.map(str::to_owned),
        }
    }
}

/// Plans and shows.
pub fn run(args: &Args, context: &Context) -> Exit {
    let policies = match policy_files::valid_policies(context) {
        Ok(policies) => policies,
        Err(exit) => return exit,
    };
    if let Some(who) = &args.iam_policy {
        return iam_policy::run(who, &policies, context);
    }
    let prices = match prices::prices(args.prices.as_deref(), context) {
        Ok(prices) => prices,
        Err(exit) => return exit,
    };
    let planned = match observe_and_plan_by(&prices, Preflight::Always, policies, &args.scope.scope(), context) {
        Ok(planned) => planned,
        Err(exit) => return exit,
    };
    let saved = SavedPlan {
        format_version: FORMAT_VERSION,
        tool: concat!("backstay ", env!("CARGO_PKG_VERSION")).to_owned(),
        plans: planned.iter().map(|planned| planned.plan.clone()).collect(),
    };
    if let Some(file) = &args.out
        && let Err(problem) = write_plan(file, &saved)
    {
        context.complain(format_args!("cannot write {}: {problem}", file.display()), None);
        return Exit::Failed;
    }
    let format = if context.json { Format::Json } else { args.format };
    let plans: Vec<&Plan> = saved.plans.iter().collect();
    match format {
        Format::Markdown => context.say(report::plan_markdown(&plans)),
        Format::Json => context.say(format_args!("{}\n", serde_json::to_string_pretty(&saved).unwrap_or_default())),
        Format::Sarif => context.say(report::plan_sarif(&plans)),
        Format::Github => context.say(report::plan_annotations(&plans)),
        Format::Human => for_people(args, &planned, context),
    }
    if planned.iter().any(|planned| planned.plan.is_refused()) {
        Exit::Refused
    } else if planned.iter().any(|planned| planned.plan.has_problems()) {
        Exit::Failed
    } else if args.detailed_exitcode && planned.iter().any(|planned| !planned.plan.is_empty()) {
        Exit::Changes
    } else {
        Exit::Done
    }
}

fn for_people(args: &Args, planned: &[Planned], context: &Context) {
    let style = Style { colour: context.colour, width: context.width };
    for (index, Planned { desired, plan, .. }) in planned.iter().enumerate() {
        let gap = if index == 0 { "" } else { "\n" };
        context.say(format_args!("{gap}{}", report::plan(plan, style)));
        if args.explain {
            context.say(format_args!("\n{}", report::explanation(&desired.explained, style)));
            context.say(report::permission_list(plan, style));
        }
    }
    if let Some(file) = &args.out {
        context.tell(format_args!("Saved. To do exactly this: backstay apply {}", file.display()));
    }
}
