//! `backstay backup DATABASE`: one backup now.

use super::policy_files::valid_policies;
use super::{Context, Exit, state};
use crate::alert::{DeedEnd, DeedKind, Topic};
use crate::backup::{
    BackupError, BackupOutcome, CopyProblem, FailedCopy, LockedStorages, Order, Target, Tools, find_earlier,
    take_backup,
};
use crate::base::BackupId;
use crate::catalog::WhyFull;
use crate::diag::{Code, Explain, codes};
use crate::policy::Desired;
use crate::report::{self, MissingCopy, Style};
use crate::repository::{Repository, RepositoryError, this_process};
use indexmap::IndexMap;
use jiff::Timestamp;

/// Back up one database now, whether it is due or not
///
/// Takes one backup in a tier of the database and writes it to every storage of that tier. Without --tier: the only
/// tier that is on demand (`schedule: manual`), or else the first one of the database. Exits 0 when every storage has
/// it, 7 when some storage has not, 6 when another run works on the database.
///
/// A physical backup that was interrupted on this machine goes on, under its id.
///
/// Examples:
///   backstay backup app
///   backstay backup app --tier daily
///   backstay backup tenants.tenant_7               a database that an entry with `match` means
///   id=$(backstay backup app --json | jq -r .manifest.id)
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Name of the database in the policy
    database: String,

    /// Tier of the backup
    #[arg(short, long)]
    tier: Option<String>,
}

/// Makes the backup and says what came of it.
pub fn run(args: &Args, context: &Context) -> Exit {
    let policies = match valid_policies(context) {
        Ok(policies) => policies,
        Err(exit) => return exit,
    };
    let (desired, target) = match find(&policies, &args.database, args.tier.as_deref()) {
        Ok(found) => found,
        Err(error) => {
            context.fail(&error);
            return Exit::Failed;
        }
    };
    match context.block_on(back_up(desired, target, context)) {
        Ok(Ok(outcome)) => tell(&outcome, context),
        Ok(Err(exit)) => exit,
        Err(error) => {
            context.complain(error, None);
            Exit::Failed
        }
    }
}

/// The policy that has the database, and the tier meant. Of several policies the first: `--policy` chooses another.
pub(super) fn find<'a>(
    policies: &'a [Desired],
    database: &'a str,
    tier: Option<&'a str>,
) -> Result<(&'a Desired, Target<'a>), BackupError> {
    let mut unknown = None;
    for desired in policies {
        match Target::find(desired, database, tier) {
            Ok(target) => return Ok((desired, target)),
            Err(error @ BackupError::UnknownDatabase(_)) => unknown = unknown.or(Some(error)),
            Err(error) => return Err(error),
        }
    }
    Err(unknown.unwrap_or_else(|| BackupError::UnknownDatabase(database.to_owned())))
}

