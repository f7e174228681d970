//! Everything that can be known before anything is changed: what is restored, what stands at the target, what stands
//! in the way. Read-only.

use super::error::RestoreError;
use super::origin::{Content, Origin};
use super::request::{Destination, From, Hands, Old, Owners, Request};
use super::safety;
use super::scratch::{is_leftover, taken};
use super::selection::{Reach, Selection, select};
use super::site::Site;
use super::words::granted_roles;
use crate::base::{BackupId, Period};
use crate::catalog::{Manifest, RestorePoint};
use crate::plan::{Restoration, RestoreFacts, RestoreOrigin, RestoreTarget, Safety, TargetKind, restoration};
use crate::postgres::{LiveTable, Session, Ties, shortened};
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::BTreeSet;

/// A restore that can begin.
pub struct Prepared<'a> {
    /// What it will do.
    pub plan: Restoration,
    pub(super) request: Request<'a>,
    pub(super) origin: Origin,
    pub(super) site: Site,
    pub(super) kind: TargetKind,
    pub(super) safety: Safety,
    pub(super) selection: Option<Selection>,
    pub(super) live: Option<(Vec<LiveTable>, Ties)>,
    pub(super) jobs: u32,
    /// Database beside the target that the data goes into first.
    pub(super) beside: Option<String>,
    /// Name that the old database, or the schema of the old tables, gets.
    pub(super) aside: Option<String>,
}

/// Looks at everything and decides what will be done. Changes nothing.
pub async fn prepare<'a>(
    request: Request<'a>,
    points: &[RestorePoint],
    hands: &Hands<'_>,
) -> Result<Prepared<'a>, RestoreError> {
    tokio::select! {
        prepared = look(request, points, hands) => prepared,
        () = hands.cancel.cancelled() => Err(RestoreError::Interrupted),
    }
}

async fn look<'a>(
    request: Request<'a>,
    points: &[RestorePoint],
    hands: &Hands<'_>,
) -> Result<Prepared<'a>, RestoreError> {
    let origin = Origin::open(&request, hands).await?;
    let site = Site::of_request(&request, hands).await?;
    let mut session = site.maintenance.session().await?;
    let kind = target_kind(&request, &site, &mut session).await?;
    let mut warnings = Vec::new();
    let is_in_place = matches!(request.to, Destination::InPlace);
    let selection = selection(&request, &origin, is_in_place)?;
    warnings.extend(
        selection
            .iter()
            .flat_map(|selection| &selection.left_out)
            .map(|key| format!("foreign key {key} is left out: the table it points to is not restored")),
    );
    check_roles(&request, &origin, selection.as_ref(), &mut session).await?;
    let jobs = jobs(&request, &origin, &site, &mut warnings);
    version_warning(&origin, &site, &mut warnings);
    warnings.extend(another_source(&request, &origin, &site));
    let id = match &request.from {
        From::Backup(choice) => choice.point.id.clone(),
        From::File(_) => BackupId::new(Timestamp::now(), getrandom::u32().unwrap_or_else(|_| std::process::id())),
    };
    let replaces_tables = is_in_place && selection.is_some();
    let (mut beside, mut aside, mut live) = (None, None, None);
    let mut needs_safety = false;
    if let Some(selection) = selection.as_ref().filter(|_| replaces_tables) {
        let tables = live_tables(&site, selection).await?;
        if !tables.0.is_empty() {
            aside = Some(site.server().session().await?.free_schema_name(&format!("before_{id}")).await?);
            needs_safety = request.old == Old::Dropped;
        }
        live = Some(tables);
    } else if is_in_place {
        beside = Some(shortened(&site.database, &format!("_restoring_{id}")));
        if kind == TargetKind::Replaced {
            aside = Some(session.free_database_name(&site.database, &format!("_before_{id}")).await?);
            needs_safety = true;
            warnings.extend(what_stays_behind(&site.database, &mut session).await?);
        }
    } else if kind == TargetKind::Empty && jobs > 1 {
        warnings.push("with several processes a failure leaves the empty database half filled".to_owned());
    }
    let tier = match &origin.told {
        RestoreOrigin::Backup { tier, .. } => Some(tier.as_str()),
        RestoreOrigin::File { .. } => None,
    };
    let safety = if needs_safety {
        safety::judge(&request, points, tier, &site.server(), hands).await?
    } else {
        Safety::NotNeeded(None)
    };
    let hooks = &request.database.spec.hooks;
    let plan = restoration(RestoreFacts {
        database: request.name.to_owned(),
        origin: origin.told.clone(),
        target: RestoreTarget { kind, database: site.database.clone(), server: site.place() },
        tables: selection
            .iter()
            .flat_map(|selection| &selection.tables)
            .map(|(schema, name)| format!("{schema}.{name}"))
            .collect(),
        safety: safety.clone(),
        beside: beside.clone(),
        aside: aside.clone(),
        drops_old: request.old == Old::Dropped,
        jobs,
        has_manifest: origin.manifest.as_ref().is_some_and(Manifest::counts_rows),
        hooks: (hooks.before_restore.len(), hooks.after_restore.len()),
        warnings,
        stored_bytes: origin.stored_bytes,
        plain_bytes: origin.plain_bytes,
        backup_took: origin
            .manifest
            .as_ref()
            .filter(|m| m.adopted.is_none())
            .map(|m| Period::between(m.started_at, m.finished_at)),
    });
    Ok(Prepared { plan, request, origin, site, kind, safety, selection, live, jobs, beside, aside })
}

