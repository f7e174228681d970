//! Every command line that a policy writes, argument by argument.

use crate::base::Template;
use crate::policy::document::Document;
use crate::policy::model::{Argv, Exec, Hooks, Written};
use crate::policy::route::Route;

/// One argument of a command line.
pub(in crate::policy) struct Argument<'d> {
    /// Where it stands.
    pub(in crate::policy) route: Route,
    /// The argument before it on the same command line.
    pub(in crate::policy) before: Option<&'d str>,
    /// The argument.
    pub(in crate::policy) value: &'d Template,
}

/// Every argument of every `exec` and hook, in the order of the policy.
pub(in crate::policy) fn arguments(document: &Document) -> Vec<Argument<'_>> {
    let mut all = Vec::new();
    for (name, database) in &document.model.databases {
        let route = Route::of(["databases", name]);
        of_exec(&mut all, &route.key("exec"), database.exec.as_ref());
        of_hooks(&mut all, &route.key("hooks"), database.hooks.as_ref());
    }
    if let Some(defaults) = &document.model.defaults {
        of_exec(&mut all, &Route::of(["defaults", "exec"]), defaults.exec.as_ref());
        of_hooks(&mut all, &Route::of(["defaults", "hooks"]), defaults.hooks.as_ref());
    }
    all
}

fn of_exec<'d>(all: &mut Vec<Argument<'d>>, route: &Route, exec: Option<&'d Exec>) {
    match exec {
        Some(Exec::One(argv)) => of_argv(all, route, argv),
        Some(Exec::Fallbacks(argvs)) => of_list(all, route, argvs),
        None => {}
    }
}

fn of_hooks<'d>(all: &mut Vec<Argument<'d>>, route: &Route, hooks: Option<&'d Hooks>) {
    let Some(hooks) = hooks else { return };
    let moments = [
        ("before_backup", &hooks.before_backup),
        ("after_backup", &hooks.after_backup),
        ("before_restore", &hooks.before_restore),
        ("after_restore", &hooks.after_restore),
        ("on_failure", &hooks.on_failure),
    ];
    for (moment, argvs) in moments {
        of_list(all, &route.key(moment), argvs.as_deref().unwrap_or_default());
    }
}

fn of_list<'d>(all: &mut Vec<Argument<'d>>, route: &Route, argvs: &'d [Argv]) {
    for (index, argv) in argvs.iter().enumerate() {
        of_argv(all, &route.index(index), &argv.0);
    }
}

fn of_argv<'d>(all: &mut Vec<Argument<'d>>, route: &Route, argv: &'d [Written<Template>]) {
    for (index, argument) in argv.iter().enumerate() {
        all.push(Argument {
            route: route.index(index),
            before: index.checked_sub(1).map(|before| argv[before].text()),
            value: argument.value(),
        });
    }
}