/// Takes the backup; whatever keeps it from being there at all is told.
pub(super) async fn back_up(desired: &Desired, target: Target<'_>, context: &Context) -> Result<BackupOutcome, Exit> {
    let repositories = context.places(desired).repositories();
    let owner = this_process(&context.run, "backup");
    context.diary.open(desired, &context.run);
    context.diary.acts(&desired.name, &context.run);
    let topic = Topic::tier(target.name, target.tier);
    let note = |end: DeedEnd| context.diary.note(&desired.name, DeedKind::Backup, topic.clone(), end);
    let fail = |error: &dyn Explain| {
        context.fail(error);
        note(DeedEnd::Failed { problem: error.to_string(), code: Some(error.code().id.to_owned()) });
    };
    let locked = match LockedStorages::take(&target.storages(), &repositories, target.name, &owner).await {
        Ok(locked) => locked,
        Err(error) => {
            if matches!(error, RepositoryError::Locked { .. }) {
                context.fail(&error);
                return Err(Exit::Locked);
            }
            fail(&error);
            return Err(Exit::Failed);
        }
    };
    let state = state::repository();
    let tools = Tools {
        repositories: &repositories,
        leases: &locked.leases,
        lookup: context.lookup.as_ref(),
        state: state.as_ref().map(|state| state.store.as_ref()),
        observer: context.observer(),
        cancel: &context.cancel,
        now: Timestamp::now,
    };
    let storages: Vec<&str> =
        target.storages().into_iter().filter(|storage| locked.leases.contains_key(*storage)).collect();
    let earlier = earlier(desired, &target, &storages, &repositories, context).await;
    let order = Order { desired, target, storages, earlier: earlier.as_ref(), run: &context.run };
    let outcome = if locked.leases.is_empty() { None } else { Some(take_backup(&order, &tools).await) };
    let LockedStorages { leases, mut failed } = locked;
    LockedStorages { leases, failed: Vec::new() }.release().await;
    match outcome {
        Some(Ok(outcome)) => {
            note(DeedEnd::Good(format!("{} stored at {}", outcome.manifest.id, outcome.copies.join(", "))));
            failed.extend(outcome.failed);
            Ok(BackupOutcome { failed, ..outcome })
        }
        // What a store says that was given up in haste is nobody's concern.
        Some(Err(_)) | None if context.cancel.is_cancelled() => {
            context.fail(&BackupError::Interrupted);
            Err(Exit::Interrupted)
        }
        Some(Err(BackupError::NoCopy(more))) => {
            failed.extend(more);
            fail(&BackupError::NoCopy(failed));
            Err(Exit::Failed)
        }
        Some(Err(error)) => {
            fail(&error);
            Err(Exit::Failed)
        }
        None => {
            fail(&BackupError::NoCopy(failed));
            Err(Exit::Failed)
        }
    }
}

/// What the backup refers to; where it is full among incremental ones, why is told.
async fn earlier(
    desired: &Desired,
    target: &Target<'_>,
    storages: &[&str],
    repositories: &IndexMap<String, Repository>,
    context: &Context,
) -> Option<BackupId> {
    match find_earlier(desired, target, storages, repositories, Timestamp::now()).await? {
        Ok(id) => Some(id),
        Err(WhyFull::First) => None,
        Err(why) => {
            context.tell(format_args!("the backup is a full one: {why}"));
            None
        }
    }
}

/// A copy that is lacking of a backup that is good.
#[derive(Debug, thiserror::Error)]
#[error("the backup is good and has no copy at {0}")]
struct Lacking<'a>(&'a FailedCopy);

impl Explain for Lacking<'_> {
    fn code(&self) -> &'static Code {
        self.0.why.code()
    }

    fn hint(&self) -> Option<String> {
        let brings = "run `backstay sync`: it brings the copy";
        match &self.0.why {
            CopyProblem::Lacks(_) | CopyProblem::LacksBeginning | CopyProblem::NotOpen => self.0.why.hint(),
            why if why.code() == &codes::STORE_FAILED => {
                Some(format!("See whether it is up and can be reached from here, then {brings}."))
            }
            why => Some(
                why.hint()
                    .map_or_else(|| format!("Mend that, then {brings}."), |hint| format!("{hint} Then {brings}.")),
            ),
        }
    }
}

fn tell(outcome: &BackupOutcome, context: &Context) -> Exit {
    let missing: Vec<MissingCopy> = outcome
        .failed
        .iter()
        .map(|copy| MissingCopy {
            storage: copy.storage.clone(),
            code: copy.why.code().id,
            problem: copy.why.to_string(),
        })
        .collect();
    if context.json {
        let view = report::backup_made_view(&outcome.manifest, &outcome.copies, &missing);
        // Our own structs serialise always.
        context.say(serde_json::to_string_pretty(&view).unwrap_or_default() + "\n");
    } else {
        let style = Style { colour: context.colour, width: context.width };
        context.say(report::backup(&outcome.manifest, &outcome.copies, &missing, style));
    }
    if missing.is_empty() {
        return Exit::Done;
    }
    for copy in &outcome.failed {
        context.fail(&Lacking(copy));
    }
    Exit::Partly
}
