//! `backstay apply`: carry out a plan, exactly.

use super::plan::ScopeArgs;
use super::planning::{Planned, observe_and_plan, read_plan};
use super::{Context, Exit, again, policy_files, state, wal};
use crate::alert::{DeedEnd, DeedKind, Topic};
use crate::apply::{Hands, Outcome, apply, run_id};
use crate::diag::codes;
use crate::event::StepEnd;
use crate::plan::{Approval, Deed, Plan, SavedPlan, Scope, compare, lifted, refused};
use crate::policy::Desired;
use crate::report::{self, OutcomeView, Reasons, StepView, Style};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Do what the plan says: places, backups due, missing copies, pruning
///
/// Without PLANFILE it plans, shows the plan and asks. With PLANFILE it looks at the world again, and stops with exit 5
/// before the first change when something that matters has moved. Independent steps go on after a failure; running
/// again does what is left. In the end WAL that waits in a spool on this host is brought.
///
/// Examples:
///   backstay apply
///   backstay apply plan.json
///   backstay apply --yes --only backups,prune      from cron
///   backstay apply --expect 3f9a01b2c4d5           only the plan that was reviewed
///   backstay apply --allow-prune app=14            exactly 14 backups of app may go
///   backstay apply --allow-irreversible storage/offsite/versioning
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// A plan saved by `plan --out`; it is the approval
    #[arg(value_name = "PLANFILE", conflicts_with_all = ["only", "target", "forget", "expect"])]
    plan_file: Option<PathBuf>,

    /// Do not ask
    #[arg(long)]
    yes: bool,

    /// Only a plan with this id (or the first 12 characters of it); it is the approval
    #[arg(long, value_name = "PLAN_ID", value_parser = plan_id)]
    expect: Option<String>,

    #[command(flatten)]
    allowances: Allowances,

    /// Do this step though it cannot be taken back; the exact address that the plan shows, repeatable
    #[arg(long, value_name = "ADDRESS")]
    allow_irreversible: Vec<String>,

    #[command(flatten)]
    scope: ScopeArgs,
}

/// Deletions that are allowed by their number.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Allowances {
    /// Let exactly N backups of a database be deleted though that is more than `safety.max_prune`
    #[arg(long, value_name = "DATABASE=N", value_parser = allowance)]
    allow_prune: Vec<(String, usize)>,

    /// Let exactly N files of a database's WAL be deleted though that is more than `safety.max_prune`
    #[arg(long, value_name = "DATABASE=N", value_parser = allowance)]
    allow_prune_wal: Vec<(String, usize)>,
}

impl Args {
    fn approval(&self) -> Approval {
        Approval {
            allow_prune: self.allowances.allow_prune.iter().cloned().collect(),
            allow_prune_wal: self.allowances.allow_prune_wal.iter().cloned().collect(),
            allow_irreversible: self.allow_irreversible.iter().cloned().collect(),
        }
    }

    /// What `prune` and `sync` run: one part, the rest as typed there.
    pub(super) fn shorthand(scope: ScopeArgs, yes: bool, allowances: Allowances) -> Args {
        Args { plan_file: None, yes, expect: None, allowances, allow_irreversible: Vec::new(), scope }
    }
}

/// Understands `DATABASE=N`.
fn allowance(text: &str) -> Result<(String, usize), String> {
    let (database, count) = text.rsplit_once('=').ok_or("write DATABASE=N, such as app=14")?;
    let count = count.parse().map_err(|_| format!("`{count}` is not a number"))?;
    Ok((database.to_owned(), count))
}

fn plan_id(text: &str) -> Result<String, String> {
    let hex = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if hex && (12..=64).contains(&text.len()) {
        Ok(text.to_owned())
    } else {
        Err("a plan id has 12 to 64 characters from 0-9 and a-f".to_owned())
    }
}

/// One policy, ready to be carried out.
struct Ready {
    planned: Planned,
    already_done: BTreeSet<String>,
}

/// Plans, asks, and carries out.
pub fn run(args: &Args, context: &Context) -> Exit {
    match prepare(args, context).and_then(|ready| approve(args, ready, context)) {
        Ok(ready) => {
            let exit = carry_out(args, &ready, context);
            drain_here(args, &ready, context);
            exit
        }
        Err(exit) => exit,
    }
}

/// Brings what waits in spools on this host, unless only a part is to be done. It is no step: who archives does the same.
fn drain_here(args: &Args, ready: &[Ready], context: &Context) {
    if args.scope.scope() != Scope::default() || context.cancel.is_cancelled() {
        return;
    }
    // A deed that cannot even be started has said so before.
    let _ = context.block_on(async {
        for Ready { planned, .. } in ready {
            wal::drain_here(&planned.desired, context, |_| true).await;
        }
    });
}

