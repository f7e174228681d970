//! `backstay restore DATABASE --table T --to-time …`: tables out of a physical backup, beside the live ones.

use super::catalogs::PolicyCatalog;
use super::restore_cluster::{Choice, ClusterArgs, base_for, restore_command};
use super::{Context, Exit};
use crate::alert::{DeedEnd, DeedKind, Topic};
use crate::diag::Explain;
use crate::postgres::Server;
use crate::report;
use crate::restore::{ClusterRequest, Hands, Rescue, RestoreError, TableName, rescue};
use std::path::PathBuf;
use std::time::Instant;

/// Brings tables back and says under which names.
pub(super) async fn work(
    args: &ClusterArgs,
    choice: &Choice<'_>,
    tables: &[TableName],
    into: Option<&str>,
    context: &Context,
    catalog: &PolicyCatalog,
) -> Result<Exit, RestoreError> {
    let begun = Instant::now();
    if args.renamed.is_some() && tables.len() != 1 {
        context.complain("`--as` names one table, and several were asked for", None);
        return Ok(Exit::Usage);
    }
    let Some(found) = catalog.desired.database(choice.database) else { return Ok(Exit::Failed) };
    let target = match args.target(catalog, choice.database) {
        Ok(target) => target,
        Err(problem) => {
            context.complain(problem, Some("Write it like `2026-11-27 14:30` or `2026-11-27T14:30:00+01:00`."));
            return Ok(Exit::Usage);
        }
    };
    let server = Server::for_session(found.spec, context.lookup.as_ref()).await?;
    let database = match into.or(server.connection().database()) {
        Some(database) => database.to_owned(),
        None => {
            let hint = "Add `--into DATABASE`: it is read from there in the backup, and written there on the server.";
            context.complain("no database is named that the tables are in", Some(hint));
            return Ok(Exit::Usage);
        }
    };
    let repositories = catalog.places.repositories();
    let (base, way) = match base_for(args, choice, &target, context, catalog).await? {
        Ok(found) => found,
        Err(exit) => return Ok(exit),
    };
    let rescued = Rescue {
        cluster: ClusterRequest {
            desired: &catalog.desired,
            name: choice.database,
            base,
            folder: PathBuf::new(),
            tablespaces: Vec::new(),
            keeps: false,
            only: None,
            stays_cached: true,
            jobs: 2,
            target: target.clone(),
            way,
            archives: false,
            restore_command: restore_command(catalog, choice.database),
        },
        live: server.with_database(&database),
        database,
        tables: tables.to_vec(),
        renamed: args.renamed.clone(),
    };
    context.tell(format_args!(
        "{} of tier `{}` at `{}` is recovered to {target} in a scratch folder; the live tables are not touched",
        base.point.id, base.point.tier, base.copy.storage
    ));
    if choice.is_dry_run {
        context.tell("nothing was changed");
        return Ok(Exit::Done);
    }
    let hands = Hands {
        repositories: &repositories,
        lookup: context.lookup.as_ref(),
        observer: context.observer(),
        cancel: context.cancel.clone(),
        run: context.run.clone(),
    };
    let note = |end: DeedEnd| {
        context.diary.note(&catalog.desired.name, DeedKind::Restore, Topic::database(choice.database), end);
    };
    match rescue(rescued, &hands, context.lookup.clone()).await {
        Ok(done) => {
            note(DeedEnd::Good(format!("{} tables were brought back beside the live ones", done.tables.len())));
            let tables: Vec<report::RescuedTable> = done
                .tables
                .iter()
                .map(|table| report::RescuedTable {
                    schema: table.schema.clone(),
                    name: table.name.clone(),
                    becomes: table.becomes.clone(),
                    rows: table.rows,
                })
                .collect();
            let (last, seconds) = (done.last_transaction.as_deref(), begun.elapsed().as_secs());
            context.say(match context.json {
                true => report::rescued_json(&tables, last, seconds),
                false => report::rescued(&tables, last, seconds),
            });
            Ok(Exit::Done)
        }
        Err(error) => {
            note(DeedEnd::Failed { problem: error.to_string(), code: Some(error.code().id.to_owned()) });
            Err(error)
        }
    }
}
