//! The two sides of a review: which policies stand behind the words that were typed, and which belong together.

use super::policy_files::{READ_AT_MOST, is_named_so, is_policy_name, named, policies_in, read, read_base};
use super::revision::{Entry, Revision, RevisionError};
use super::{Context, Exit};
use crate::base::visible;
use crate::diag::{Diagnostics, Sources};
use crate::policy::{self, Desired, Document};
use crate::review::{Judged, Reviewed};
use std::io::Read;
use std::path::Path;

/// One policy of one side.
pub struct SidePolicy {
    /// What it is called on both sides.
    key: String,
    /// The file, for messages.
    file: String,
    read: Result<(Document, Desired), Diagnostics>,
}

/// Everything of one side.
pub struct Side {
    policies: Vec<SidePolicy>,
    /// One file was named, not a folder or a revision: it belongs to whatever file the other side names.
    is_one_file: bool,
}

impl SidePolicy {
    /// For the review.
    pub fn judged(&self) -> Judged<'_> {
        match &self.read {
            Ok((document, desired)) => Judged::Valid(Reviewed { document, desired }),
            Err(problems) => Judged::Invalid { file: &self.file, problems },
        }
    }

    fn name(&self) -> Option<&str> {
        self.read.as_ref().ok().map(|(_, desired)| desired.name.as_str())
    }
}

/// Where the texts of a side come from.
enum Origin {
    Disk,
    Input(Vec<u8>),
    Revision { name: String, revision: Revision },
}

impl Origin {
    /// The bytes at a path, or why there are none.
    fn fetch(&self, path: &str) -> Result<Vec<u8>, String> {
        let Origin::Revision { revision, .. } = self else { return read(path) };
        match revision.entry(path) {
            Ok(Some(Entry::File(bytes))) => Ok(bytes),
            Ok(Some(Entry::Folder(_))) => Err("it is a folder".to_owned()),
            Ok(None) => Err("there is no such file".to_owned()),
            Err(problem) => Err(problem.to_string()),
        }
    }

    /// The bytes of a base that a policy extends.
    fn base(&self, path: &str) -> Result<Vec<u8>, String> {
        match self {
            Origin::Revision { .. } if !is_named_so(Path::new(path)) => {
                Err("only files named `*.yaml` or `*.yml` can be extended".to_owned())
            }
            Origin::Revision { .. } => self.fetch(path),
            Origin::Disk | Origin::Input(_) => read_base(path),
        }
    }
}

/// Reads one side: `-`, a file, a folder, `REV:PATH`, `REV`; without a word, the policies of the work tree.
pub fn read_side(word: Option<&str>, sources: &mut Sources, context: &Context) -> Result<Side, Exit> {
    let (origin, files, is_one_file) = meant(word, context)?;
    let mut policies = Vec::new();
    for (key, file) in files {
        let bytes = match &origin {
            Origin::Input(bytes) => bytes.clone(),
            origin => origin.fetch(&file).map_err(|problem| {
                context.complain(format_args!("cannot read the policy `{file}`: {problem}"), None);
                Exit::InvalidPolicy
            })?,
        };
        let loaded = policy::load(sources, &file, &bytes, &|path| origin.base(path));
        // A revision says which file; places in it say where in the file.
        let file = match &origin {
            Origin::Revision { name, .. } => format!("{name}:{file}"),
            _ => file,
        };
        let read = loaded.document.ok_or(loaded.found).map(|document| {
            let desired = policy::resolve(&document, &file, sources);
            (document, desired)
        });
        policies.push(SidePolicy { key, file, read });
    }
    Ok(Side { policies, is_one_file })
}

/// Origin, files with the key that pairs them, and whether a single file was named.
type Meant = (Origin, Vec<(String, String)>, bool);