fn prepare(args: &Args, context: &Context) -> Result<Vec<Ready>, Exit> {
    let policies = policy_files::valid_policies(context)?;
    match &args.plan_file {
        None => {
            let planned = observe_and_plan(policies, &args.scope.scope(), context)?;
            if let Some(expected) = &args.expect {
                expect(expected, &planned, context)?;
            }
            Ok(planned.into_iter().map(|planned| Ready { planned, already_done: BTreeSet::new() }).collect())
        }
        Some(file) => {
            let saved = read_plan(file).map_err(|e| {
                context.fail(&e);
                Exit::Failed
            })?;
            against(saved, policies, context)
        }
    }
}

fn expect(expected: &str, planned: &[Planned], context: &Context) -> Result<(), Exit> {
    let found: Vec<String> = planned.iter().map(|planned| planned.plan.id.to_string()).collect();
    if found.iter().any(|id| id.starts_with(expected)) && found.len() == 1 {
        return Ok(());
    }
    let style = Style { colour: context.colour, width: context.width };
    planned.iter().for_each(|planned| context.say(report::plan(&planned.plan, style)));
    context.warn(format_args!(
        "error[{}]: the plan is now {}, not {expected}; nothing was changed",
        codes::PLAN_STALE.id,
        found.iter().map(|id| &id[..12]).collect::<Vec<_>>().join(", ")
    ));
    Err(Exit::Stale)
}

/// Holds saved plans against the world as it is.
fn against(saved: SavedPlan, mut policies: Vec<Desired>, context: &Context) -> Result<Vec<Ready>, Exit> {
    let mut ready = Vec::new();
    let mut holds = true;
    let style = Style { colour: context.colour, width: context.width };
    for saved in saved.plans {
        let Some(at) = policies.iter().position(|desired| desired.name == saved.policy.name) else {
            context.fail(&super::planning::PlanFileError::OtherPolicy(saved.policy.name));
            return Err(Exit::Failed);
        };
        let desired = policies.remove(at);
        let mut planned = observe_and_plan(vec![desired], &saved.scope, context)?;
        let Some(mut planned) = planned.pop() else { continue };
        let standing = compare(&saved, &planned.plan);
        if !standing.holds() {
            holds = false;
            context.say(report::stale(&saved, &planned.plan, &standing.differences, style));
        }
        planned.plan = Plan { basis: planned.plan.basis, guards: planned.plan.guards, ..saved };
        ready.push(Ready { planned, already_done: standing.already_done });
    }
    if holds {
        return Ok(ready);
    }
    context.warn(format_args!("error[{}]: the plan is stale; nothing was changed", codes::PLAN_STALE.id));
    context.warn("hint: Look at `backstay plan --out FILE` and apply that.");
    Err(Exit::Stale)
}

fn approve(args: &Args, ready: Vec<Ready>, context: &Context) -> Result<Vec<Ready>, Exit> {
    let style = Style { colour: context.colour, width: context.width };
    let is_empty = ready.iter().all(|ready| ready.planned.plan.is_empty());
    // Whoever applies a plan file has seen the plan.
    let is_new = args.plan_file.is_none() || is_empty;
    // Cron mails whatever is printed: a quiet run that has nothing to tell says nothing.
    let is_worth_telling = !context.quiet || ready.iter().any(|ready| is_bad(&ready.planned.plan));
    let approval = args.approval();
    if !context.json && is_new && is_worth_telling {
        for Ready { planned, .. } in &ready {
            let plan = lifted(&planned.plan, &approval);
            context.say(format_args!("{}\n", report::plan(&plan, style).trim_end()));
        }
    }
    for idle in approval.idle(&ready.iter().map(|ready| &ready.planned.plan).collect::<Vec<_>>()) {
        context.warn(format_args!("warning: {idle}"));
    }
    if is_empty || args.yes || args.plan_file.is_some() || args.expect.is_some() {
        return Ok(ready);
    }
    if !context.can_ask() {
        context
            .warn(format_args!("error[{}]: nobody can be asked, so nothing was changed", codes::APPROVAL_MISSING.id));
        context.warn(format_args!(
            "hint: Run `{} --yes`, or save the plan with `backstay plan --out FILE` and apply that.",
            args.scope.command()
        ));
        return Err(Exit::Refused);
    }
    let answer = context.block_on(async { context.ask("\nDo this?") });
    match answer {
        Ok(true) => Ok(ready),
        _ if context.cancel.is_cancelled() => Err(Exit::Interrupted),
        _ => Err(Exit::Refused),
    }
}

fn is_bad(plan: &Plan) -> bool {
    plan.has_problems() || plan.is_refused()
}

