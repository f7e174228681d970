//! Parts of a policy that this version reads and does not act on. Each is named, so that nobody counts on it.

use crate::catalog::Method;
use crate::policy::desired::Unmanaged;
use crate::policy::model::{Database, Policy, Run, Tier, Wal, WalMode, WhenFull};
use crate::policy::route::Route;

pub(super) fn unmanaged(policy: &Policy) -> Vec<Unmanaged> {
    let mut list = List(Vec::new());
    for (name, tier) in &policy.tiers {
        list.tier(&Route::of(["tiers", name]), tier);
    }
    for (name, database) in &policy.databases {
        let default = policy.defaults.as_ref().and_then(|defaults| defaults.exec.as_ref());
        let is_behind_exec = database.exec.is_some() || default.is_some();
        list.database(&Route::of(["databases", name]), database, policy.run.as_ref(), is_behind_exec);
    }
    if let Some(defaults) = &policy.defaults {
        let route = Route::of(["defaults"]);
        list.add_if(
            defaults.dump.as_ref().is_some_and(|dump| dump.jobs.is_some()),
            &route.key("dump").key("jobs"),
            JOBS,
        );
    }
    if let Some(Run::GithubActions(github)) = &policy.run {
        let is_short = github.uses.is_none();
        list.add_if(
            is_short,
            &Route::of(["run"]),
            "a workflow is written once `uses` names the action that brings backstay",
        );
    }
    if let Some(Run::Kubernetes(jobs)) = &policy.run {
        let is_short = jobs.directory.is_none() || jobs.image.is_none();
        list.add_if(is_short, &Route::of(["run"]), "manifests are written once `directory` and `image` are set");
    }
    if let Some(metrics) = &policy.metrics {
        let route = Route::of(["metrics"]);
        let is_deaf = metrics.listen.is_some() && !matches!(&policy.run, Some(Run::Agent(_)));
        list.add_if(is_deaf, &route.key("listen"), "nobody listens there");
    }
    list.0
}

const JOBS: &str = "dumps are read by one process";

struct List(Vec<Unmanaged>);

impl List {
    fn add(&mut self, route: &Route, consequence: &str) {
        self.0.push(Unmanaged { path: route.to_string(), consequence: consequence.to_owned() });
    }

    fn add_if(&mut self, there: bool, route: &Route, consequence: &str) {
        if there {
            self.add(route, consequence);
        }
    }

    fn tier(&mut self, route: &Route, tier: &Tier) {
        let is_dump = tier.method.unwrap_or(Method::Logical) == Method::Logical;
        self.add_if(is_dump && tier.read.is_some(), &route.key("read"), "a dump is read by `pg_dump`");
    }

    fn wal(&mut self, route: &Route, wal: &Wal, starter: Option<&Run>, is_behind_exec: bool) {
        let gives_up = wal.spool.as_ref().is_some_and(|spool| spool.when_full == Some(WhenFull::Gap));
        if wal.mode == WalMode::Stream && gives_up {
            self.add(
                &route.key("spool").key("when_full"),
                "what is received is never given up: the server keeps the rest",
            );
        }
        if wal.mode == WalMode::Archive && wal.manage == Some(true) {
            return;
        }
        let what = match (wal.mode, starter) {
            (WalMode::Archive, _) => Some("`archive_command` is set by hand, or by `manage: true`: see docs/wal.md"),
            (WalMode::Stream, _) if is_behind_exec => {
                Some("`wal receive` does not work behind `exec`: nothing is started")
            }
            (WalMode::Stream, Some(Run::Systemd(_) | Run::Kubernetes(_) | Run::Agent(_))) => None,
            (WalMode::Stream, Some(Run::Cron(_))) => {
                Some("cron keeps no process running: `backstay wal receive` is for a service manager, see docs/wal.md")
            }
            (WalMode::Stream, _) => Some("`backstay wal receive` is started by hand: see docs/wal.md"),
        };
        what.into_iter().for_each(|what| self.add(&route.key("mode"), what));
        let is_said = wal.archive_timeout.is_some();
        self.add_if(is_said, &route.key("archive_timeout"), "the setting of the server is left as it is");
    }

    fn database(&mut self, route: &Route, database: &Database, starter: Option<&Run>, is_behind_exec: bool) {
        if let Some(wal) = &database.wal {
            self.wal(&route.key("wal"), wal, starter, is_behind_exec);
        }
        let jobs = database.dump.as_ref().is_some_and(|dump| dump.jobs.is_some());
        self.add_if(jobs, &route.key("dump").key("jobs"), JOBS);
    }
}
