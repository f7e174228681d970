//! Reading an object: in one call when it is small, in ranges that are fetched ahead of the reader when it is large.
//!
//! A range lies in memory as a whole before any of it is handed on, so a slow reader holds no connection, and a
//! connection that breaks costs only the rest of a range. The range that the reader waits for is always fetched; those
//! after it only as far as the budget goes.

use super::budget::Share;
use super::retry;
use super::store::{S3Store, etag, size};
use super::trouble::{Call, Trouble, chain};
use crate::storage::{Body, ObjectMeta, ObjectStore, StorageError};
use aws_sdk_s3::error::SdkError;
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use tokio_util::io::StreamReader;
use tokio_util::task::AbortOnDropHandle;

/// Bytes of a range.
const RANGE: u64 = 8 << 20;
/// Ranges fetched ahead of the reader.
const AHEAD: usize = 4;

fn call(key: &str) -> Call<'_> {
    Call { operation: "read", permission: "s3:GetObject", key }
}

/// What the first range says of the whole.
struct Piece {
    bytes: Bytes,
    /// Length of the object.
    total: u64,
    etag: String,
}

pub(super) async fn get(store: &S3Store, key: &str, range: Option<Range<u64>>) -> Result<Body, StorageError> {
    let Range { start, end } = range.unwrap_or(0..u64::MAX);
    // At least one byte is asked for, so that an absent object is found out.
    let first =
        fetch(store, key, start..end.min(start.saturating_add(RANGE)).max(start.saturating_add(1)), None).await?;
    let end = end.min(first.total);
    let next = start.saturating_add(first.bytes.len() as u64);
    if next >= end {
        let mut bytes = first.bytes;
        bytes.truncate(usize::try_from(end.saturating_sub(start)).unwrap_or(usize::MAX));
        return Ok(Box::new(io::Cursor::new(bytes)));
    }
    let ahead = Ahead {
        store: store.clone(),
        key: key.to_owned(),
        etag: first.etag,
        next,
        end,
        queue: VecDeque::new(),
        first: Some(first.bytes),
    };
    Ok(Box::new(StreamReader::new(Box::pin(stream::unfold(ahead, Ahead::step)))))
}

/// A range that is being fetched, and its share of the budget.
type Fetching = AbortOnDropHandle<Result<(Bytes, Option<Share>), StorageError>>;

/// The rest of an object, on its way.
struct Ahead {
    store: S3Store,
    key: String,
    etag: String,
    next: u64,
    end: u64,
    queue: VecDeque<Fetching>,
    first: Option<Bytes>,
}

impl Ahead {
    async fn step(mut self) -> Option<(io::Result<Bytes>, Ahead)> {
        self.fetch_ahead();
        if let Some(first) = self.first.take() {
            return Some((Ok(first), self));
        }
        let fetched = match self.queue.pop_front()?.await {
            Ok(fetched) => fetched.map(|(bytes, _)| bytes).map_err(io::Error::other),
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(error) => Err(io::Error::other(error)),
        };
        if fetched.is_err() {
            (self.next, self.end) = (0, 0);
            self.queue.clear();
        } else {
            self.fetch_ahead();
        }
        Some((fetched, self))
    }

    fn fetch_ahead(&mut self) {
        while self.queue.len() < AHEAD && self.next < self.end {
            let end = self.end.min(self.next + RANGE);
            let share = self.store.budget().try_take(end - self.next);
            if share.is_none() && !self.queue.is_empty() {
                return;
            }
            let (store, key, etag, range) = (self.store.clone(), self.key.clone(), self.etag.clone(), self.next..end);
            self.queue.push_back(AbortOnDropHandle::new(tokio::spawn(async move {
                let wanted = range.end - range.start;
                let piece = fetch(&store, &key, range, Some(etag)).await?;
                if piece.bytes.len() as u64 == wanted {
                    return Ok((piece.bytes, share));
                }
                Err(StorageError::Changed { location: store.location(), key })
            })));
            self.next = end;
        }
    }
}

