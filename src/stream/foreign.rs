//! Dumps that other tools made: SQL or custom format, compressed and encrypted in any public way.

use super::StreamError;
use super::feed::{Feed, feed};
use super::gpg;
use crate::base::{Sha256, Sha256Hasher};
use crate::codec::{DumpFormat, Keys, Wrapping, age_decrypt, sniff};
use crate::storage::Body;
use async_compression::tokio::bufread::{BzDecoder, GzipDecoder, XzDecoder, ZstdDecoder};
use bytes::Bytes;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::sync::mpsc;
use tokio_util::io::StreamReader;
use tokio_util::sync::CancellationToken;

/// More layers than this are a trick, not a dump.
const MAX_WRAPPINGS: usize = 4;
const BUFFER: usize = 1 << 20;

/// A dump of another tool, ready to be read.
pub struct ForeignDump {
    /// What it is inside.
    pub format: DumpFormat,
    /// What was around it, outermost first.
    pub wrappings: Vec<Wrapping>,
    /// Its length on disk.
    pub bytes: u64,
    /// Its digest, when a `.sha256` file lay beside it and agreed.
    pub sha256: Option<Sha256>,
    /// The dump itself. Damage and cuts in what is around it show as errors while it is read.
    pub body: Body,
}

/// Opens a dump by what its bytes say, and its name where they say nothing. A `.sha256` file beside it is compared
/// first, which reads the whole file.
pub async fn open_foreign(path: &Path, keys: &Keys) -> Result<ForeignDump, StreamError> {
    let what = path.display().to_string();
    let failed = |problem: io::Error| StreamError::Source { what: what.clone(), problem };
    let sha256 = check_sidecar(path).await?;
    let file = tokio::fs::File::open(path).await.map_err(failed)?;
    let bytes = file.metadata().await.map_err(failed)?.len();
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (wrappings, format, body) = unwrap_all(&what, &name, Box::new(file), keys).await?;
    Ok(ForeignDump { format, wrappings, bytes, sha256, body })
}

/// What is around a dump, outermost first, and what it is, by its beginning and its name. `what` is for messages.
pub async fn look_into(
    what: &str,
    name: &str,
    body: Body,
    keys: &Keys,
) -> Result<(Vec<Wrapping>, DumpFormat), StreamError> {
    let (wrappings, format, _) = unwrap_all(what, name, body, keys).await?;
    Ok((wrappings, format))
}

async fn unwrap_all(
    what: &str,
    name: &str,
    mut body: Body,
    keys: &Keys,
) -> Result<(Vec<Wrapping>, DumpFormat, Body), StreamError> {
    let mut name = name.to_owned();
    let mut wrappings = Vec::new();
    loop {
        let mut reader = BufReader::with_capacity(BUFFER, body);
        let head = head(&mut reader).await.map_err(|error| judge(what, error))?;
        match sniff(&head, &name) {
            Err(format) => return Ok((wrappings, format, Box::new(again(head, reader)))),
            Ok(_) if wrappings.len() == MAX_WRAPPINGS => {
                return Err(StreamError::Damaged(format!("`{what}` is wrapped more than {MAX_WRAPPINGS} times")));
            }
            Ok(wrapping) => {
                wrappings.push(wrapping);
                name = wrapping.strip(&name).to_owned();
                body = unwrap(wrapping, Box::new(again(head, reader)), keys);
            }
        }
    }
}

/// What reading failed of, said as by a stream: errors of the layers travel inside.
fn judge(what: &str, error: io::Error) -> StreamError {
    match error.downcast::<StreamError>() {
        Ok(error) => error,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied | io::ErrorKind::IsADirectory
            ) =>
        {
            StreamError::Source { what: what.to_owned(), problem: error }
        }
        Err(error) => StreamError::Damaged(format!("`{what}` is damaged: {error}")),
    }
}

/// The first 512 bytes, or all there are.
async fn head<R: tokio::io::AsyncBufRead + Unpin>(reader: &mut R) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    while head.len() < 512 {
        let part = reader.fill_buf().await?;
        if part.is_empty() {
            break;
        }
        let n = part.len().min(512 - head.len());
        head.extend_from_slice(&part[..n]);
        reader.consume(n);
    }
    Ok(head)
}

fn again(head: Vec<u8>, rest: BufReader<Body>) -> impl tokio::io::AsyncBufRead + Send + Unpin {
    tokio::io::AsyncReadExt::chain(io::Cursor::new(head), rest)
}

