//! `backstay restore DATABASE --target-dir DIR`: bring a whole cluster back, to a point in time.

use super::catalogs::PolicyCatalog;
use super::{Context, Exit};
use crate::alert::{DeedEnd, DeedKind, Topic};
use crate::base::{BackupId, Lsn, Size, Timeline};
use crate::catalog::wal::{ClusterWal, NoWay, NotCovered, Way, way};
use crate::catalog::{Base, BaseWish, RecoveryTarget, choose_base};
use crate::diag::Explain;
use crate::observe::observe_archives;
use crate::plan::{ClusterRecovered, ClusterRestoration, ClusterRestored, reach};
use crate::report;
use crate::restore::{ClusterRequest, Hands, RestoreError, TablespaceTarget, recover, restore_cluster};
use crate::stream::StreamError;
use jiff::Timestamp;
use jiff::civil::DateTime;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

/// How a cluster is restored.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Whole clusters, from physical backups")]
pub struct ClusterArgs {
    /// Restore the whole cluster into this folder, which is absent or empty
    #[arg(long, value_name = "DIR")]
    pub(super) target_dir: Option<PathBuf>,

    /// Recover to just before this moment: `2026-11-27 14:30` in the policy's time zone, or with an offset of its own
    #[arg(long, value_name = "TIME", group = "recovery")]
    to_time: Option<String>,

    /// Recover up to this WAL position, such as 16/B374D848
    #[arg(long, value_name = "LSN", group = "recovery")]
    to_lsn: Option<Lsn>,

    /// Recover up to this transaction
    #[arg(long, value_name = "XID", group = "recovery")]
    to_xid: Option<u64>,

    /// Recover to a point that `pg_create_restore_point()` named
    #[arg(long, value_name = "NAME", group = "recovery")]
    to_name: Option<String>,

    /// Recover everything there is WAL for; so it is unless something else is said and WAL is archived
    #[arg(long, group = "recovery")]
    latest: bool,

    /// Recover no further than the backup itself
    #[arg(long, group = "recovery")]
    immediate: bool,

    /// Follow this timeline instead of the one that was written at the moment, or last
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    timeline: Option<u32>,

    /// Name that the table gets which is brought back beside the live one [default: `<table>_rescued`]
    #[arg(long = "as", value_name = "NAME", requires = "tables")]
    pub(super) renamed: Option<String>,

    /// Where a tablespace goes that does not go where it was: `OID=/new/folder`; may be given several times
    #[arg(long, value_name = "OID=DIR", requires = "target_dir")]
    tablespace_map: Vec<TablespaceTarget>,

    /// Use a data directory that is there again: what is as in the backup stays, everything else in it is replaced or
    /// removed
    #[arg(long, requires = "target_dir")]
    delta: bool,

    /// Whether the restored server archives its WAL as the old one did: `preserve` for one that takes the old one's place
    #[arg(long, value_name = "MODE", requires = "target_dir", default_value = "off")]
    archive_mode: ArchiveMode,

    /// Start the server and wait until it has recovered
    #[arg(long, requires = "target_dir")]
    start: bool,

    /// Port of the server that `--start` starts
    #[arg(long, value_name = "PORT", requires = "start")]
    port: Option<u16>,
}

/// What becomes of archiving in a cluster that is restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum ArchiveMode {
    /// It is switched off in the settings of the restored cluster
    #[default]
    Off,
    /// It stays as it was
    Preserve,
}

/// What other words of the command line say.
pub(super) struct Choice<'a> {
    pub(super) database: &'a str,
    pub(super) from: &'a str,
    pub(super) tier: Option<&'a str>,
    pub(super) storage: Option<&'a str>,
    pub(super) jobs: u32,
    pub(super) is_dry_run: bool,
    pub(super) yes: bool,
}

