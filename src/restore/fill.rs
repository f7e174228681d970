//! The data comes in: from a flow of bytes into a database, through `pg_restore` or `psql`.

use super::error::RestoreError;
use super::flow::Flow;
use super::origin::{Content, Origin};
use super::parallel::fill_parallel;
use super::request::{Owners, Tablespaces};
use super::selection::Selection;
use crate::codec::archive::{Cut, TocEntry};
use crate::codec::sql::SqlGuard;
use crate::postgres::{Input, Restore, RestoreOptions, Server};

/// How the data comes in.
pub(super) struct Filling<'a> {
    /// The database.
    pub(super) server: &'a Server,
    /// Processes at once.
    pub(super) jobs: u32,
    /// What becomes of owners and grants.
    pub(super) owners: Owners,
    /// What becomes of tablespaces.
    pub(super) tablespaces: Tablespaces,
    /// Only these entries.
    pub(super) selection: Option<&'a Selection>,
    /// All or nothing, with one process: for a database that is not ours to drop.
    pub(super) is_atomic: bool,
}

/// Whether everything was taken.
enum Poured {
    All,
    /// The program at the other end went away; it says why, and what it had taken may have been enough.
    Enough,
}

/// Restores a dump into a database and returns the warnings of the programs. Succeeds only when every digest agreed.
pub(super) async fn fill(origin: &mut Origin, filling: &Filling<'_>) -> Result<Vec<String>, RestoreError> {
    let Origin { content, flow, plain_bytes, .. } = origin;
    match content {
        Content::Archive(outline) => {
            if filling.jobs > 1 {
                return fill_parallel(flow, outline, filling, *plain_bytes).await;
            }
            let mut restore = Restore::archive(filling.server, &filling.options()).await?;
            let (head, cut) = Cut::begin(outline, |entry| filling.keeps(entry));
            let cut = filling.selection.map(|_| cut);
            let input = restore.input();
            finish(pour(flow, head, cut, input).await?, restore, flow).await
        }
        Content::OtherArchive => {
            let mut restore = Restore::archive(filling.server, &filling.options()).await?;
            let input = restore.input();
            finish(pour(flow, Vec::new(), None, input).await?, restore, flow).await
        }
        Content::Sql => fill_sql(flow, filling).await,
    }
}

impl Filling<'_> {
    pub(super) fn keeps(&self, entry: &TocEntry) -> bool {
        self.selection.is_none_or(|selection| selection.keep.contains(&entry.dump_id))
    }

    pub(super) fn options(&self) -> RestoreOptions {
        let atomic = self.is_atomic && self.jobs <= 1;
        RestoreOptions {
            no_owner: self.owners == Owners::LeftOut,
            no_tablespaces: self.tablespaces == Tablespaces::LeftOut,
            arguments: if atomic { vec!["--single-transaction".to_owned()] } else { Vec::new() },
            ..RestoreOptions::default()
        }
    }
}

/// Waits for the program, and for the verdict on bytes that it did not need.
async fn finish(poured: Poured, restore: Restore, flow: &mut Flow) -> Result<Vec<String>, RestoreError> {
    let warnings = restore.finish().await?;
    if matches!(poured, Poured::Enough) {
        while flow.next().await?.is_some() {}
    }
    Ok(warnings)
}

/// Writes the head and the flow into a program.
async fn pour(
    flow: &mut Flow,
    head: Vec<u8>,
    mut cut: Option<Cut>,
    input: Option<Input>,
) -> Result<Poured, RestoreError> {
    let Some(mut input) = input else { return Ok(Poured::Enough) };
    let mut is_open = input.write_all(&head).await.is_ok();
    while is_open {
        let Some(piece) = flow.next().await? else {
            if let Some(cut) = cut {
                cut.finish()?;
            }
            return Ok(Poured::All);
        };
        is_open = match &mut cut {
            None => input.write_all(&piece).await.is_ok(),
            Some(cut) => {
                let mut kept = Vec::new();
                cut.feed(&piece, &mut kept)?;
                let mut is_open = true;
                for piece in &kept {
                    is_open = is_open && input.write_all(piece).await.is_ok();
                }
                is_open
            }
        };
    }
    Ok(Poured::Enough)
}

/// Pours a selection of an archive into a program that only prints, whose output somebody else reads.
pub(super) async fn pour_selection(
    origin: &mut Origin,
    selection: &Selection,
    input: Option<Input>,
) -> Result<(), RestoreError> {
    let Content::Archive(outline) = &origin.content else { return Ok(()) };
    let (head, cut) = Cut::begin(outline, |entry| selection.keep.contains(&entry.dump_id));
    if let Poured::Enough = pour(&mut origin.flow, head, Some(cut), input).await? {
        while origin.flow.next().await?.is_some() {}
    }
    Ok(())
}

async fn fill_sql(flow: &mut Flow, filling: &Filling<'_>) -> Result<Vec<String>, RestoreError> {
    let mut restore = Restore::sql(filling.server).await?;
    let printed = restore.output().map(drain);
    let mut guard = SqlGuard::default();
    let poured = {
        let Some(mut input) = restore.input() else { return Ok(Vec::new()) };
        // A transaction around the dump, where what it leaves half done could not be dropped.
        let (begin, commit): (&[u8], &[u8]) =
            if filling.is_atomic { (b"BEGIN;\n", b"\nCOMMIT;\n") } else { (b"", b"") };
        let mut is_open = input.write_all(begin).await.is_ok();
        let mut poured = Poured::Enough;
        while is_open {
            let Some(piece) = flow.next().await? else {
                guard.finish().map_err(RestoreError::FileUnusable)?;
                let _ = input.write_all(commit).await;
                poured = Poured::All;
                break;
            };
            guard.feed(&piece).map_err(RestoreError::FileUnusable)?;
            is_open = input.write_all(&piece).await.is_ok();
        }
        poured
    };
    let warnings = finish(poured, restore, flow).await;
    if let Some(printed) = printed {
        // It ends with the program.
        let _ = printed.await;
    }
    warnings
}

/// Reads what a program prints, so that it never waits for a reader.
pub(super) fn drain(mut output: tokio::process::ChildStdout) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        let _ = tokio::io::copy(&mut output, &mut tokio::io::sink()).await;
    })
}
