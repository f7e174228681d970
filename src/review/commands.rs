//! Commands that the policy makes the machine run: hooks, and what client programs run behind.

use super::draft::{Draft, own_or_default};
use super::pair::{Both, Pair};
use crate::base::{Template, visible};
use crate::diag::codes;
use crate::policy::{Document, HookSpec, Route};

pub(super) fn compare(pair: &Pair<'_>, found: &mut Vec<Draft>) {
    for both in &pair.databases {
        one(pair, both, ["exec", ""], &both.before.exec, &both.after.exec, found);
        let (old, new) = (moments(&both.before.hooks), moments(&both.after.hooks));
        for ((moment, old), (_, new)) in old.into_iter().zip(new) {
            one(pair, both, ["hooks", moment], old, new, found);
        }
    }
    // Of a new database, everything that it runs is news.
    for (name, spec) in &pair.head.desired.databases {
        if pair.databases.iter().any(|both| both.name == name) {
            continue;
        }
        let both = Both { name_before: name, name, before: spec, after: spec };
        one(pair, &both, ["exec", ""], &[], &spec.exec, found);
        for (moment, commands) in moments(&spec.hooks) {
            one(pair, &both, ["hooks", moment], &[], commands, found);
        }
    }
}

type Commands = [Vec<Template>];

fn moments(hooks: &HookSpec) -> [(&'static str, &Commands); 5] {
    [
        ("before_backup", &hooks.before_backup),
        ("after_backup", &hooks.after_backup),
        ("before_restore", &hooks.before_restore),
        ("after_restore", &hooks.after_restore),
        ("on_failure", &hooks.on_failure),
    ]
}

fn one(pair: &Pair<'_>, both: &Both<'_>, key: [&str; 2], old: &Commands, new: &Commands, found: &mut Vec<Draft>) {
    if old == new {
        return;
    }
    let keys: Vec<&str> = key.into_iter().filter(|key| !key.is_empty()).collect();
    let detail = match key {
        ["hooks", moment] => format!("`{moment}`"),
        _ => "`exec`, what client programs run behind".to_owned(),
    };
    let said = |side: usize, document: &Document, name: &str, commands: &Commands| {
        let of = own_or_default(name, &keys).into_iter().find(|route| document.tree.at(route).is_some());
        let hidden = |command: usize, word: usize| {
            let route = of.as_ref();
            // One command of `exec` may stand without the list around it.
            let at = route.map(|route| [route.index(command).index(word), route.index(word)]);
            at.into_iter().flatten().any(|route| pair.secrets[side].contains(&route))
        };
        let command = |(index, words): (usize, &Vec<Template>)| {
            let word = |(at, word): (usize, &Template)| {
                if hidden(index, at) { "(hidden)".to_owned() } else { shell(word.source()) }
            };
            words.iter().enumerate().map(word).collect::<Vec<_>>().join(" ")
        };
        let all: Vec<String> = commands.iter().enumerate().map(command).collect();
        Some(if all.is_empty() { "nothing".to_owned() } else { all.join("; ") })
    };
    let before = said(0, pair.base.document, both.name_before, old);
    let after = said(1, pair.head.document, both.name, new);
    let mut routes = own_or_default(both.name, &keys);
    routes.extend(own_or_default(both.name, &keys[..1]));
    let draft = Draft { routes, ..Draft::new(&codes::COMMAND_CHANGED, detail, Route::top()) };
    found.push(draft.of(both.name).change(before, after));
}

/// A word of a command line, in quotes where a reader could not tell where it ends.
fn shell(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "_-./:=@%+,{}$".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { format!("'{}'", visible(word)) }
}
