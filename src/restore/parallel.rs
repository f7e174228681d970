//! Several processes at once: tables are loaded side by side while the dump is still being read, then indexes and
//! constraints are built side by side.
//!
//! `pg_restore --jobs` wants a whole file first. Here its work is cut into parts, each a dump of its own that one
//! `pg_restore` reads from its standard input: what comes before the data; every large table, and small ones in
//! bunches; sequences and large objects. Who loaded a table goes on with its indexes while others still load. The rest
//! of what comes after the data needs no data, so `pg_restore --jobs` gets a file with the table of contents alone.

use super::error::RestoreError;
use super::fill::Filling;
use super::flow::Flow;
use super::ready::Readiness;
use super::spool::{Handed, Spool, SpoolReader};
use crate::codec::archive::{Cut, Outline, TocEntry};
use crate::postgres::{Restore, RestoreOptions, Server};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;

/// Tables are bunched up to so many bytes: each bunch costs a process and a connection.
const BUNCH: u64 = 16 << 20;

/// Data of some entries, one behind the other in the spool.
struct Job {
    /// Numbers of the entries.
    ids: BTreeSet<i64>,
    start: u64,
    /// Known once the last block is complete.
    end: watch::Receiver<Option<u64>>,
}

/// What loading came to.
#[derive(Default)]
struct Loaded {
    warnings: Vec<String>,
    /// Entries after the data that are done already.
    built: BTreeSet<i64>,
}

/// Restores an archive with several processes and returns their warnings.
pub(super) async fn fill_parallel(
    flow: &mut Flow,
    outline: &Outline,
    filling: &Filling<'_>,
    bytes: Option<u64>,
) -> Result<Vec<String>, RestoreError> {
    let spool = Spool::create(bytes)?;
    let (jobs, queue) = mpsc::unbounded_channel();
    let loading = async {
        let whole = head(outline, |entry| filling.keeps(entry));
        let mut warnings = run(filling.server, &section(&filling.options(), "pre-data"), whole, &[], None).await?;
        let loaded = load(outline, filling, queue, spool.reader()).await?;
        warnings.extend(loaded.warnings);
        Ok((warnings, loaded.built))
    };
    // The jobs end when the reading does.
    let (others, (mut warnings, built)) = tokio::try_join!(read(flow, outline, filling, &spool, jobs), loading)?;
    let rest = head(outline, |entry| filling.keeps(entry) && entry.desc != "TABLE DATA");
    warnings
        .extend(run(filling.server, &section(&filling.options(), "data"), rest, &others, Some(spool.reader())).await?);
    let is_left = |entry: &TocEntry| filling.keeps(entry) && !built.contains(&entry.dump_id);
    let contents = Handed::new(&head(outline, is_left))?;
    let options =
        RestoreOptions { file: Some(contents.path()), jobs: filling.jobs, ..section(&filling.options(), "post-data") };
    warnings.extend(Restore::archive(filling.server, &options).await?.finish().await?);
    Ok(warnings)
}

fn head(outline: &Outline, keep: impl Fn(&TocEntry) -> bool) -> Vec<u8> {
    Cut::begin(outline, keep).0
}

fn section(options: &RestoreOptions, name: &str) -> RestoreOptions {
    let mut options = options.clone();
    options.arguments.push(format!("--section={name}"));
    options
}

/// Writes the data into the spool and makes jobs of it as it comes. Returns where the data of everything but tables
/// lies. Ends only when every digest agreed.
async fn read(
    flow: &mut Flow,
    outline: &Outline,
    filling: &Filling<'_>,
    spool: &Spool,
    jobs: mpsc::UnboundedSender<Job>,
) -> Result<Vec<(u64, u64)>, RestoreError> {
    let (head, mut cut) = Cut::begin(outline, |entry| filling.keeps(entry));
    let before = head.len() as u64;
    let tables: BTreeSet<i64> =
        outline.entries.iter().filter(|e| e.toc.desc == "TABLE DATA").map(|e| e.toc.dump_id).collect();
    let mut bunches = Bunches { tables, jobs, open: None, others: Vec::new(), n_seen: 0 };
    while let Some(piece) = flow.next().await? {
        let mut kept = Vec::new();
        cut.feed(&piece, &mut kept)?;
        let (blocks, written) = cut.blocks();
        // Where a job ends is known before anybody can read beyond.
        bunches.advance(blocks, before, written - before, false);
        spool.write(kept).await?;
    }
    let (blocks, written) = cut.blocks();
    bunches.advance(blocks, before, written - before, true);
    cut.finish()?;
    Ok(bunches.others)
}

/// Makes jobs of blocks.
struct Bunches {
    tables: BTreeSet<i64>,
    jobs: mpsc::UnboundedSender<Job>,
    open: Option<Bunch>,
    others: Vec<(u64, u64)>,
    n_seen: usize,
}