/// What stands at the target, or the refusal.
async fn target_kind(request: &Request<'_>, site: &Site, session: &mut Session) -> Result<TargetKind, RestoreError> {
    let name = &site.database;
    let exists = session.database_exists(name).await?;
    match &request.to {
        Destination::InPlace if exists => Ok(TargetKind::Replaced),
        _ if !exists => Ok(TargetKind::Absent),
        Destination::Into(_) => {
            let is_ours = is_leftover(session.database_comment(name).await?.as_deref());
            if is_ours { Ok(TargetKind::Absent) } else { Err(taken(name, &site.place())) }
        }
        _ => {
            #[derive(Deserialize)]
            struct Count {
                n: u64,
                is_template: bool,
            }
            let mut inside = site.server().session().await?;
            let count: Count = inside
                .row(
                    "SELECT count(*) AS n, (SELECT datistemplate FROM pg_database WHERE datname = current_database()) \
                     AS is_template FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                     WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT EXISTS (SELECT FROM \
                     pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')",
                )
                .await?;
            if count.is_template {
                return Err(RestoreError::TargetTaken {
                    problem: format!(
                        "database `{name}` on {} is a template: new databases are copies of it",
                        site.place()
                    ),
                    hint: "Name a database that does not exist yet; it is created.".to_owned(),
                });
            }
            if count.n == 0 {
                return Ok(TargetKind::Empty);
            }
            Err(RestoreError::TargetTaken {
                problem: format!("database `{name}` on {} is not empty: it has {} relations", site.place(), count.n),
                hint: "Name a database that does not exist yet; it is created.".to_owned(),
            })
        }
    }
}

fn selection(request: &Request<'_>, origin: &Origin, is_in_place: bool) -> Result<Option<Selection>, RestoreError> {
    if request.tables.is_empty() {
        return Ok(None);
    }
    let outline = origin.outline().ok_or_else(|| {
        RestoreError::FileUnusable("single tables can be restored from a dump in custom format only".to_owned())
    })?;
    let reach = if is_in_place { Reach::TablesAlone } else { Reach::WithNeeds };
    Ok(Some(select(outline, &request.tables, reach)?))
}

/// Entries of an archive that a restore does not make.
const NOT_MADE: [&str; 2] = ["DATABASE", "DATABASE PROPERTIES"];

async fn check_roles(
    request: &Request<'_>,
    origin: &Origin,
    selection: Option<&Selection>,
    session: &mut Session,
) -> Result<(), RestoreError> {
    #[derive(Deserialize)]
    struct Role {
        name: String,
    }
    let Some(outline) = origin.outline().filter(|_| request.owners == Owners::AsBackedUp) else { return Ok(()) };
    let mut wanted: BTreeSet<String> = BTreeSet::new();
    for entry in &outline.entries {
        let is_kept = selection.is_none_or(|selection| selection.keep.contains(&entry.toc.dump_id));
        let is_about_database = entry.toc.tag.starts_with("DATABASE ");
        if !is_kept || is_about_database || NOT_MADE.contains(&entry.toc.desc.as_str()) {
            continue;
        }
        if !entry.toc.owner.is_empty() {
            wanted.insert(entry.toc.owner.clone());
        }
        if matches!(entry.toc.desc.as_str(), "ACL" | "DEFAULT ACL") {
            wanted.extend(granted_roles(&entry.definition));
        }
    }
    let known: Vec<Role> = session.rows("SELECT rolname AS name FROM pg_roles").await?;
    let known: BTreeSet<String> = known.into_iter().map(|role| role.name).collect();
    // Names in another encoding than UTF-8 cannot be compared; the restore itself will tell.
    let missing: Vec<String> = wanted.difference(&known).filter(|name| !name.contains('\u{FFFD}')).cloned().collect();
    if missing.is_empty() { Ok(()) } else { Err(RestoreError::RolesMissing(missing)) }
}