fn carry_out(args: &Args, ready: &[Ready], context: &Context) -> Exit {
    let approval = args.approval();
    let observer = context.observer();
    let mut views = Vec::new();
    let mut exits = Vec::new();
    for (index, Ready { planned, already_done }) in ready.iter().enumerate() {
        let Planned { desired, places, plan, .. } = planned;
        // Journals of two policies in one store must not be one file.
        let run = if index == 0 { context.run.clone() } else { run_id(Timestamp::now()) };
        context.diary.acts(&desired.name, &run);
        let refused = refused(plan, &approval);
        let hands = Hands {
            desired,
            places,
            lookup: context.lookup.clone(),
            observer: observer.clone(),
            cancel: context.cancel.clone(),
            run: run.clone(),
            verb: "apply",
            root: context.root.clone(),
            state: state::repository(),
            print_key: context.key_printer(),
        };
        let outcome = if plan.is_empty() {
            Ok(Outcome::default())
        } else {
            context.block_on(apply(plan, already_done, &refused, &hands))
        };
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(e) => {
                context.complain(format_args!("cannot start: {e}"), None);
                return Exit::Failed;
            }
        };
        let exit = exit_of(&outcome, plan);
        exits.push(exit);
        if !plan.is_empty() || context.json {
            views.push(view(plan, run, &outcome, exit));
        }
        note(&outcome, plan, context);
        told(&outcome, plan, exit, args, context);
        refresh_indexes(planned, context);
    }
    if context.json {
        context.say(format_args!("{}\n", serde_json::to_string_pretty(&views).unwrap_or_default()));
    } else if !context.quiet || exits.iter().any(|exit| *exit != Exit::Done) {
        let style = Style { colour: context.colour, width: context.width };
        let reasons = if context.shows_events_beside_results() { Reasons::Told } else { Reasons::Untold };
        views.iter().for_each(|view| context.say(view.text(reasons, style)));
    }
    combined(&exits)
}

/// Writes indexes anew that were not what is stored: reading is faster then. Nothing depends on it, so a failure is
/// only told.
fn refresh_indexes(planned: &Planned, context: &Context) {
    for (storage, databases) in &planned.stale_indexes {
        let Ok(place) = planned.places.place(storage) else { continue };
        if let Ok(Err(e)) = context.block_on(place.repository.write_indexes(databases)) {
            context.tell(format_args!("the index at {storage} could not be written: {e}"));
        }
    }
}

fn view(plan: &Plan, run: String, outcome: &Outcome, exit: Exit) -> OutcomeView {
    OutcomeView {
        format_version: 1,
        policy: plan.policy.name.clone(),
        plan_id: plan.id.to_string(),
        run,
        steps: outcome.steps.iter().map(|s| StepView::new(&s.address, &s.title, &s.end, s.guarded)).collect(),
        interrupted: outcome.interrupted,
        exit_code: exit as u8,
    }
}

/// What a person needs next to the outcome itself.
fn told(outcome: &Outcome, plan: &Plan, exit: Exit, args: &Args, context: &Context) {
    for (_, holder) in &outcome.locked {
        context.warn(format_args!("error: {holder}"));
    }
    if matches!(exit, Exit::Partly | Exit::Failed | Exit::Interrupted) && !plan.is_empty() {
        let is_approved = args.yes || args.plan_file.is_some();
        let command = again::command(plan, outcome, &args.approval(), is_approved);
        context.warn(format_args!("hint: To do what is left: {command}"));
    }
}

/// Notes how backups went. One that was left out, by a guard or because another run has the database, is no failure of
/// its own.
fn note(outcome: &Outcome, plan: &Plan, context: &Context) {
    for (step, action) in outcome.steps.iter().filter_map(|step| {
        let action = plan.actions.iter().find(|action| action.address == step.address)?;
        Some((step, action))
    }) {
        let Deed::TakeBackup { database, tier, .. } = &action.deed else { continue };
        let end = match &step.end {
            StepEnd::Done(done) | StepEnd::Partly(done) => DeedEnd::Good(done.clone()),
            StepEnd::Failed(problem) => DeedEnd::failed(problem),
            StepEnd::AlreadyDone | StepEnd::Deferred(_) | StepEnd::Skipped(_) => continue,
        };
        context.diary.note(&plan.policy.name, DeedKind::Backup, Topic::tier(database, tier), end);
    }
}

fn exit_of(outcome: &Outcome, plan: &Plan) -> Exit {
    let n_bad = outcome.n_failed() + outcome.n_partly() + outcome.n_skipped();
    if outcome.interrupted {
        Exit::Interrupted
    } else if !outcome.locked.is_empty() && outcome.n_failed() + outcome.n_partly() + outcome.n_done() == 0 {
        Exit::Locked
    } else if n_bad > 0 && outcome.n_done() + outcome.n_partly() == 0 {
        Exit::Failed
    } else if n_bad > 0 {
        Exit::Partly
    } else if outcome.n_guarded() > 0 || plan.is_refused() {
        Exit::Refused
    } else if plan.has_problems() {
        if plan.is_empty() { Exit::Failed } else { Exit::Partly }
    } else {
        Exit::Done
    }
}

/// One exit for several policies: their common one, or `Partly` when some went well and some did not.
fn combined(exits: &[Exit]) -> Exit {
    match exits {
        [] => Exit::Done,
        [first, rest @ ..] if rest.iter().all(|exit| exit == first) => *first,
        _ if exits.contains(&Exit::Interrupted) => Exit::Interrupted,
        _ => Exit::Partly,
    }
}