fn meant(word: Option<&str>, context: &Context) -> Result<Meant, Exit> {
    let Some(word) = word else { return Ok((Origin::Disk, on_disk(context)?, false)) };
    if word == "-" {
        let mut bytes = Vec::new();
        if let Err(problem) = std::io::stdin().lock().take(READ_AT_MOST).read_to_end(&mut bytes) {
            context.complain(format_args!("cannot read standard input: {problem}"), None);
            return Err(Exit::Failed);
        }
        return Ok((Origin::Input(bytes), vec![("-".to_owned(), "-".to_owned())], true));
    }
    if is_path(word) {
        return on_path(word, context);
    }
    // What git knows comes before what lies in the work tree, or a branch that adds a file called `main` would be
    // compared with itself.
    let found = match word.split_once(':') {
        Some((name, "")) => revision(name, context)?.map(|revision| (name, revision, None)),
        Some((name, path)) => revision(name, context)?.map(|revision| (name, revision.at_top(), Some(path))),
        None => revision_or_file(word, context)?.map(|revision| (word, revision, None)),
    };
    let Some((name, revision, path)) = found else {
        if is_named_so(Path::new(word)) && !word.contains(':') {
            return on_path(word, context);
        }
        context.complain(
            format_args!("`{}` is neither a revision that git knows here nor the name of a policy", visible(word)),
            Some("Fetch it with `git fetch origin REVISION`; a file ends in `.yaml` or begins with `./`, a folder ends in `/`."),
        );
        return Err(Exit::Usage);
    };
    let paths = match path {
        Some(path) => vec![path.to_owned()],
        None => named(context).iter().map(|path| path.display().to_string()).collect(),
    };
    let mut files = Vec::new();
    for at in paths {
        match revision.entry(&at).map_err(|problem| failed(&problem, context))? {
            Some(Entry::File(_)) => files.push((at.clone(), at)),
            Some(Entry::Folder(names)) => {
                let inside = |name: &String| Path::new(&at).join(name).display().to_string();
                let policies = names.iter().filter(|name| is_policy_name(Path::new(name))).map(inside);
                files.extend(policies.map(|file| (file.clone(), file)));
            }
            None => context.tell(format_args!("`{at}` is not in {name}: there is no policy on this side")),
        }
    }
    let is_one_file = path.is_some();
    Ok((Origin::Revision { name: name.to_owned(), revision }, files, is_one_file))
}

/// True for what is meant as a path, whatever git knows.
fn is_path(word: &str) -> bool {
    ["./", "../", "/"].iter().any(|start| word.starts_with(start)) || word.ends_with('/')
}

/// A file or a folder of the work tree.
fn on_path(word: &str, context: &Context) -> Result<Meant, Exit> {
    let path = Path::new(word);
    if path.is_dir() {
        let files = in_folder(path, context)?;
        let key =
            |file: String| (Path::new(&file).file_name().unwrap_or_default().to_string_lossy().into_owned(), file);
        return Ok((Origin::Disk, files.into_iter().map(key).collect(), false));
    }
    if path.exists() {
        return Ok((Origin::Disk, vec![(word.to_owned(), word.to_owned())], true));
    }
    context.tell(format_args!("`{}` does not exist: there is no policy on this side", visible(word)));
    Ok((Origin::Disk, Vec::new(), true))
}

/// The revision; what git says against it ends the run.
fn revision(name: &str, context: &Context) -> Result<Option<Revision>, Exit> {
    Revision::find(name).map_err(|problem| failed(&problem, context))
}

/// The same for a word that may as well name a file that is gone, where there need be no repository at all.
fn revision_or_file(word: &str, context: &Context) -> Result<Option<Revision>, Exit> {
    match Revision::find(word) {
        Err(_) if is_named_so(Path::new(word)) => Ok(None),
        found => found.map_err(|problem| failed(&problem, context)),
    }
}

fn failed(problem: &RevisionError, context: &Context) -> Exit {
    context.complain(problem, Some("Run this inside the repository, with git installed, or name two files."));
    Exit::Failed
}

/// The policies of the work tree; what is not there is no policy.
fn on_disk(context: &Context) -> Result<Vec<(String, String)>, Exit> {
    let mut files = Vec::new();
    for path in named(context) {
        if path.is_dir() {
            files.extend(in_folder(&path, context)?);
        } else if path.exists() {
            files.push(path.display().to_string());
        } else {
            context.tell(format_args!("`{}` does not exist: there is no policy on this side", path.display()));
        }
    }
    Ok(files.into_iter().map(|file| (file.clone(), file)).collect())
}

fn in_folder(folder: &Path, context: &Context) -> Result<Vec<String>, Exit> {
    policies_in(folder).map_err(|problem| {
        context.complain(format_args!("cannot read the folder `{}`: {problem}", folder.display()), None);
        Exit::Failed
    })
}

/// Policies that belong together: by file, then by the policy's name, in the order of the side after.
pub fn pairs<'s>(base: &'s Side, head: &'s Side) -> Vec<(Option<&'s SidePolicy>, Option<&'s SidePolicy>)> {
    let mut left: Vec<&SidePolicy> = base.policies.iter().collect();
    let single = base.is_one_file || head.is_one_file;
    if single && base.policies.len() <= 1 && head.policies.len() <= 1 {
        let pair = (base.policies.first(), head.policies.first());
        return if pair.0.is_none() && pair.1.is_none() { Vec::new() } else { vec![pair] };
    }
    let mut pairs: Vec<(Option<&SidePolicy>, Option<&SidePolicy>)> = Vec::new();
    for after in &head.policies {
        let same = left.iter().position(|before| before.key == after.key);
        pairs.push((same.map(|index| left.remove(index)), Some(after)));
    }
    for (before, after) in &mut pairs {
        let name = after.and_then(SidePolicy::name);
        if before.is_none() && name.is_some() {
            let same = left.iter().position(|other| other.name() == name);
            *before = same.map(|index| left.remove(index));
        }
    }
    pairs.extend(left.into_iter().map(|before| (Some(before), None)));
    pairs
}