/// Restores, starts the server if that is wanted, and says what is now where.
pub(super) async fn work(
    args: &ClusterArgs,
    choice: &Choice<'_>,
    context: &Context,
    catalog: &PolicyCatalog,
) -> Result<Exit, RestoreError> {
    let begun = Instant::now();
    let Some(folder) = args.target_dir.clone() else { return Ok(Exit::Usage) };
    let target = match args.target(catalog, choice.database) {
        Ok(target) => target,
        Err(problem) => {
            context.complain(problem, Some("Write it like `2026-11-27 14:30` or `2026-11-27T14:30:00+01:00`."));
            return Ok(Exit::Usage);
        }
    };
    let (base, way) = match base_for(args, choice, &target, context, catalog).await? {
        Ok(found) => found,
        Err(exit) => return Ok(exit),
    };
    let request = ClusterRequest {
        desired: &catalog.desired,
        name: choice.database,
        base,
        folder,
        tablespaces: args.tablespace_map.clone(),
        keeps: args.delta,
        only: None,
        stays_cached: false,
        jobs: usize::try_from(choice.jobs).unwrap_or(1).max(2),
        target,
        way,
        archives: args.archive_mode == ArchiveMode::Preserve,
        restore_command: restore_command(catalog, choice.database),
    };
    let shown = ClusterRestoration {
        id: base.point.id.clone(),
        tier: base.point.tier.clone(),
        storage: base.copy.storage.clone(),
        taken_at: base.point.started_at,
        system_identifier: base.cluster.system_identifier.clone(),
        server_version: base.copy.backup.server_version.clone(),
        bytes: Size(base.cluster.bytes),
        files: base.cluster.files,
        folder: request.folder.display().to_string(),
        target: request.target.clone(),
        keeps: request.keeps,
        starts: args.start,
        archives: request.archives,
        bad_pages: base.cluster.bad_pages.len(),
    };
    if choice.is_dry_run {
        if context.json {
            context.say(report::cluster_restoration_json(&shown));
        } else {
            context.say(report::cluster_restoration(&shown));
            context.tell("nothing was changed");
        }
        return Ok(Exit::Done);
    }
    context.tell(report::cluster_restoration(&shown).trim_end());
    if args.delta && !choice.yes && !may_replace(args, context) {
        return Ok(Exit::Refused);
    }
    let hands = Hands {
        repositories: &catalog.places.repositories(),
        lookup: context.lookup.as_ref(),
        observer: context.observer(),
        cancel: context.cancel.clone(),
        run: context.run.clone(),
    };
    let note = |end: DeedEnd| {
        context.diary.note(&catalog.desired.name, DeedKind::Restore, Topic::database(choice.database), end);
    };
    let deed = async {
        let restored = restore_cluster(&request, &hands).await?;
        let settings: Vec<String> = args.port.iter().map(|port| format!("port={port}")).collect();
        let recovered = match args.start {
            true => Some(recover(&request, &restored.folder, &settings, &hands).await?),
            false => None,
        };
        Ok::<_, RestoreError>((restored, recovered))
    };
    let (restored, recovered) = match deed.await {
        Ok(done) => done,
        Err(RestoreError::Interrupted | RestoreError::Stream(StreamError::Cancelled)) => {
            let error = RestoreError::FolderUnfinished;
            note(DeedEnd::Failed { problem: error.to_string(), code: Some(error.code().id.to_owned()) });
            return Err(error);
        }
        Err(error) => {
            note(DeedEnd::Failed { problem: error.to_string(), code: Some(error.code().id.to_owned()) });
            return Err(error);
        }
    };
    note(DeedEnd::Good(format!("{} was restored into a folder", restored.id)));
    let done = ClusterRestored {
        plan: shown,
        kept_files: restored.kept_files,
        removed_files: restored.removed_files,
        recovered: recovered.map(|recovered| ClusterRecovered {
            last_transaction: recovered.last_transaction,
            timeline: recovered.timeline,
            socket: recovered.socket,
            port: recovered.port,
            log: recovered.log.display().to_string(),
        }),
        seconds: begun.elapsed().as_secs(),
    };
    let text = if context.json { report::restored_cluster_json(&done) } else { report::restored_cluster(&done) };
    context.say(text);
    Ok(Exit::Done)
}

fn may_replace(args: &ClusterArgs, context: &Context) -> bool {
    if !context.can_ask() {
        context.complain(
            "replacing needs a word, and there is no terminal to ask on; nothing was changed",
            Some("Add `--yes`, or look first with `--dry-run`."),
        );
        return false;
    }
    let folder = args.target_dir.clone().unwrap_or_default();
    let may = context.ask(&format!("Replace or remove whatever differs in `{}`?", folder.display()));
    if !may {
        context.tell("nothing was changed");
    }
    may
}

/// The base backup to begin with, and the way on which the archive is proven to lead from it to the target.
/// Unless one is named, backups of which the timeline knows nothing are passed over: what followed them was given up when the
/// cluster went back to an earlier moment.
pub(super) async fn base_for<'a>(
    args: &ClusterArgs,
    choice: &Choice<'_>,
    target: &RecoveryTarget,
    context: &Context,
    catalog: &'a PolicyCatalog,
) -> Result<Result<(Base<'a>, Option<Way>), Exit>, RestoreError> {
    let id = match choice.from {
        "latest" => None,
        text => match text.parse::<BackupId>() {
            Ok(id) => Some(id),
            Err(error) => {
                context.complain(error, Some("Run `backstay list` to see the ids."));
                return Ok(Err(Exit::Failed));
            }
        },
    };
    let Choice { database, tier, storage, .. } = *choice;
    let mut archives: BTreeMap<&str, Option<ClusterWal>> = BTreeMap::new();
    let mut except = Vec::new();
    let mut missed: Option<RestoreError> = None;
    loop {
        let wish = BaseWish { database, id: id.as_ref(), tier, storage, target, except: &except };
        let base = match choose_base(&catalog.points, &wish) {
            Ok(base) => base,
            Err(error) => {
                tell_moments(database, context, catalog).await;
                return Err(missed.unwrap_or_else(|| error.into()));
            }
        };
        if *target == RecoveryTarget::Immediate {
            return Ok(Ok((base, None)));
        }
        let system = base.cluster.system_identifier.as_str();
        if !archives.contains_key(system) {
            archives.insert(system, archived(database, system, context, catalog).await);
        }
        let wal = archives.get(system).and_then(Option::as_ref);
        match way(wal, base.cluster, target, args.timeline()) {
            Ok(way) => {
                tell_way(&way, wal, context);
                return Ok(Ok((base, Some(way))));
            }
            Err(error @ NoWay::NotCovered(NotCovered::Elsewhere { .. })) if id.is_none() => {
                except.push(base.point.id.clone());
                missed.get_or_insert(error.into());
            }
            Err(error) => {
                tell_moments(database, context, catalog).await;
                return Err(error.into());
            }
        }
    }
}

