//! Everything of a physical backup but its manifest.

use super::base_source::BaseSource;
use super::block_digests::{BlockDigests, FromStart};
use super::cutter::{Blocks, Cutter};
use super::found::Found;
use super::known::{Known, known, noting};
use super::label;
use super::load::may_be_remembered;
use super::packs::Packs;
use super::remembered::Remembered;
use super::resume::Unfinished;
use crate::backup::cipher::cipher;
use crate::backup::copies::Copies;
use crate::backup::error::BackupError;
use crate::backup::origin::origin;
use crate::backup::pipeline::{File, pump};
use crate::backup::take::{Order, Tools, choose, interruptible, reach};
use crate::backup::target::Target;
use crate::base::{BackupId, Size};
use crate::catalog::{
    BLOCK_DIGESTS, Cluster, FORMAT, FileKind, FileMap, Incremental, Manifest, Method, ObjectRole, Source, StoredObject,
    Unread, WalOfBackup,
};
use crate::codec::DumpFormat;
use crate::event::Event;
use crate::postgres::{BaseBackupEnd, ClusterFacts, Facts, Server};
use crate::stream::{Encoding, Progress, StreamError};
use bytes::Bytes;
use jiff::Timestamp;
use std::io::{Cursor, Read};
use std::sync::{Arc, Mutex, PoisonError};

/// A pack ends once it is longer than this, before all layers: long enough that a store is asked seldom, short enough
/// that several restore at once.
const PACK_BYTES: u64 = 256 << 20;
/// Packs at most, so that a manifest stays small; those of a larger cluster are longer.
const MAX_PACKS: u64 = 500;

/// The cluster as it was when the read of it began.
struct Reading {
    server: Server,
    facts: Facts,
    cluster: ClusterFacts,
    started_at: Timestamp,
}

