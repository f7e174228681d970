//! Tables as they were at a moment, beside the live ones: a scratch cluster with the files of one database only,
//! recovered to that moment, from which the rows are copied.

use super::request::ClusterRequest;
use super::scratch::ScratchFolder;
use crate::base::Lookup;
use crate::event::Event;
use crate::postgres::{Server, TableShape, copy_table};
use crate::restore::{Hands, NoSelection, RestoreError, TableName};
use std::sync::Arc;

/// Which tables, and where they go.
pub struct Rescue<'a> {
    /// The cluster that they are in; its folder, target and tablespaces are filled in.
    pub cluster: ClusterRequest<'a>,
    /// The database that they are in, in the backup and on the live server.
    pub database: String,
    /// The tables.
    pub tables: Vec<TableName>,
    /// Name that the only table gets; otherwise `<table>_rescued`.
    pub renamed: Option<String>,
    /// The live database.
    pub live: Server,
}

/// A table that was brought back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RescuedTable {
    /// Its schema, in the backup and now.
    pub schema: String,
    /// Its name in the backup.
    pub name: String,
    /// Its name on the live server.
    pub becomes: String,
    /// Its rows.
    pub rows: u64,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rescued {
    /// The tables, in the order asked for.
    pub tables: Vec<RescuedTable>,
    /// When the last transaction in them was committed; `None`: nothing was replayed.
    pub last_transaction: Option<String>,
}

/// Brings tables back beside the live ones. Whatever fails, the live tables are untouched; of several tables those that
/// came first stay.
pub async fn rescue(
    mut rescue: Rescue<'_>,
    hands: &Hands<'_>,
    lookup: Arc<dyn Lookup>,
) -> Result<Rescued, RestoreError> {
    let cluster = rescue.cluster.base.cluster;
    let known = cluster.databases.iter().find(|database| database.name == rescue.database);
    let oid = known.map(|database| database.oid).ok_or_else(|| RestoreError::TargetTaken {
        problem: format!("the backup has no database `{}`", rescue.database),
        hint: "Run `backstay show ID` to see its databases; `--into` names one of them.".to_owned(),
    })?;
    check_free_names(&rescue).await?;
    let folder = ScratchFolder::new(hands.lookup)?;
    rescue.cluster.folder = folder.data();
    rescue.cluster.only = Some(oid);
    rescue.cluster.tablespaces = cluster
        .tablespaces
        .iter()
        .map(|tablespace| super::TablespaceTarget {
            tablespace: tablespace.oid.to_string(),
            folder: folder.tablespace(tablespace.oid),
        })
        .collect();
    let scratch = folder.start(&rescue.cluster, hands, lookup).await?;
    let user = rescue.live.connection().user().unwrap_or("postgres").to_owned();
    let source = scratch.server(&rescue.database, &user).await?;
    let mut session = source.session().await?;
    let mut shapes: Vec<TableShape> = Vec::new();
    for table in &rescue.tables {
        let (schema, name) = table.as_sql();
        let shape = session.table_shape(schema.as_deref(), &name).await?;
        let missing = || NoSelection::Unknown { name: table.to_string(), nearest: None };
        shapes.push(shape.ok_or_else(missing)?);
    }
    session.close().await?;
    let mut tables = Vec::new();
    for shape in shapes {
        let becomes = rescue.becomes(&shape.name);
        hands.observer.on(&Event::Note(format!("copying `{}.{}` into `{becomes}`", shape.schema, shape.name)));
        let copied = tokio::select! {
            biased;
            () = hands.cancel.cancelled() => return Err(RestoreError::Interrupted),
            copied = copy_table(&source, &shape, &rescue.live, &shape.schema, &becomes) => copied?,
        };
        tables.push(RescuedTable { schema: shape.schema, name: shape.name, becomes, rows: copied });
    }
    let last_transaction = scratch.recovered.last_transaction.clone();
    tokio::task::spawn_blocking(move || drop(scratch)).await.ok();
    Ok(Rescued { tables, last_transaction })
}

impl Rescue<'_> {
    fn becomes(&self, name: &str) -> String {
        self.renamed.clone().unwrap_or_else(|| crate::postgres::shortened(name, "_rescued"))
    }
}

/// Before anything is fetched: the names that the tables get must be free.
async fn check_free_names(rescue: &Rescue<'_>) -> Result<(), RestoreError> {
    let mut session = rescue.live.session().await?;
    for table in &rescue.tables {
        let (schema, name) = table.as_sql();
        let becomes = rescue.becomes(&name);
        if session.table_shape(schema.as_deref(), &becomes).await?.is_some() {
            return Err(RestoreError::TargetTaken {
                problem: format!("`{}` has a table `{becomes}` already", rescue.database),
                hint: "Choose another name with `--as NAME`, or drop it.".to_owned(),
            });
        }
    }
    Ok(session.close().await?)
}