/// One range in memory. What breaks off on the way is fetched from there on; the object must stay the same.
async fn fetch(store: &S3Store, key: &str, range: Range<u64>, same: Option<String>) -> Result<Piece, StorageError> {
    let wanted = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
    let mut bytes = BytesMut::new();
    let (mut total, mut same) = (None, same);
    let mut attempt = 1;
    loop {
        let from = range.start + bytes.len() as u64;
        let request = store.client().await.get_object().bucket(store.bucket()).key(store.full(key));
        let request = request
            .range(format!("bytes={from}-{}", range.end - 1))
            .set_if_match(same.as_ref().map(|etag| format!("\"{etag}\"")))
            .set_expected_bucket_owner(store.owner().await);
        let mut answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => {
                let trouble = Trouble::of(&error);
                if trouble.status == Some(416) {
                    // Nothing lies there: the object ends before.
                    let total = total.unwrap_or(range.start);
                    return Ok(Piece { bytes: bytes.freeze(), total, etag: same.unwrap_or_default() });
                }
                return Err(refusal(store, key, &error, trouble).await);
            }
        };
        let all = answer.content_range().and_then(|text| text.rsplit_once('/')?.1.parse::<u64>().ok());
        // A server that ignores ranges sends everything: what is before the range is dropped below.
        let mut skip = if all.is_some() { 0 } else { from };
        let ends_at = total.insert(all.unwrap_or_else(|| size(answer.content_length())));
        let goal = wanted.min(usize::try_from(ends_at.saturating_sub(range.start)).unwrap_or(usize::MAX));
        let found = etag(answer.e_tag());
        // Some servers do not hold the condition.
        if same.as_ref().is_some_and(|same| *same != found) {
            return Err(StorageError::Changed { location: store.location(), key: key.to_owned() });
        }
        same.get_or_insert(found);
        bytes.reserve(goal.saturating_sub(bytes.len()));
        let problem = loop {
            if bytes.len() >= goal {
                break None;
            }
            match answer.body.next().await {
                None => break Some("the answer ended too soon".to_owned()),
                Some(Err(error)) => break Some(chain(&error)),
                Some(Ok(chunk)) => {
                    let dropped = usize::try_from(skip).unwrap_or(usize::MAX).min(chunk.len());
                    skip -= dropped as u64;
                    let chunk = &chunk[dropped..];
                    bytes.extend_from_slice(&chunk[..chunk.len().min(goal - bytes.len())]);
                }
            }
        };
        match problem {
            None => return Ok(Piece { bytes: bytes.freeze(), total: *ends_at, etag: same.unwrap_or_default() }),
            Some(_) if attempt < retry::ATTEMPTS => retry::pause(attempt).await,
            Some(problem) => {
                let (location, key) = (store.location(), key.to_owned());
                return Err(StorageError::Failed { location, operation: "read", key, problem, transient: true });
            }
        }
        attempt += 1;
    }
}

/// The error of a call that was refused; for cold objects it says the class.
async fn refusal(
    store: &S3Store,
    key: &str,
    error: &SdkError<
        aws_sdk_s3::operation::get_object::GetObjectError,
        aws_smithy_runtime_api::client::orchestrator::HttpResponse,
    >,
    trouble: Trouble,
) -> StorageError {
    if trouble.code == "InvalidObjectState" {
        let said = match error.as_service_error() {
            Some(aws_sdk_s3::operation::get_object::GetObjectError::InvalidObjectState(state)) => {
                state.storage_class().and_then(|class| crate::resource::StorageClass::parse(class.as_str()))
            }
            _ => None,
        };
        let class = match said.filter(|class| class.is_cold()) {
            Some(class) => Some(class),
            None => store.head(key).await.ok().flatten().map(|ObjectMeta { class, .. }| class),
        };
        let class = class.unwrap_or(crate::resource::StorageClass::Glacier);
        return StorageError::Archived { location: store.location(), key: key.to_owned(), class };
    }
    store.error(call(key), trouble)
}
