//! Which policy files are meant, and everything that is known of them.

use super::context::Context;
use super::exit::Exit;
use crate::diag::{Code, Diagnostics, Explain, Severity, Sources, codes, nearest};
use crate::policy::{self, Desired, Document, Route, Subject};
use crate::report::{self, Style};
use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The policies of a run with all that is said about them.
pub struct Policies {
    /// Texts that the diagnostics point into.
    pub sources: Sources,
    /// Problems and advice of all files, in the order of the files.
    pub diagnostics: Diagnostics,
    /// Names of the policy files, as found.
    pub files: Vec<String>,
    /// What the valid ones mean.
    pub desired: Vec<Desired>,
    /// What the valid ones say, in the same order; bases are merged in.
    pub models: Vec<policy::Policy>,
}

/// Where a policy is looked for when nobody names one.
const DEFAULT_FILE: &str = "backstay.yaml";
/// A little more than the largest policy: the rest of a wrong file need not be read.
pub(super) const READ_AT_MOST: u64 = 10_000_001;

/// Reads and judges every policy that is meant. Says on standard error which file cannot be read.
pub fn read_policies(context: &Context) -> Result<Policies, Exit> {
    let files = policy_files(context)?;
    let mut sources = Sources::default();
    let mut diagnostics = Diagnostics::default();
    let mut valid: Vec<(Document, Desired)> = Vec::new();
    for file in &files {
        let bytes = read(file).map_err(|problem| {
            context.complain(
                format_args!("cannot read the policy `{file}`: {problem}"),
                Some("Name a policy with `--policy FILE`, or write a first one with `backstay init URL`."),
            );
            Exit::InvalidPolicy
        })?;
        let loaded = policy::load(&mut sources, file, &bytes, &read_base);
        let now = jiff::Timestamp::now();
        if let Some(document) = loaded.document {
            let desired = policy::resolve(&document, file, &sources);
            let subject = Subject { document: &document, desired: &desired, sources: &sources, now };
            diagnostics.extend(policy::lint(&subject));
            valid.push((document, desired));
            continue;
        }
        let mut found = loaded.found;
        if let Some(rest) = loaded.rest {
            let desired = policy::resolve(&rest, file, &sources);
            found.extend(policy::lint_rest(&Subject { document: &rest, desired: &desired, sources: &sources, now }));
            found.sort();
        }
        diagnostics.extend(found);
    }
    diagnostics.extend(names_twice(&valid));
    let (documents, desired): (Vec<Document>, Vec<Desired>) = valid.into_iter().unzip();
    let models = documents.into_iter().map(|document| document.model).collect();
    Ok(Policies { sources, diagnostics, files, desired, models })
}

/// The policies, when they are valid: errors are told on standard error and end the run, advice is not told.
pub(super) fn checked_policies(context: &Context) -> Result<Policies, Exit> {
    let policies = read_policies(context)?;
    if policies.diagnostics.has_errors() {
        let errors = policies.diagnostics.iter().filter(|d| d.code.severity == Severity::Error).cloned().collect();
        let style = Style { colour: context.colour_err, width: context.width };
        context.warn(report::diagnostics(&Diagnostics(errors), &policies.sources, style).trim_end());
        context.warn(format_args!("\ninvalid policy: {}", report::count_diagnostics(&policies.diagnostics)));
        return Err(Exit::InvalidPolicy);
    }
    Ok(policies)
}

/// The policies for a verb that acts: as [`checked_policies`], and advice is counted.
pub fn valid_policies(context: &Context) -> Result<Vec<Desired>, Exit> {
    let policies = checked_policies(context)?;
    let warnings = policies.diagnostics.count(Severity::Warning);
    if warnings > 0 && context.is_first_to_tell_advice() {
        let plural = if warnings == 1 { "" } else { "s" };
        context.tell(format_args!("{warnings} warning{plural} on the policy: see `backstay validate`"));
    }
    of_host(policies.desired, context)
}

/// The host that is meant is none of the policy's.
#[derive(Debug, thiserror::Error)]
#[error("no database of the policy names the host `{host}`")]
struct UnknownHost {
    host: String,
    hint: String,
}

impl Explain for UnknownHost {
    fn code(&self) -> &'static Code {
        &codes::HOST_UNKNOWN
    }

    fn hint(&self) -> Option<String> {
        Some(self.hint.clone())
    }
}

