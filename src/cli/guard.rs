//! `backstay guard`: a backup before a command that changes the database.

use super::child;
use super::{Context, Exit, backup, policy_files, restore};
use crate::backup::BackupError;
use crate::base::BackupId;
use crate::catalog::Method;
use crate::diag::{Code, Explain, codes};
use std::ffi::OsString;
use std::process::ExitCode;

/// Take a backup, then run a command that changes the database, such as a migration
///
/// The command runs only when the backup is there. Its standard input, output and error are those of this program, signals
/// are passed on to it, and its exit code is the exit code (128 + N when signal N ended it, 127 when it cannot be found).
/// When it fails, it is said how to go back to the backup; with --rollback-on-failure that is done at once, as
/// `backstay rollback DATABASE --to ID --yes` does it. A code of backstay's own (1, 3, 6, 130) means that the command was
/// not run.
///
/// Examples:
///   backstay guard app --tier pre-migration -- npx drizzle-kit migrate
///   backstay guard app -- npx prisma migrate deploy
///   backstay guard app --rollback-on-failure -- sqlx migrate run
///   backstay guard app -- psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -1 -f 042_orders.sql
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Name of the database in the policy
    database: String,

    /// Tier of the backup [default: the only tier that is on demand, or else the first one of the database]
    #[arg(short, long)]
    tier: Option<String>,

    /// Put the database back to the backup when the command fails
    #[arg(long)]
    rollback_on_failure: bool,

    /// The command, with its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// The command failed.
#[derive(Debug, thiserror::Error)]
#[error("the command {how}; what it did until then may be in the database")]
struct CommandFailed {
    how: String,
    hint: Option<String>,
}

impl Explain for CommandFailed {
    fn code(&self) -> &'static Code {
        &codes::COMMAND_FAILED
    }

    fn hint(&self) -> Option<String> {
        self.hint.clone()
    }
}

/// Backs up, runs the command, and says or does what its failure asks for.
pub fn run(args: &Args, context: &Context) -> ExitCode {
    let id = match back_up(args, context) {
        Ok(id) => id,
        Err(exit) => {
            context.warn("the command was not run");
            return exit.into();
        }
    };
    let ended = match child::run(&args.command) {
        Ok(ended) => ended,
        Err(error) => {
            context.complain(format_args!("`{}` cannot be run: {error}", args.command[0].display()), None);
            return ExitCode::from(if error.kind() == std::io::ErrorKind::NotFound { 127 } else { 126 });
        }
    };
    let Some(how) = ended.failure() else { return ExitCode::SUCCESS };
    let database = &args.database;
    let rollback = format!("backstay rollback {database} --to {id}");
    let hint = format!(
        "Run `{rollback}` to go back to the backup, or look at it first: `backstay restore {database} --from {id} --into \
         {database}_before`."
    );
    let hint = (!args.rollback_on_failure).then_some(hint);
    context.fail(&CommandFailed { how, hint });
    if args.rollback_on_failure {
        context.tell(format_args!("{database} goes back to {id}"));
        let exit = restore::run(&restore::Args::in_place(database, &id, true, false), context);
        if exit != Exit::Done {
            context.complain(
                format_args!("{database} could not be put back to {id}"),
                Some(&format!("Mend what it says, then run `{rollback}`.")),
            );
        }
    }
    ExitCode::from(ended.code())
}

/// The backup to go back to. One copy is enough; missing ones are told.
fn back_up(args: &Args, context: &Context) -> Result<BackupId, Exit> {
    let policies = policy_files::valid_policies(context)?;
    let (desired, target) = backup::find(&policies, &args.database, args.tier.as_deref()).map_err(|error| {
        context.fail(&error);
        Exit::Failed
    })?;
    let tier = target.tier.to_owned();
    if target.tier_spec.method == Method::Physical {
        let problem = format!("tier `{tier}` backs up the whole cluster, which brings no single database back");
        context.fail(&BackupError::Unsupported(problem));
        return Err(Exit::Failed);
    }
    let taken = context.block_on(backup::back_up(desired, target, context)).map_err(|error| {
        context.complain(error, None);
        Exit::Failed
    })?;
    let outcome = taken?;
    for copy in &outcome.failed {
        context.fail(&copy.why);
    }
    let id = outcome.manifest.id;
    context.tell(format_args!("{} ({tier}) is backed up: {id} at {}", args.database, outcome.copies.join(", ")));
    // A signal that came meanwhile was meant to stop everything.
    if context.cancel.is_cancelled() { Err(Exit::Interrupted) } else { Ok(id) }
}

#[cfg(test)]
mod tests {
    use super::child::Ended;

    #[test]
    fn codes_of_commands_are_those_of_shells() {
        assert_eq!((Ended::Code(3).code(), Ended::Signal(15).code(), Ended::Code(0).failure()), (3, 143, None));
        assert_eq!(Ended::Signal(9).failure().as_deref(), Some("was ended by signal 9"));
    }
}
