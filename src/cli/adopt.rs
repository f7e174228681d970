//! `backstay adopt`: dumps made by old scripts become backups.

use super::catalogs::unknown_storage;
use super::policy_files::valid_policies;
use super::{Context, Exit};
use crate::adopt::{AdoptError, Means, Order, adopt};
use crate::base::BackupId;
use crate::diag::codes;
use crate::moving::{Adoption, Pattern};
use crate::policy::Desired;
use crate::postgres::Connection;
use crate::report::{self, Style};
use crate::repository::RepositoryError;
use crate::stream::keys;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Take over dumps that old scripts made, as backups
///
/// Reads every dump in a folder of a storage whose name fits the pattern, to its end, and describes it by a manifest.
/// The dump stays where it is: nothing is moved, copied or changed. From then on it is a backup of the database in the
/// tier: listed, verified, restored, copied to the tier's other storages by `sync`, deleted by `prune` when the tier
/// does not keep it any more, with the small files beside it (`.sha256`, `.meta`).
///
/// Understood are SQL text, custom and tar format of pg_dump, in gzip or zstd, in age or gpg. A `.sha256` beside a dump
/// is compared. What is damaged, cut off, empty or of another database is refused, with the reason; the rest is
/// adopted. What was adopted before is not read again.
///
/// In a pattern `{timestamp}`, or `{date}` and `{time}`, stand for the moment, in any usual way or as
/// `{timestamp:%d%m%Y-%H%M}` says; `{database}` for a name; `*` for anything. Exits 0 when all are backups, 7 when some
/// were refused.
///
/// Examples:
///   backstay adopt local production --pattern 'shop_{timestamp}.sql.gz' --database shop --tier daily --dry-run
///   backstay adopt offsite backups --pattern '{date}/{database}-{time}.dump.gpg' --database tenants --tier daily --yes
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The storage of the policy that they lie in
    #[arg(value_name = "STORAGE")]
    storage: String,

    /// Folder inside the storage; `.` for the storage itself
    #[arg(value_name = "FOLDER")]
    folder: String,

    /// How their names go, below the folder
    #[arg(long)]
    pattern: String,

    /// The database entry they are backups of
    #[arg(long, value_name = "DATABASE")]
    database: String,

    /// The tier they belong to from now on
    #[arg(long, value_name = "TIER")]
    tier: String,

    /// Name of the database in the dumps, when it is another one than the policy connects to
    #[arg(long, value_name = "NAME")]
    dumped_from: Option<String>,

    /// Time zone of the moments in their names [default: that of the policy]
    #[arg(long, value_name = "ZONE", value_parser = zone)]
    timezone: Option<TimeZone>,

    /// Read and judge every dump, write nothing
    #[arg(long)]
    dry_run: bool,

    /// Do not ask
    #[arg(long)]
    yes: bool,
}

fn zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name).map_err(|_| format!("`{name}` is no time zone; they are called as in `Europe/Kyiv`"))
}

/// Reads the dumps and shows what became of each.
pub fn run(args: &Args, context: &Context) -> Exit {
    let pattern = match Pattern::parse(&args.pattern) {
        Ok(pattern) => pattern,
        Err(error) => {
            context.complain(
                format_args!("`{}` is no pattern: {error}", args.pattern),
                Some("Write the name of one of the dumps with `{timestamp}` in the place of its moment."),
            );
            return Exit::Usage;
        }
    };
    match context.block_on(take_over(args, &pattern, context)) {
        Ok(Ok(adoption)) => show(&adoption, context),
        Ok(Err(exit)) => exit,
        Err(error) => {
            context.complain(error, None);
            Exit::Failed
        }
    }
}