fn unwrap(wrapping: Wrapping, inner: Box<dyn tokio::io::AsyncBufRead + Send + Unpin>, keys: &Keys) -> Body {
    macro_rules! members {
        ($decoder:ident) => {{
            let mut decoder = $decoder::new(inner);
            // Tools concatenate: without this everything after the first member is silently left out.
            decoder.multiple_members(true);
            Box::new(decoder)
        }};
    }
    let keys = keys.clone();
    match wrapping {
        Wrapping::Gzip => members!(GzipDecoder),
        Wrapping::Zstd => members!(ZstdDecoder),
        Wrapping::Xz => members!(XzDecoder),
        Wrapping::Bzip2 => members!(BzDecoder),
        Wrapping::Age => in_thread(Box::new(inner), move |feed, to| {
            let mut reader = age_decrypt(&keys, feed)?;
            let damaged = |e: io::Error| StreamError::Damaged(format!("it is not a sound age file: {e}"));
            pump(|buffer| reader.read(buffer).map_err(damaged), to)
        }),
        Wrapping::Gpg => in_thread(Box::new(inner), move |feed, to| {
            let mut program = gpg::open(&keys, Box::new(feed))?;
            pump(|buffer| program.read(buffer), to)
        }),
    }
}

type Sender = mpsc::Sender<io::Result<Bytes>>;

/// Runs blocking work between two bodies.
fn in_thread(body: Body, work: impl FnOnce(Feed, &Sender) -> Result<(), StreamError> + Send + 'static) -> Body {
    let feed = feed(body, CancellationToken::new());
    let (sender, mut receiver) = mpsc::channel(4);
    tokio::task::spawn_blocking(move || {
        if let Err(error) = work(feed, &sender) {
            let _ = sender.blocking_send(Err(io::Error::other(error)));
        }
    });
    let stream = futures_util::stream::poll_fn(move |context| receiver.poll_recv(context));
    Box::new(StreamReader::new(stream))
}

/// Copies until the end, or until nobody reads on.
fn pump(mut read: impl FnMut(&mut [u8]) -> Result<usize, StreamError>, to: &Sender) -> Result<(), StreamError> {
    loop {
        let mut piece = vec![0; BUFFER];
        let n = read(&mut piece)?;
        piece.truncate(n);
        if n == 0 || to.blocking_send(Ok(piece.into())).is_err() {
            return Ok(());
        }
    }
}

/// Compares the digest in the `.sha256` file beside `path` with the file. `None` when there is no such file.
async fn check_sidecar(path: &Path) -> Result<Option<Sha256>, StreamError> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".sha256");
    let beside = PathBuf::from(beside);
    let text = match tokio::fs::read_to_string(&beside).await {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(problem) => return Err(StreamError::Source { what: beside.display().to_string(), problem }),
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let expected = digest_for(&text, &name)
        .ok_or_else(|| StreamError::Damaged(format!("`{}` holds no SHA-256 digest of `{name}`", beside.display())))?;
    let failed = |problem: io::Error| StreamError::Source { what: path.display().to_string(), problem };
    let mut file = tokio::fs::File::open(path).await.map_err(failed)?;
    let mut hasher = Sha256Hasher::default();
    let mut buffer = vec![0; BUFFER];
    loop {
        let n = file.read(&mut buffer).await.map_err(failed)?;
        if n == 0 {
            break;
        }
        hasher.update(&buffer[..n]);
    }
    let found = hasher.finish();
    if found == expected {
        return Ok(Some(found));
    }
    Err(StreamError::Damaged(format!(
        "`{}` is damaged: its SHA-256 is {}… and `{}` says {}…",
        path.display(),
        found.short(),
        beside.display(),
        expected.short()
    )))
}

/// The SHA-256 digest for `name` in the text of `sha256sum`, in either of its styles; a digest alone counts, too.
pub fn digest_for(text: &str, name: &str) -> Option<Sha256> {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let is_name = |path: &str| path.rsplit('/').next() == Some(name);
    let of_line = |line: &str| {
        if let Some((path, digest)) = line.strip_prefix("SHA256 (").and_then(|rest| rest.rsplit_once(") = ")) {
            return is_name(path).then(|| digest.to_ascii_lowercase().parse().ok()).flatten();
        }
        let (digest, path) = line.split_once(char::is_whitespace)?;
        let path = path.trim_start();
        is_name(path.strip_prefix('*').unwrap_or(path)).then(|| digest.to_ascii_lowercase().parse().ok()).flatten()
    };
    match lines.as_slice() {
        [only] if !only.contains(char::is_whitespace) => only.to_ascii_lowercase().parse().ok(),
        lines => lines.iter().find_map(|line| of_line(line)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_read_in_every_style() {
        let digest = Sha256::of(b"x");
        for text in [
            format!("{digest}  x.sql\n"),
            format!("{digest} */backups/x.sql\n"),
            format!("SHA256 (x.sql) = {digest}\n"),
            format!("{}\n", digest.to_string().to_uppercase()),
            format!("{}  y.sql\n{digest}  x.sql\n", Sha256::of(b"y")),
        ] {
            assert_eq!(digest_for(&text, "x.sql"), Some(digest), "{text}");
        }
        assert_eq!(digest_for(&format!("{digest}  y.sql\n"), "x.sql"), None);
        assert_eq!(digest_for("", "x.sql"), None);
    }
}