/// Writes packs and map. All files are complete in the storages that are left. `unfinished`: what is stored of this very
/// backup.
pub(in crate::backup) async fn write<'a>(
    order: &Order<'a>,
    tools: &Tools<'a>,
    id: &'a BackupId,
    unfinished: Option<Unfinished>,
    copies: &mut Copies<'a>,
) -> Result<Manifest, BackupError> {
    let Target { spec, name: database, tier, tier_spec, .. } = order.target;
    let cipher = cipher(order.desired, spec.encryption.as_deref(), tools.lookup)?;
    let encoding = Encoding { compression: tier_spec.compression, cipher };
    let reading = read_facts(order, tools).await?;
    let last_plain = choose(order, tools, reading.cluster.bytes, copies).await;
    if copies.is_empty() {
        return Err(BackupError::NoCopy(Vec::new()));
    }

    let system = reading.facts.system_identifier.as_ref();
    let known = known(order, tools, &encoding, system, unfinished, copies).await?;
    let Known { stored, earlier, on } = known;
    if copies.is_empty() {
        return Err(BackupError::NoCopy(Vec::new()));
    }
    let label = format!("backstay {id}");
    let wal = WalOfBackup::Included;
    let since = earlier.as_ref().and_then(|earlier| earlier.since.as_ref());
    let begun = BaseSource::begin(&reading.server, &reading.cluster, label, wal, tier_spec.from, since, tools).await?;
    let pack_bytes = PACK_BYTES.max(reading.cluster.bytes / MAX_PACKS);
    let compares = earlier.is_some();
    let total = if compares { None } else { last_plain };
    let total = total.or(Some(reading.cluster.bytes));
    let progress = Progress::new(tools.observer.clone(), format!("back up {database} ({tier})"), total);
    let noting = noting(order, tools, id, &encoding, system);
    let wanted = tier_spec.full_every.is_some();
    let digests = (wanted || noting.is_some()).then(BlockDigests::new).transpose().map_err(StreamError::Process)?;
    let cutter = Cutter::new(begun.archives, pack_bytes).with_blocks(Blocks { digests, earlier }, &progress);
    let cutter = Arc::new(Mutex::new(cutter));
    let mut backup = Some(begun.source);
    // Where there is something to compare with it is told what was read: little of it goes into packs.
    let of_packs = if compares { Progress::silent() } else { progress.clone() };
    let job = Packs { progress: of_packs, encoding: &encoding, tools, noting };
    let packs = job.write(&cutter, stored, copies, || drop(backup.take())).await;
    progress.end();
    let ended = match (packs, backup) {
        // The source's own words say more than that its output ended.
        (Err(BackupError::Stream(_)), Some(backup)) => return Err(end_of(backup).await),
        (Err(error), _) => return Err(error),
        (Ok(_), None) => return Err(BackupError::Interrupted),
        (Ok(packs), Some(backup)) => (packs, backup.finish().await?),
    };
    let ((mut objects, packs), end) = ended;
    let (mut found, digests) = {
        let mut cutter = cutter.lock().unwrap_or_else(PoisonError::into_inner);
        (std::mem::take(&mut cutter.found), cutter.take_digests())
    };
    tell(&end, tools);
    let mut cluster = cluster(&reading, &found, end, wal)?;
    let packs = std::mem::take(&mut found.earlier_packs).into_iter().chain(packs).collect();
    let mut map = FileMap { packs, files: found.files };
    let digests = digests.filter(|_| wanted);
    if digests.is_none() {
        map.files.iter_mut().for_each(|file| file.block = None);
    }
    let references = map.drop_unused();
    let unread = Some(found.unread).filter(|unread| unread.files > 0);
    if let (Some(unread), Some(on)) = (&unread, &on) {
        tools.observer.on(&Event::Note(said_of_unread(unread, on)));
    }
    cluster.incremental = on.map(|on| Incremental { on, references, unread });
    let needed = cluster.references().iter().map(|reference| &reference.backup);
    let writing = Writing { order, tools, encoding: &encoding, id };
    objects.extend(writing.describe(map, digests, copies).await?);
    copies.require(needed).await;
    copies.complete().await;
    if copies.is_empty() {
        return Err(BackupError::NoCopy(Vec::new()));
    }
    Ok(Manifest {
        format: FORMAT,
        id: id.clone(),
        policy: order.desired.name.clone(),
        database: database.to_owned(),
        tier: tier.to_owned(),
        method: Method::Physical,
        started_at: reading.started_at,
        finished_at: (tools.now)(),
        tables: Vec::new(),
        constraints_not_valid: Vec::new(),
        origin: origin(begun.program, order.run),
        source: source(reading, &cluster),
        layers: encoding.layers(),
        objects,
        dump_format: DumpFormat::Custom,
        adopted: None,
        cluster: Some(cluster),
    })
}

async fn read_facts(order: &Order<'_>, tools: &Tools<'_>) -> Result<Reading, BackupError> {
    let server = interruptible(tools, reach(&order.target, tools.lookup)).await?;
    let mut session = interruptible(tools, server.session()).await?;
    let started_at = (tools.now)();
    let facts = interruptible(tools, Facts::read(&mut session)).await?;
    let cluster = interruptible(tools, session.cluster_facts()).await?;
    interruptible(tools, session.close()).await?;
    Ok(Reading { server, facts, cluster, started_at })
}

/// What describes the packs of a backup.
struct Writing<'a> {
    order: &'a Order<'a>,
    tools: &'a Tools<'a>,
    encoding: &'a Encoding,
    id: &'a BackupId,
}

