//! The files that start scheduled work, as they stand.

use crate::plan::{Timetable, wanted_files};
use crate::policy::{Desired, RunSpec};
use crate::provider::{below, read_file};
use crate::schedule::{Program, unit_prefix, wants_folder};
use std::collections::BTreeSet;
use std::path::Path;

/// Reads what the policy wants, and what was written for it before and may be wanted no more. `None` for a policy that
/// wants nothing of the kind, and for one host when its files are no host's. All paths are looked for below `root`.
pub fn timetable(desired: &Desired, program: Program, root: &Path) -> Option<Timetable> {
    let is_shared = matches!(desired.run, RunSpec::Kubernetes(_) | RunSpec::Workflow(_));
    if is_shared && desired.only_host.is_some() {
        return None;
    }
    let mut paths: BTreeSet<String> = wanted_files(desired, &program).into_iter().map(|file| file.path).collect();
    match &desired.run {
        RunSpec::Systemd(units) => {
            let prefix = unit_prefix(&desired.name);
            let wants = [".timer", ".service"].map(|unit| format!("{}/{}", units.directory, wants_folder(unit)));
            for folder in [units.directory.clone()].into_iter().chain(wants) {
                paths.extend(names(&folder, root, |name| name.starts_with(&prefix)));
            }
        }
        RunSpec::Kubernetes(jobs) => paths.extend(names(&jobs.directory, root, |name| name.ends_with(".yaml"))),
        RunSpec::Cron(table) => paths.extend([table.file.clone()]),
        RunSpec::Workflow(workflow) => paths.extend([workflow.file.clone()]),
        RunSpec::Agent(_) | RunSpec::Elsewhere => return None,
    }
    let files = paths.into_iter().filter_map(|path| {
        let found = read_file(root, &path)?;
        Some((path, found))
    });
    Some(Timetable { program, files: files.collect() })
}

/// Paths in a folder whose names are meant. A folder that cannot be read has none: what is wanted is read by itself.
fn names(folder: &str, root: &Path, is_meant: impl Fn(&str) -> bool) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(below(root, folder)) else { return Vec::new() };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter(|name| is_meant(name)).map(|name| format!("{folder}/{name}")).collect()
}
