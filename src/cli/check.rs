//! `backstay check`: how recoverability stands, for Nagios and its kin.

use super::standings::see;
use super::{Context, Exit};
use crate::report;
use crate::standing::{Gravity, Standing};

/// Say in one line whether all is well, as a plugin of Nagios, Icinga, Zabbix or Checkmk
///
/// Prints one line with performance data, then every concern. Exits by the convention of those
/// programs, not by that of the other verbs: 0 well, 1 warning, 2 critical, 3 unknown (a storage
/// cannot be read, the policy is invalid).
///
/// Examples:
///   backstay check
///   backstay check app
///   backstay --policy /etc/backstay/shop.yaml check
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Only this database
    #[arg(value_name = "DATABASE")]
    database: Option<String>,
}

// Numbers of the plugin convention, which are those of other ends here.
const WARNING: Exit = Exit::Failed;
const CRITICAL: Exit = Exit::Changes;
const UNKNOWN: Exit = Exit::InvalidPolicy;

/// Reads every storage and says how things stand.
pub fn run(args: &Args, context: &Context) -> Exit {
    let seen = match see(context, args.database.as_deref()) {
        Ok(seen) => seen,
        Err(_) => {
            // Whoever collects such lines reads standard output only.
            context.say("BACKSTAY UNKNOWN - the policy could not be looked at; standard error says why\n");
            return UNKNOWN;
        }
    };
    let standings: Vec<Standing> = seen.into_iter().map(|seen| seen.standing).collect();
    let (text, gravest) = report::nagios(&standings);
    if context.json {
        context.say(report::status_json(&standings));
    } else {
        context.say(text);
    }
    match gravest {
        None => Exit::Done,
        Some(Gravity::Warning) => WARNING,
        Some(Gravity::Critical) => CRITICAL,
        Some(Gravity::Unknown) => UNKNOWN,
    }
}
