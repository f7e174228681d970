//! One old dump read to its end: what it is, and whether it is whole. Reads it just as verifying and restoring will.

use crate::base::{Blake3, Sha256};
use crate::catalog::{Layer, TableRows};
use crate::codec::archive::{Scan, Summary};
use crate::codec::sql::{SqlGuard, SqlSummary};
use crate::codec::{DumpFormat, Keys, Wrapping};
use crate::event::Observer;
use crate::storage::{ObjectMeta, ObjectStore};
use crate::stream::{Content, Decode, Progress, Sink, StreamError, decode, look_into};
use bytes::Bytes;
use std::io;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What is known of a dump that is whole.
pub(super) struct Examined {
    pub(super) layers: Vec<Layer>,
    pub(super) format: DumpFormat,
    pub(super) stored_bytes: u64,
    pub(super) stored_sha256: Sha256,
    pub(super) plain_bytes: u64,
    pub(super) plain_blake3: Blake3,
    pub(super) said: Said,
}

/// What a dump says of itself; what it does not say is empty.
#[derive(Default)]
pub(super) struct Said {
    pub(super) database: Option<String>,
    pub(super) server_version: String,
    pub(super) dump_version: Option<String>,
    pub(super) n_tables: u64,
    pub(super) tables: Option<Vec<TableRows>>,
}

/// What the reading needs.
pub(super) struct Reading<'a> {
    pub(super) store: &'a dyn ObjectStore,
    pub(super) keys: &'a Keys,
    pub(super) observer: &'a Arc<dyn Observer>,
    pub(super) stop: &'a CancellationToken,
}

/// Reads a dump. The inner error says, as a sentence without a full stop, why it is none that can be restored; the
/// outer one ends everything.
pub(super) async fn examine(meta: &ObjectMeta, reading: &Reading<'_>) -> Result<Result<Examined, String>, StreamError> {
    if meta.size == 0 {
        return Ok(Err("it is empty".to_owned()));
    }
    match read(meta, reading).await {
        Err(StreamError::Cancelled) => Err(StreamError::Cancelled),
        Err(StreamError::AllDestinationsFailed(error)) => Ok(Err(error.to_string())),
        Err(error) => Ok(Err(without_name(&error.to_string(), &meta.key))),
        Ok(judged) => Ok(judged),
    }
}

async fn read(meta: &ObjectMeta, reading: &Reading<'_>) -> Result<Result<Examined, String>, StreamError> {
    let key = &meta.key;
    let name = key.rsplit('/').next().unwrap_or(key);
    let open = || async { reading.store.get(key, None).await.map_err(StreamError::AllDestinationsFailed) };
    let (wrappings, format) = look_into(key, name, open().await?, reading.keys).await?;
    let layers = match layers(&wrappings) {
        Ok(layers) => layers,
        Err(problem) => return Ok(Err(problem)),
    };
    let job = Decode {
        source: open().await?,
        what: key.clone(),
        layers: layers.clone(),
        keys: reading.keys.clone(),
        expected: None,
        content: Content::Digested,
        scan: format.is_custom().then(Scan::default),
        progress: Progress::new(reading.observer.clone(), format!("read {name}"), None),
        stop: reading.stop.clone(),
    };
    let decoded = decode(job, Watch::of(format)).await?;
    let said = match decoded.scan.map(Scan::finish) {
        Some(Ok(summary)) => of_archive(summary),
        Some(Err(broken)) => return Ok(Err(broken.to_string())),
        None => match decoded.sink.finish() {
            Ok(said) => said,
            Err(problem) => return Ok(Err(problem)),
        },
    };
    let Some(plain_blake3) = decoded.plain_blake3 else { return Ok(Err("it could not be digested".to_owned())) };
    Ok(Ok(Examined {
        layers,
        format,
        stored_bytes: decoded.stored_bytes,
        stored_sha256: decoded.stored_sha256,
        plain_bytes: decoded.plain_bytes,
        plain_blake3,
        said,
    }))
}