impl Writing<'_> {
    /// Writes the map and the digests, and remembers them on this machine where the next backup may need that.
    async fn describe(
        &self,
        map: FileMap,
        digests: Option<BlockDigests>,
        copies: &mut Copies<'_>,
    ) -> Result<Vec<StoredObject>, BackupError> {
        let lines = Bytes::from(map.to_lines());
        drop(map);
        let of_map =
            self.store(ObjectRole::FileMap, "files.jsonl", Box::new(Cursor::new(lines.clone())), copies).await?;
        let Some(digests) = digests else { return Ok(vec![of_map]) };
        let file = digests.finish().map_err(StreamError::Process)?;
        let from_start = || Ok::<_, StreamError>(FromStart(file.try_clone().map_err(StreamError::Process)?, 0));
        let content = Box::new(from_start()?);
        let of_digests = self.store(ObjectRole::BlockDigests, BLOCK_DIGESTS, content, copies).await?;
        if let Some(state) = self.tools.state.filter(|_| may_be_remembered(&self.encoding.layers())) {
            let remembered = Remembered::new(state, self.order);
            let lines: Box<dyn Read + Send> = Box::new(Cursor::new(lines));
            let kept = async {
                remembered.write(self.id, &of_map, lines).await?;
                remembered.write(self.id, &of_digests, Box::new(from_start()?)).await?;
                remembered.forget_old().await.map_err(StreamError::AllDestinationsFailed)
            };
            if let Err(error) = kept.await {
                let note = format!("this machine remembers nothing of it for the next backup: {error}");
                self.tools.observer.on(&Event::Note(note));
            }
        }
        Ok(vec![of_map, of_digests])
    }

    async fn store(
        &self,
        role: ObjectRole,
        stem: &str,
        content: Box<dyn Read + Send>,
        copies: &mut Copies<'_>,
    ) -> Result<StoredObject, BackupError> {
        let progress = Progress::new(self.tools.observer.clone(), "write the file map".to_owned(), None);
        let file = File { role, stem, what: "the file map", progress };
        Ok(pump(content, file, self.encoding, copies, self.tools, || ()).await?.object)
    }
}

fn cluster(reading: &Reading, found: &Found, end: BaseBackupEnd, wal: WalOfBackup) -> Result<Cluster, BackupError> {
    let begin =
        label::begin(&found.label).ok_or_else(|| not_whole("it has no `backup_label` that says where it begins"))?;
    let stop_lsn = label::end(&found.manifest_tail);
    let stop_lsn = stop_lsn.ok_or_else(|| not_whole("it has no `backup_manifest` that says where it ends"))?;
    let system = label::system_identifier(&found.control);
    let system_identifier = system.ok_or_else(|| not_whole("it has no `global/pg_control`"))?;
    if reading.facts.system_identifier.as_ref().is_some_and(|asked| *asked != system_identifier) {
        return Err(not_whole("it is of another cluster than the one that was asked"));
    }
    let files = found.files.iter().filter(|file| file.kind == FileKind::File).count();
    Ok(Cluster {
        system_identifier,
        timeline: begin.timeline,
        start_lsn: begin.lsn,
        stop_lsn,
        wal_segment_bytes: reading.cluster.wal_segment,
        wal,
        checksums: reading.cluster.checksums,
        bad_pages: end.bad_pages,
        tablespaces: reading.cluster.tablespaces.clone(),
        databases: reading.cluster.databases.clone(),
        files: files as u64,
        bytes: found.bytes,
        incremental: None,
    })
}

fn source(reading: Reading, cluster: &Cluster) -> Source {
    let Reading { server, facts, .. } = reading;
    Source {
        database: facts.database,
        host: server.connection().host(),
        server_version: facts.server_version,
        server_version_num: facts.server_version_num,
        system_identifier: Some(cluster.system_identifier.clone()),
        start_lsn: Some(cluster.start_lsn),
        encoding: facts.encoding,
        database_bytes: cluster.bytes,
        table_count: facts.table_count,
        extensions: facts.extensions,
        in_recovery: facts.in_recovery,
    }
}

fn said_of_unread(unread: &Unread, on: &BackupId) -> String {
    let Unread { files, bytes } = unread;
    let (files, are) = if *files == 1 { ("1 file".to_owned(), "is") } else { (format!("{files} files"), "are") };
    format!(
        "by the server's summaries of its WAL {files} ({}) {are} as in {on}: what they hold was not read, and checksums of \
         their pages were not looked at",
        Size(*bytes)
    )
}

fn tell(end: &BaseBackupEnd, tools: &Tools<'_>) {
    for warning in &end.warnings {
        tools.observer.on(&Event::Warning(warning.clone()));
    }
    for page in &end.bad_pages {
        let warning = format!("the checksum of page {} in `{}` is wrong on the server", page.page, page.file);
        tools.observer.on(&Event::Warning(warning));
    }
}

/// Why a base backup ended before its time.
async fn end_of(backup: BaseSource) -> BackupError {
    match backup.finish().await {
        Err(error) => error,
        Ok(_) => not_whole("it ended well and was less than it should be"),
    }
}

fn not_whole(problem: &str) -> BackupError {
    BackupError::NotWhole(problem.to_owned())
}