/// How many processes can work, and why fewer than asked for.
fn jobs(request: &Request<'_>, origin: &Origin, site: &Site, warnings: &mut Vec<String>) -> u32 {
    if request.jobs <= 1 {
        return 1;
    }
    let because = if !matches!(origin.content, Content::Archive(_)) {
        "only a dump in custom format can be read by several"
    } else if !site.maintenance.programs().are_here() {
        "the client programs run behind `exec` and cannot read a file of this machine"
    } else if matches!(request.to, Destination::InPlace) && !request.tables.is_empty() {
        "one transaction is one process"
    } else {
        return request.jobs;
    };
    warnings.push(format!("one process works instead of {}: {because}", request.jobs));
    1
}

/// Policies that share a store and a name for different databases see each other's backups as their own.
fn another_source(request: &Request<'_>, origin: &Origin, site: &Site) -> Option<String> {
    let manifest = origin.manifest.as_ref()?;
    let source = &manifest.source;
    let is_another = match request.to {
        // What another tool made need not say where it was read from.
        Destination::InPlace if source.database.is_empty() => manifest.policy != request.desired.name,
        Destination::InPlace => source.database != site.database || manifest.policy != request.desired.name,
        Destination::Into(_) | Destination::Elsewhere(_) => manifest.policy != request.desired.name,
    };
    is_another.then(|| {
        format!(
            "the backup is one of database `{}` on {}, made by policy `{}`",
            source.database, source.host, manifest.policy
        )
    })
}

fn version_warning(origin: &Origin, site: &Site, warnings: &mut Vec<String>) {
    let major = |version: &str| version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    let made_on = origin.outline().and_then(|outline| major(&outline.server_version));
    let target = major(site.maintenance.version());
    if let (Some(made_on), Some(target)) = (made_on, target)
        && made_on > target
    {
        warnings.push(format!("the dump is of PostgreSQL {made_on} and the target is older: {target}"));
    }
}

async fn live_tables(site: &Site, selection: &Selection) -> Result<(Vec<LiveTable>, Ties), RestoreError> {
    let mut session = site.server().session().await?;
    let tables = session.live_tables(&selection.tables).await?;
    let mut ties = session.ties(&tables).await?;
    let names: BTreeSet<String> = tables.iter().map(|table| format!("{}.{}", table.schema, table.name)).collect();
    let outside = tables.iter().filter_map(|table| Some((table, table.partition_of.as_ref()?)));
    let partition = |(table, of): (&LiveTable, &String)| {
        format!("partitioned table {of}, which {}.{} is a part of", table.schema, table.name)
    };
    ties.others.extend(outside.filter(|(_, of)| !names.contains(*of)).map(partition));
    if ties.others.is_empty() {
        return Ok((tables, ties));
    }
    Err(RestoreError::TablesTied { tables: names.into_iter().collect(), ties: ties.others })
}

/// What belongs to a database by number, not by name, and so stays with the old one.
async fn what_stays_behind(name: &str, session: &mut Session) -> Result<Vec<String>, RestoreError> {
    #[derive(Deserialize)]
    struct Found {
        what: String,
    }
    let name = crate::postgres::literal(name);
    let found: Vec<Found> = session
        .rows(&format!(
            "SELECT format('replication slot `%s` stays with the old database', slot_name) AS what \
             FROM pg_replication_slots WHERE database = {name} UNION ALL \
             SELECT format('prepared transaction `%s` keeps the old database from being renamed', gid) \
             FROM pg_prepared_xacts WHERE database = {name}"
        ))
        .await?;
    Ok(found.into_iter().map(|found| found.what).collect())
}