/// The layers of a manifest, innermost first, out of what stands around a dump.
fn layers(wrappings: &[Wrapping]) -> Result<Vec<Layer>, String> {
    let layers: Option<Vec<Layer>> = wrappings
        .iter()
        .rev()
        .map(|wrapping| match wrapping {
            Wrapping::Gzip => Some(Layer::Gzip { level: UNKNOWN_LEVEL }),
            Wrapping::Zstd => Some(Layer::Zstd { level: UNKNOWN_LEVEL }),
            Wrapping::Age => Some(Layer::Age { recipients: vec!["unknown".to_owned()] }),
            Wrapping::Gpg => Some(Layer::Gpg),
            Wrapping::Xz | Wrapping::Bzip2 => None,
        })
        .collect();
    let Some(layers) = layers else {
        return Err("a backup is compressed by gzip or zstd, this one by xz or bzip2: pack it anew, such as with \
                    `xz -dc FILE | gzip`, or bring it back with `backstay restore --from FILE`"
            .to_owned());
    };
    match layers.as_slice() {
        [] | [_] => Ok(layers),
        [inner, outer] if !inner.is_encryption() && outer.is_encryption() => Ok(layers),
        _ => Err("it is packed in more layers than one compression and then one encryption".to_owned()),
    }
}

/// A level that its bytes do not tell.
const UNKNOWN_LEVEL: i32 = 0;

fn of_archive(summary: Summary) -> Said {
    let rows = summary.rows.into_iter().map(|((schema, name), rows)| TableRows { schema, name, rows });
    Said {
        database: Some(summary.database).filter(|name| !name.is_empty()),
        server_version: short(&summary.server_version),
        dump_version: Some(short(&summary.dump_version)),
        n_tables: summary.entries.iter().filter(|entry| entry.desc == "TABLE").count() as u64,
        tables: summary.counts_rows.then(|| rows.collect()),
    }
}

fn of_sql(summary: SqlSummary) -> Said {
    let rows = |rows: std::collections::BTreeMap<(String, String), u64>| {
        rows.into_iter().map(|((schema, name), rows)| TableRows { schema, name, rows }).collect()
    };
    Said {
        database: None,
        server_version: summary.server_version.as_deref().map(short).unwrap_or_default(),
        dump_version: summary.dump_version.as_deref().map(short),
        n_tables: summary.n_tables,
        tables: summary.rows.map(rows),
    }
}

/// The version without the name of who packed it: `15.4 (Debian 15.4-1)`.
fn short(version: &str) -> String {
    version.split_whitespace().next().unwrap_or_default().to_owned()
}

fn without_name(problem: &str, key: &str) -> String {
    match problem.strip_prefix(&format!("`{key}` is damaged: ")) {
        Some(rest) => format!("it is damaged: {rest}"),
        None => problem.to_owned(),
    }
}

/// Looks at the plain bytes of formats that are not scanned.
enum Watch {
    Custom,
    Sql(Box<SqlGuard>, Option<String>),
    /// The last bytes; an archive ends with two empty blocks.
    Tar(Vec<u8>),
}

const TAR_END: usize = 1024;

impl Watch {
    fn of(format: DumpFormat) -> Watch {
        match format {
            DumpFormat::Custom => Watch::Custom,
            DumpFormat::Sql => Watch::Sql(Box::default(), None),
            DumpFormat::Tar => Watch::Tar(Vec::new()),
        }
    }

    fn finish(self) -> Result<Said, String> {
        match self {
            Watch::Custom => Ok(Said::default()),
            Watch::Sql(_, Some(problem)) => Err(problem),
            Watch::Sql(mut guard, None) => guard.finish().map(of_sql),
            Watch::Tar(end) if end.len() == TAR_END && end.iter().all(|byte| *byte == 0) => Ok(Said::default()),
            Watch::Tar(_) => Err("the archive lacks its end: it was cut off".to_owned()),
        }
    }
}

impl Sink for Watch {
    fn take(&mut self, piece: Bytes) -> io::Result<()> {
        match self {
            Watch::Custom => {}
            // The rest is read all the same: a damaged file is told by what stands around it.
            Watch::Sql(guard, problem) => *problem = problem.take().or_else(|| guard.feed(&piece).err()),
            Watch::Tar(end) => {
                end.extend_from_slice(&piece[piece.len().saturating_sub(TAR_END)..]);
                end.drain(..end.len().saturating_sub(TAR_END));
            }
        }
        Ok(())
    }
}