/// Consecutive blocks that become one job.
struct Bunch {
    ids: BTreeSet<i64>,
    start: u64,
    /// Set when the job was given out before its end was known.
    given: Option<watch::Sender<Option<u64>>>,
}

impl Bunches {
    /// Looks at the blocks that came, the last of which may go on unless it `is_end`.
    fn advance(&mut self, blocks: &[(i64, u64)], before: u64, written: u64, is_end: bool) {
        for (index, (id, position)) in blocks.iter().enumerate().skip(self.n_seen) {
            let start = position - before;
            if let Some(bunch) = &self.open
                && (bunch.given.is_some() || start - bunch.start >= BUNCH || !self.tables.contains(id))
            {
                self.close(start);
            }
            if self.tables.contains(id) {
                let bunch = self.open.get_or_insert_with(|| Bunch { ids: BTreeSet::new(), start, given: None });
                bunch.ids.insert(*id);
            } else {
                let end = blocks.get(index + 1).map(|(_, next)| next - before);
                match end.or(is_end.then_some(written)) {
                    Some(end) => self.others.push((start, end)),
                    // It is looked at again when its end is known.
                    None => {
                        self.n_seen = index;
                        return;
                    }
                }
            }
            self.n_seen = index + 1;
        }
        self.give_large(written);
        if is_end {
            self.close(written);
        }
    }

    /// A bunch that is large already need not end before it is loaded: the next block ends it.
    fn give_large(&mut self, written: u64) {
        let Some(bunch) = &mut self.open else { return };
        if bunch.given.is_none() && written - bunch.start >= BUNCH {
            let (sender, end) = watch::channel(None);
            // Nobody listens when loading failed, which ends it all.
            let _ = self.jobs.send(Job { ids: bunch.ids.clone(), start: bunch.start, end });
            bunch.given = Some(sender);
        }
    }

    fn close(&mut self, end: u64) {
        let Some(bunch) = self.open.take() else { return };
        match bunch.given {
            Some(sender) => drop(sender.send_replace(Some(end))),
            None => {
                let (_, known) = watch::channel(Some(end));
                let _ = self.jobs.send(Job { ids: bunch.ids, start: bunch.start, end: known });
            }
        }
    }
}

/// Entries without which no other is understood.
const ALWAYS: [&str; 3] = ["ENCODING", "STDSTRINGS", "SEARCHPATH"];

/// Loads the jobs as they come, so many at once, and builds the indexes of what is loaded while others still load: at
/// the end, when there is work for one process alone, `pg_restore --jobs` divides it better.
async fn load(
    outline: &Outline,
    filling: &Filling<'_>,
    mut queue: mpsc::UnboundedReceiver<Job>,
    reader: SpoolReader,
) -> Result<Loaded, RestoreError> {
    let places = Arc::new(Semaphore::new(filling.jobs as usize));
    let readiness = Readiness::new(outline, |entry| filling.keeps(entry));
    let mut running: JoinSet<Result<Loaded, RestoreError>> = JoinSet::new();
    // Jobs that are not done, and one for those that may come.
    let n_open = Arc::new(AtomicUsize::new(1));
    let mut all = Loaded::default();
    loop {
        tokio::select! {
            job = queue.recv() => {
                let Some(job) = job else { break };
                let of = |ids: &BTreeSet<i64>| {
                    head(outline, |entry| ids.contains(&entry.dump_id) || ALWAYS.contains(&entry.desc.as_str()))
                };
                let (server, options) = (filling.server.clone(), filling.options());
                let (places, reader, n_open) = (places.clone(), reader.clone(), n_open.clone());
                let indexes = readiness.after(&job.ids);
                let (data, post_data) = (of(&job.ids), of(&indexes));
                n_open.fetch_add(1, Ordering::Relaxed);
                running.spawn(async move {
                    // The semaphore is never closed.
                    let _place = places.acquire_owned().await;
                    let mut warnings = load_job(&server, &section(&options, "data"), &data, job, reader).await?;
                    let mut built = BTreeSet::new();
                    if n_open.load(Ordering::Relaxed) > 1 && !indexes.is_empty() {
                        warnings.extend(run(&server, &section(&options, "post-data"), post_data, &[], None).await?);
                        built = indexes;
                    }
                    n_open.fetch_sub(1, Ordering::Relaxed);
                    Ok(Loaded { warnings, built })
                });
            }
            Some(done) = running.join_next() => all.add(joined(done)?),
        }
    }
    n_open.fetch_sub(1, Ordering::Relaxed);
    while let Some(done) = running.join_next().await {
        all.add(joined(done)?);
    }
    Ok(all)
}

impl Loaded {
    fn add(&mut self, other: Loaded) {
        self.warnings.extend(other.warnings);
        self.built.extend(other.built);
    }
}

