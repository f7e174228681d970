//! A password or token stands on a command line of a hook or of `exec`.

use crate::base::Reference;
use crate::diag::{Diagnostic, codes};
use crate::policy::facts::{Argument, arguments};
use crate::policy::rule::{Rule, Subject};
use crate::policy::secrets::names_secret;

/// The rule.
pub(super) const RULE: Rule = Rule { code: &codes::SECRET_ON_ARGV, judge };

fn judge(subject: &Subject<'_>) -> Vec<Diagnostic> {
    arguments(subject.document)
        .iter()
        .filter_map(|argument| Some((argument, what(argument)?)))
        .map(|(argument, what)| {
            subject
                .document
                .diagnostic(&codes::SECRET_ON_ARGV, &argument.route, format!("{what} stands on the command line"))
                .with_why("Every user of the machine sees command lines in the process list while they run.")
                .with_hint("Let the program read it itself, from its environment or from a file such as `.pgpass`.")
        })
        .collect()
}

/// What secret an argument carries, if any.
fn what(argument: &Argument<'_>) -> Option<String> {
    for reference in argument.value.references() {
        match reference {
            Reference::File { path } => return Some(format!("the content of `{path}`")),
            Reference::Env { name, .. } if names_secret(name) => return Some(format!("the value of `{name}`")),
            Reference::Env { .. } => {}
        }
    }
    let text = argument.value.source();
    let option = text.split_once('=').filter(|(_, value)| !value.is_empty()).map(|(option, _)| option);
    if let Some(option) = option.filter(|option| !option.contains(char::is_whitespace) && names_secret(option)) {
        return Some(format!("the value of `{option}`"));
    }
    let before = argument.before.filter(|before| before.starts_with("--") && !before.contains('='))?;
    // `--password-file PATH` and the like name where a secret is, not what it is.
    (names_secret(before) && !text.starts_with('-')).then(|| format!("the value of `{before}`"))
}