/// Of the policies only what `--only-host` means; all of them without it.
pub(super) fn of_host(policies: Vec<Desired>, context: &Context) -> Result<Vec<Desired>, Exit> {
    let Some(host) = &context.only_host else { return Ok(policies) };
    let named = policies.iter().flat_map(|desired| desired.databases.values().filter_map(|d| d.host.clone()));
    let named: BTreeSet<String> = named.collect();
    if !named.contains(host) {
        let near = nearest(host, named.iter().map(String::as_str));
        let hint = match near {
            Some(near) => format!("Did you mean `{near}`?"),
            None if named.is_empty() => "Give databases a `host`, or leave out `--only-host`.".to_owned(),
            None => format!("The policy names {}.", named.iter().cloned().collect::<Vec<_>>().join(", ")),
        };
        context.fail(&UnknownHost { host: host.clone(), hint });
        return Err(Exit::Failed);
    }
    let theirs = policies.into_iter().map(|desired| desired.of_host(host));
    Ok(theirs.filter(|desired| !desired.databases.is_empty()).collect())
}

/// Policies that act together must be told apart by their names.
fn names_twice(valid: &[(Document, Desired)]) -> Diagnostics {
    let mut found = Diagnostics::default();
    let mut seen: HashMap<&str, &Document> = HashMap::new();
    let route = Route::of(["name"]);
    for (document, desired) in valid {
        if let Some(first) = seen.insert(&desired.name, document) {
            found.push(
                document
                    .diagnostic(&codes::NAME_TWICE, &route, format!("two policies are named `{}`", desired.name))
                    .with_label(first.place_of(&route), "the first one")
                    .with_why("Locks, tags and messages would not say which of the two is meant.")
                    .with_hint("Give each policy a name of its own."),
            );
        }
    }
    found
}

fn policy_files(context: &Context) -> Result<Vec<String>, Exit> {
    let mut files: Vec<String> = Vec::new();
    for path in named(context) {
        if !path.is_dir() {
            files.push(path.display().to_string());
            continue;
        }
        let inside = policies_in(&path).map_err(|problem| {
            context.complain(format_args!("cannot read the folder `{}`: {problem}", path.display()), None);
            Exit::InvalidPolicy
        })?;
        if inside.is_empty() {
            context.complain(
                format_args!("the folder `{}` holds no policy", path.display()),
                Some("Policies are the files `*.yaml` and `*.yml` directly in it."),
            );
            return Err(Exit::InvalidPolicy);
        }
        files.extend(inside);
    }
    let mut unique = Vec::with_capacity(files.len());
    for file in files {
        if !unique.contains(&file) {
            unique.push(file);
        }
    }
    Ok(unique)
}

/// The files and folders that are meant, as typed.
pub(super) fn named(context: &Context) -> Vec<PathBuf> {
    if !context.policies.is_empty() {
        return context.policies.clone();
    }
    match std::env::var_os("BACKSTAY_POLICY").filter(|value| !value.is_empty()) {
        Some(list) => std::env::split_paths(&list).filter(|path| !path.as_os_str().is_empty()).collect(),
        None => vec![PathBuf::from(DEFAULT_FILE)],
    }
}

/// True for a file that is a policy when it lies in a folder of policies.
pub(super) fn is_policy_name(path: &Path) -> bool {
    is_named_so(path) && !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

/// The policies directly in a folder.
pub(super) fn policies_in(folder: &Path) -> std::io::Result<Vec<String>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if is_policy_name(&path) && path.is_file() {
            files.push(path.display().to_string());
        }
    }
    files.sort();
    Ok(files)
}

/// A base of a policy. Its lines may be shown beside a problem, so whoever proposes a policy must not be able to have
/// any other file of this machine read out, not through a link either.
pub(super) fn read_base(path: &str) -> Result<Vec<u8>, String> {
    let real = std::fs::canonicalize(path).map_err(|error| words(&error))?;
    if !is_named_so(&real) || !is_named_so(Path::new(path)) {
        return Err("only files named `*.yaml` or `*.yml` can be extended".to_owned());
    }
    read(path)
}

/// True for the name of a text that may be a policy or a base of one.
pub(super) fn is_named_so(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

/// The bytes of a file, or what the operating system said.
pub(super) fn read(path: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| words(&error))?;
    file.take(READ_AT_MOST).read_to_end(&mut bytes).map_err(|error| words(&error))?;
    Ok(bytes)
}

fn words(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        std::io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        _ => error.to_string(),
    }
}