/// Tells how far the archive leads, and of timelines that it leads along elsewhere.
fn tell_way(way: &Way, wal: Option<&ClusterWal>, context: &Context) {
    if let Some(at) = way.stored_until {
        let (until, timeline) = (way.until, way.timeline.0);
        context.tell(format_args!("WAL is there without a gap to {until} of timeline {timeline}, stored at {at}"));
    }
    let others = wal.into_iter().flat_map(|wal| wal.beside(way.timeline));
    for (timeline, until) in others {
        context.tell(format_args!(
            "another timeline, {}, goes on to {until} by itself: `--timeline {}` follows it",
            timeline.0, timeline.0
        ));
    }
}

/// Tells which moments can be restored, to whoever asked for one that cannot.
async fn tell_moments(database: &str, context: &Context, catalog: &PolicyCatalog) {
    let mut live = catalog.live.clone();
    observe_archives(&catalog.desired, &catalog.places, &mut live).await;
    let Some(reach) = reach(&live, database, Timestamp::now()) else { return };
    for window in &reach.restorable.windows {
        let (from, until) = (window.from_at, window.until_at);
        let (start, end) = (window.from.lsn, window.until.lsn);
        context.tell(format_args!("any moment from {from} to {until} can be restored, {start} to {end}"));
    }
}

/// Everything that the storages of a database's archive hold of one cluster. A storage that cannot be read is told, and
/// what others hold counts.
pub(super) async fn archived(
    database: &str,
    system: &str,
    context: &Context,
    catalog: &PolicyCatalog,
) -> Option<ClusterWal> {
    let spec = catalog.desired.database(database)?.spec.wal.as_ref()?;
    let repositories = catalog.places.repositories();
    let mut found: Vec<ClusterWal> = Vec::new();
    for storage in &spec.to {
        let Some(repository) = repositories.get(storage) else { continue };
        match repository.wal_clusters(database).await {
            Ok(clusters) => found.extend(clusters.into_iter().filter(|cluster| cluster.system.to_string() == system)),
            Err(error) => context.warn(format_args!("the WAL at `{storage}` could not be listed: {error}")),
        }
    }
    // The same content in two storages is one.
    ClusterWal::together(&found).pop()
}

/// What PostgreSQL calls to fetch WAL: this program, with the policy. `None` when no WAL is archived.
pub(super) fn restore_command(catalog: &PolicyCatalog, database: &str) -> Option<String> {
    catalog.desired.database(database)?.spec.wal.as_ref()?;
    let program = std::env::current_exe().ok()?;
    let policy = std::path::absolute(&catalog.desired.file).ok()?;
    let word = |text: &str| format!("'{}'", text.replace('\'', "'\\''").replace('%', "%%"));
    Some(format!(
        "{} --quiet --policy {} wal fetch %f \"%p\" --database {}",
        word(&program.display().to_string()),
        word(&policy.display().to_string()),
        word(database)
    ))
}

impl ClusterArgs {
    /// True when something is said of how far recovery goes.
    pub(super) fn names_target(&self) -> bool {
        self.to_time.is_some()
            || self.to_lsn.is_some()
            || self.to_xid.is_some()
            || self.to_name.is_some()
            || self.latest
            || self.immediate
            || self.timeline.is_some()
    }

    pub(super) fn timeline(&self) -> Option<Timeline> {
        self.timeline.map(Timeline)
    }

    /// Where recovery ends: at the last WAL there is, unless something else is said or none is archived.
    pub(super) fn target(&self, catalog: &PolicyCatalog, database: &str) -> Result<RecoveryTarget, String> {
        if let Some(text) = &self.to_time {
            let said = text.parse::<Timestamp>().or_else(|_| {
                let civil: DateTime = text.parse()?;
                Ok::<_, jiff::Error>(civil.to_zoned(catalog.desired.timezone.clone())?.timestamp())
            });
            return said.map(RecoveryTarget::Time).map_err(|_| format!("`{text}` is not a moment"));
        }
        Ok(match (self.to_lsn, self.to_xid, &self.to_name) {
            (Some(lsn), ..) => RecoveryTarget::Lsn(lsn),
            (_, Some(xid), _) => RecoveryTarget::Xid(xid),
            (.., Some(name)) => RecoveryTarget::Name(name.clone()),
            _ if self.immediate => RecoveryTarget::Immediate,
            _ if self.latest => RecoveryTarget::Latest,
            _ => match catalog.desired.database(database).is_some_and(|found| found.spec.wal.is_some()) {
                true => RecoveryTarget::Latest,
                false => RecoveryTarget::Immediate,
            },
        })
    }
}