fn joined<T>(done: Result<T, tokio::task::JoinError>) -> T {
    done.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

async fn load_job(
    server: &Server,
    options: &RestoreOptions,
    head: &[u8],
    mut job: Job,
    mut reader: SpoolReader,
) -> Result<Vec<String>, RestoreError> {
    let mut restore = Restore::archive(server, options).await?;
    let Some(mut input) = restore.input() else { return Ok(restore.finish().await?) };
    let mut at = job.start;
    let mut is_open = input.write_all(head).await.is_ok();
    while is_open {
        let end = *job.end.borrow_and_update();
        if end.is_some_and(|end| at >= end) {
            break;
        }
        tokio::select! {
            biased;
            changed = job.end.changed(), if end.is_none() => {
                // Who reads the dump failed, and says why.
                changed.map_err(|_| RestoreError::Interrupted)?;
                continue;
            }
            () = reader.beyond(at) => {}
        }
        let end = *job.end.borrow();
        if end.is_some_and(|end| at >= end) {
            break;
        }
        let Some(until) = reader.until(at, end).await else { return Err(RestoreError::Interrupted) };
        is_open = input.write_file(reader.file(), at..until).await?;
        at = until;
    }
    // The end of its input; when it wanted no more of it, the program says why.
    drop(input);
    Ok(restore.finish().await?)
}

/// Runs one section of a dump, given its head and where its data lies in the spool.
async fn run(
    server: &Server,
    options: &RestoreOptions,
    head: Vec<u8>,
    ranges: &[(u64, u64)],
    reader: Option<SpoolReader>,
) -> Result<Vec<String>, RestoreError> {
    let mut restore = Restore::archive(server, options).await?;
    if let Some(mut input) = restore.input() {
        let mut is_open = input.write_all(&head).await.is_ok();
        for (start, end) in ranges {
            let (Some(mut reader), mut at) = (reader.clone(), *start) else { break };
            while is_open && at < *end {
                let Some(until) = reader.until(at, Some(*end)).await else { break };
                is_open = input.write_file(reader.file(), at..until).await?;
                at = until;
            }
        }
    }
    Ok(restore.finish().await?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;
    use proptest::prelude::*;

    /// The jobs that blocks of these lengths make when the bytes come in pieces, and where other data lies.
    fn jobs(lengths: &[u64], others: &BTreeSet<i64>, piece: u64) -> (Vec<Job>, Vec<(u64, u64)>) {
        const BEFORE: u64 = 1000;
        let (sender, mut queue) = mpsc::unbounded_channel();
        let tables = (0..lengths.len() as i64).filter(|id| !others.contains(id)).collect();
        let mut bunches = Bunches { tables, jobs: sender, open: None, others: Vec::new(), n_seen: 0 };
        let mut all = Vec::new();
        let mut at = BEFORE;
        for (id, length) in lengths.iter().enumerate() {
            all.push((id as i64, at));
            at += length;
        }
        let mut written = BEFORE;
        while written < at {
            written = (written + piece).min(at);
            let begun = all.partition_point(|(_, position)| *position < written);
            bunches.advance(&all[..begun], BEFORE, written - BEFORE, false);
        }
        bunches.advance(&all, BEFORE, at - BEFORE, true);
        let others = std::mem::take(&mut bunches.others);
        drop(bunches);
        let mut jobs = Vec::new();
        while let Ok(job) = queue.try_recv() {
            jobs.push(job);
        }
        (jobs, others)
    }

    proptest! {
        #[test]
        fn every_block_is_in_one_place_only(
            lengths in proptest::collection::vec(prop_oneof![1_u64..1000, (1_u64 << 20)..(40 << 20)], 1..30),
            others in proptest::collection::btree_set(0_i64..30, 0..4),
            piece in (64_u64 << 10)..(4 << 20),
        ) {
            let (jobs, other_places) = jobs(&lengths, &others, piece);
            let mut starts = vec![0];
            starts.extend(lengths.iter().scan(0, |at, length| { *at += length; Some(*at) }));
            let mut seen = BTreeSet::new();
            for job in &jobs {
                let (first, last) = (*job.ids.first().unwrap() as usize, *job.ids.last().unwrap() as usize);
                prop_assert_eq!(job.ids.len(), last - first + 1);
                prop_assert_eq!(job.start, starts[first]);
                prop_assert_eq!(*job.end.borrow(), Some(starts[last + 1]));
                for id in &job.ids {
                    prop_assert!(!others.contains(id) && seen.insert(*id));
                }
                let small = starts[last] - starts[first];
                prop_assert!(small < BUNCH + (40 << 20), "a bunch of {small} bytes before its last block");
            }
            let mut places = Vec::new();
            for id in others.iter().filter(|id| (**id as usize) < lengths.len()) {
                places.push((starts[*id as usize], starts[*id as usize + 1]));
                seen.insert(*id);
            }
            prop_assert_eq!(seen.len(), lengths.len());
            prop_assert_eq!(other_places, places);
        }
    }
}
