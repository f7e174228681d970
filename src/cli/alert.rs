//! `backstay alert`: trying the channels of alerts.

use super::afterwards::{host, tell_of};
use super::policy_files::valid_policies;
use super::{Context, Exit};
use crate::alert::{Kind, Message, PolicyFiles, RunReport, Sender, Topic, blind};
use crate::diag::{Explain, nearest};
use crate::http::Client;
use crate::notify::{Means, NotifyError, Pulse, Told, deliver, ping};
use crate::policy::{AlertSeverity, ChannelSpec, Desired};
use crate::report::{self, ChannelTest};
use futures_util::future::join_all;
use jiff::Timestamp;

/// Try the channels that alerts are told by
///
/// Alerts themselves are told by `run`, `apply`, `backup`, `verify`, `drill` and `restore` when they end; docs/alerts.md
/// says of what and how often.
///
/// Examples:
///   backstay alert test
///   backstay alert test ops
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(subcommand)]
    deed: Deed,
}

#[derive(Debug, clap::Subcommand)]
enum Deed {
    /// Send a test message
    ///
    /// Sends one message that says it is a test; a dead man's switch is told that a run begins. Exits 0 when every
    /// channel took it, 7 when some did, 1 when none did.
    ///
    /// Examples:
    ///   backstay alert test            every channel of the policy
    ///   backstay alert test ops        only this one
    ///   backstay alert test --json | jq -r '.tests[] | select(.taken | not) | .channel'
    #[command(verbatim_doc_comment)]
    Test {
        /// Name of the channel; all unless named
        channel: Option<String>,
    },

    /// Tell whether the files of the policies can be used, as the agent saw it
    ///
    /// What `backstay agent` starts with the last valid policies when their files become invalid, and when they are valid
    /// again. Exits 0 when it was told or is remembered.
    #[command(hide = true)]
    Files {
        /// What is wrong; nothing unless given
        #[arg(long, value_name = "PROBLEM")]
        invalid: Option<String>,
        /// Its code
        #[arg(long, value_name = "CODE")]
        code: Option<String>,
        /// The files that are meant
        files: Vec<String>,
    },
}

/// Sends a message to each channel that is meant.
pub fn run(args: &Args, context: &Context) -> Exit {
    let policies = match valid_policies(context) {
        Ok(policies) => policies,
        Err(exit) => return exit,
    };
    let channel = match &args.deed {
        Deed::Test { channel } => channel,
        Deed::Files { invalid, code, files } => {
            let seen = match invalid.clone() {
                None => PolicyFiles::Valid,
                Some(problem) => PolicyFiles::Invalid { files: files.clone(), problem, code: code.clone() },
            };
            return tell_files(&policies, &seen, context);
        }
    };
    let names = || policies.iter().flat_map(|policy| policy.alerts.channels.keys());
    if let Some(wanted) = channel.as_ref().filter(|wanted| !names().any(|name| name == *wanted)) {
        let hint = nearest(wanted, names().map(String::as_str)).map(|near| format!("Did you mean `{near}`?"));
        context.complain(format_args!("there is no channel `{wanted}` in the policy"), hint.as_deref());
        return Exit::Failed;
    }
    if names().next().is_none() {
        context
            .complain("the policy has no channels", Some("Add one below `alerts.channels`; docs/alerts.md shows how."));
        return Exit::Failed;
    }
    match context.block_on(test(&policies, channel.as_deref(), context)) {
        Ok(tests) => show(&tests, context),
        Err(error) => {
            context.complain(error, None);
            Exit::Failed
        }
    }
}

/// Tells the channels of each policy whether the files can be used, and nothing else.
fn tell_files(policies: &[Desired], seen: &PolicyFiles, context: &Context) -> Exit {
    let deed = async {
        let client = Client::new(context.lookup.as_ref());
        let means = Means { lookup: context.lookup.as_ref(), client: &client };
        let mut is_known = true;
        for desired in policies.iter().filter(|desired| !desired.alerts.channels.is_empty()) {
            let report = RunReport { files: seen.clone(), ..RunReport::begun(context.run.clone(), Timestamp::now()) };
            let told = tell_of(desired, &blind(&report), means, context, Told::default()).await;
            is_known &= told.forgotten.is_none();
        }
        is_known
    };
    match context.block_on(deed) {
        Ok(true) => Exit::Done,
        Ok(false) => Exit::Failed,
        Err(error) => {
            context.complain(error, None);
            Exit::Failed
        }
    }
}

async fn test(
    policies: &[Desired],
    wanted: Option<&str>,
    context: &Context,
) -> Vec<(ChannelTest, Option<NotifyError>)> {
    let client = Client::new(context.lookup.as_ref());
    let means = Means { lookup: context.lookup.as_ref(), client: &client };
    let all = policies.iter().flat_map(|policy| policy.alerts.channels.iter().map(move |channel| (policy, channel)));
    let meant = all.filter(|(_, (name, _))| wanted.is_none_or(|wanted| wanted == *name));
    let tries = meant.map(|(policy, (name, channel))| async move {
        let end = match channel {
            ChannelSpec::Healthcheck { url } => ping(url, Pulse::Start, "a test by `backstay alert test`", means).await,
            channel => deliver(channel, &[&message(policy, name, &context.run)], means).await.into_iter().collect(),
        };
        let error = end.err();
        let test = ChannelTest {
            policy: policy.name.clone(),
            channel: name.clone(),
            kind: channel.kind(),
            taken: error.is_none(),
            code: error.as_ref().map(|error| error.code().id),
            problem: error.as_ref().map(ToString::to_string),
        };
        (test, error)
    });
    join_all(tries).await
}

fn message(policy: &Desired, channel: &str, run: &str) -> Message {
    let now = Timestamp::now();
    Message {
        format_version: 1,
        kind: Kind::Test,
        event: "test".to_owned(),
        severity: AlertSeverity::Info,
        key: format!("test/{channel}"),
        policy: policy.name.clone(),
        topic: Topic::default(),
        title: format!("this is a test of the channel `{channel}`"),
        problem: "somebody ran `backstay alert test`; nothing is wrong".to_owned(),
        code: None,
        since: now,
        restorable: Vec::new(),
        cause: None,
        command: None,
        link: None,
        sender: Sender { run: run.to_owned(), host: host(), sent_at: now },
    }
}

fn show(tests: &[(ChannelTest, Option<NotifyError>)], context: &Context) -> Exit {
    let views: Vec<&ChannelTest> = tests.iter().map(|(test, _)| test).collect();
    if context.json {
        context.say(report::channel_tests_json(&views));
    } else {
        context.say(report::channel_tests(&views));
        for error in tests.iter().filter_map(|(_, error)| error.as_ref()) {
            context.fail(error);
        }
    }
    match views.iter().filter(|test| test.taken).count() {
        n if n == views.len() => Exit::Done,
        0 => Exit::Failed,
        _ => Exit::Partly,
    }
}