async fn take_over(args: &Args, pattern: &Pattern, context: &Context) -> Result<Adoption, Exit> {
    let policies = valid_policies(context)?;
    let desired = find(&policies, args, context)?;
    let repositories = context.places(desired);
    let place = repositories.place(&args.storage).map_err(|error| {
        context.fail(&error);
        Exit::Failed
    })?;
    if !args.dry_run && !args.yes {
        ask(args, context)?;
    }
    let (keys, absent) = keys(desired, context.lookup.as_ref());
    for reason in absent {
        context.tell(format_args!("a key of the policy is not at hand here: {reason}"));
    }
    // Without a source of randomness the process id keeps two runs of one second apart.
    let run = BackupId::new(Timestamp::now(), getrandom::u32().unwrap_or_else(|_| std::process::id())).to_string();
    let named = args.dumped_from.clone().or_else(|| connected_to(desired, &args.database, context));
    let order = Order {
        desired,
        repository: &place.repository,
        folder: &args.folder,
        pattern,
        pattern_text: &args.pattern,
        zone: args.timezone.as_ref().unwrap_or(&desired.timezone),
        entry: &args.database,
        tier: &args.tier,
        source: named.as_deref(),
        is_dry_run: args.dry_run,
        run: &run,
    };
    let means = Means { keys, observer: context.observer(), stop: context.cancel.clone() };
    adopt(&order, &means).await.map_err(|error| {
        context.fail(&error);
        match error {
            AdoptError::Interrupted => Exit::Interrupted,
            AdoptError::Repository(RepositoryError::Locked { .. }) => Exit::Locked,
            _ => Exit::Failed,
        }
    })
}

/// The policy that has both the storage and the database.
fn find<'a>(policies: &'a [Desired], args: &Args, context: &Context) -> Result<&'a Desired, Exit> {
    let has_both = |policy: &&Desired| {
        policy.storages.contains_key(&args.storage) && policy.databases.contains_key(&args.database)
    };
    let has_storage = |policy: &&Desired| policy.storages.contains_key(&args.storage);
    // One without the database says so itself.
    policies.iter().find(has_both).or_else(|| policies.iter().find(has_storage)).ok_or_else(|| {
        unknown_storage(context, &args.storage, policies.iter().flat_map(|policy| policy.storages.keys()))
    })
}

fn ask(args: &Args, context: &Context) -> Result<(), Exit> {
    if !context.can_ask() {
        context.complain(
            "adopting needs a word, and there is no terminal to ask on; nothing was changed",
            Some("Look first with `--dry-run`, then add `--yes`."),
        );
        return Err(Exit::Refused);
    }
    let question = format!(
        "Adopt what fits `{}` below `{}` in `{}` as backups of `{}` in tier `{}`? From then on the tier decides when \
         they are deleted.",
        args.pattern, args.folder, args.storage, args.database, args.tier
    );
    if context.ask(&question) {
        return Ok(());
    }
    context.tell("nothing was changed");
    Err(if context.cancel.is_cancelled() { Exit::Interrupted } else { Exit::Refused })
}

/// Name of the database that the policy connects to. Unknown where its reference has no value here, and of an entry
/// that means many.
fn connected_to(desired: &Desired, entry: &str, context: &Context) -> Option<String> {
    let spec = desired.databases.get(entry).filter(|spec| spec.matching.is_none())?;
    let connection = Connection::resolve(&spec.connection, context.lookup.as_ref()).ok()?;
    connection.database().map(str::to_owned)
}

fn show(adoption: &Adoption, context: &Context) -> Exit {
    if context.json {
        context.say(report::adoption_json(adoption));
    } else {
        context.say(report::adoption(adoption, Style { colour: context.colour, width: context.width }));
    }
    let n_refused = adoption.refused().count();
    if n_refused == 0 {
        if !adoption.is_dry_run && adoption.taken().next().is_some() {
            context
                .tell("`backstay list` shows them, `backstay verify --deep` proves them, `backstay plan` what follows");
        }
        return Exit::Done;
    }
    let id = codes::DUMPS_REFUSED.id;
    context.warn(format_args!("error[{id}]: {n_refused} of {} dumps were refused", adoption.dumps.len()));
    Exit::Partly
}
