//! What `plan` and `apply` share: observing and planning, and plan files.

use super::{Context, Exit, state};
use crate::backup::unfinished;
use crate::catalog::{BrokenSeal, seal, unseal};
use crate::diag::{Code, Explain, codes};
use crate::observe::{self, Places};
use crate::plan::{Deed, FORMAT_VERSION, Phase, Plan, Prices, SavedPlan, Scope, outlook, plan};
use crate::policy::Desired;
use crate::schedule::Program;
use jiff::Timestamp;
use std::io;
use std::path::{Path, PathBuf};

/// A policy, its storages and its plan.
pub struct Planned {
    /// The policy.
    pub desired: Desired,
    /// Its storages, opened.
    pub places: Places,
    /// The plan made now.
    pub plan: Plan,
    /// By storage: databases whose index is not what is stored. A cache only, so no part of the plan.
    pub stale_indexes: Vec<(String, Vec<String>)>,
}

/// Observes the world and plans, policy by policy, with the prices that are built in.
pub fn observe_and_plan(policies: Vec<Desired>, scope: &Scope, context: &Context) -> Result<Vec<Planned>, Exit> {
    observe_and_plan_by(&Prices::built_in(), Preflight::BeforeProvisioning, policies, scope, context)
}

/// When IAM is asked whether we have the permissions that the steps take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preflight {
    /// Whatever the steps are.
    Always,
    /// When resources are to be written: what runs every night is not asked about every night.
    BeforeProvisioning,
}

/// The same by other prices, and with a word on when IAM is asked.
pub fn observe_and_plan_by(
    prices: &Prices,
    preflight: Preflight,
    policies: Vec<Desired>,
    scope: &Scope,
    context: &Context,
) -> Result<Vec<Planned>, Exit> {
    let deed = async {
        let mut planned = Vec::new();
        for desired in policies {
            context.diary.open(&desired, &context.run);
            let places = context.places(&desired);
            let mut live = observe::observe(&desired, &places, context.lookup.as_ref()).await;
            live.timetable = observe::timetable(&desired, program(&desired), &context.root);
            live.program = Some(program(&desired));
            if let Some(machine) = state::repository() {
                // Without notes what is left of interrupted backups is cleared, and they begin anew.
                live.unfinished.extend(unfinished(machine.store.as_ref()).await.unwrap_or_default());
            }
            if scope.has(Phase::Prune) || scope.has(Phase::Backups) {
                observe::observe_wal(&desired, &places, context.lookup.as_ref(), &mut live).await;
            } else if scope.has(Phase::Copies) {
                // Copying asks no server.
                observe::observe_archives(&desired, &places, &mut live).await;
            }
            let now = Timestamp::now();
            observe::look_closer(&desired, &places, &mut live, now).await;
            let mut plan = plan(&desired, &live, now, scope);
            plan.outlook = outlook(&desired, &live, &plan, prices, now);
            let provisions = plan.actions.iter().any(|action| matches!(action.deed, Deed::Provision { .. }));
            if preflight == Preflight::Always || provisions {
                observe::preflight(&desired, &live, &places, &mut plan.outlook.permissions).await;
            }
            let stale = live.readable().map(|(name, read)| (name.to_owned(), read.contents.index_stale.clone()));
            let stale_indexes = stale.filter(|(_, databases)| !databases.is_empty()).collect();
            planned.push(Planned { desired, places, plan, stale_indexes });
        }
        planned
    };
    let planned = context.block_on(deed).map_err(|e| {
        context.complain(format_args!("cannot start: {e}"), None);
        Exit::Failed
    })?;
    if context.cancel.is_cancelled() { Err(Exit::Interrupted) } else { Ok(planned) }
}

/// How this program is started from this machine's schedules.
pub(super) fn program(desired: &Desired) -> Program {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string();
    Program {
        policy: desired.name.clone(),
        program: std::env::current_exe().map_or("backstay".to_owned(), |path| absolute(&path)),
        file: absolute(Path::new(&desired.file)),
        only_host: desired.only_host.clone(),
        file_here: from_here(Path::new(&desired.file)),
        zone: desired.timezone.iana_name().unwrap_or("UTC").to_owned(),
    }
}

/// A path seen from the current folder, when it lies below it.
fn from_here(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let path = path.strip_prefix(&here).unwrap_or(path);
    path.strip_prefix(".").unwrap_or(path).display().to_string()
}

/// Writes a plan file, readable by its owner only, all of it or nothing.
pub fn write_plan(file: &Path, saved: &SavedPlan) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
    io::Write::write_all(&mut temporary, seal(saved).as_bytes())?;
    temporary.persist(file)?;
    Ok(())
}

/// A plan file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PlanFileError {
    /// It cannot be read.
    #[error("cannot read the plan `{file}`: {problem}")]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the operating system said.
        problem: io::Error,
    },
    /// It is no plan, or was changed.
    #[error("`{file}` is not a plan that can be used: {problem}")]
    Broken {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        problem: BrokenSeal,
    },
    /// Another version of the format.
    #[error("the plan `{file}` has format version {found}; this program reads {FORMAT_VERSION}")]
    OtherVersion {
        /// The file.
        file: PathBuf,
        /// Its version.
        found: u64,
    },
    /// It is for a policy that is not given.
    #[error("the plan is for the policy `{0}`, which is not among the policy files given")]
    OtherPolicy(String),
}

impl Explain for PlanFileError {
    fn code(&self) -> &'static Code {
        &codes::PLAN_UNREADABLE
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            PlanFileError::OtherPolicy(_) => "Name the policy's file with `--policy FILE`.".to_owned(),
            _ => "Make a new plan with `backstay plan --out FILE`.".to_owned(),
        })
    }
}

/// A plan file is far smaller; anything larger is another kind of file.
const LARGEST_PLAN: u64 = 1 << 30;

/// Reads a plan file. Its version is looked at before its content is understood.
pub fn read_plan(file: &Path) -> Result<SavedPlan, PlanFileError> {
    let unreadable = |problem| PlanFileError::Unreadable { file: file.to_owned(), problem };
    if std::fs::metadata(file).map_err(unreadable)?.len() > LARGEST_PLAN {
        return Err(unreadable(io::Error::from(io::ErrorKind::FileTooLarge)));
    }
    let text = std::fs::read(file).map_err(unreadable)?;
    let broken = |problem| PlanFileError::Broken { file: file.to_owned(), problem };
    let value: serde_json::Value = unseal(&text).map_err(broken)?;
    match value.get("format_version").and_then(serde_json::Value::as_u64) {
        Some(found) if found == u64::from(FORMAT_VERSION) => {}
        Some(found) => return Err(PlanFileError::OtherVersion { file: file.to_owned(), found }),
        None => return Err(broken(BrokenSeal::Content("it has no format version".to_owned()))),
    }
    unseal(&text).map_err(broken)
}
