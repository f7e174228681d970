//! Reading an object: in one call when it is small, in ranges that are fetched ahead of the reader when it is large.
//!
//! A range lies in memory as a whole before any of it is handed on, so a slow reader holds no connection, and a
//! connection that breaks costs only the rest of a range. The range that the reader waits for is always fetched; those
//! after it only as far as the budget goes. More ranges may lie ready than are under way, so one that takes longer than
//! those after it leaves no connection idle.

use super::budget::Share;
use super::retry;
use super::store::{S3Store, etag, size};
use super::trouble::{Call, Trouble};
use crate::base::causes;
use crate::storage::{Body, ObjectMeta, ObjectStore, StorageError};
use aws_sdk_s3::error::SdkError;
use bytes::{Buf, Bytes};
use futures_util::stream;
use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use tokio::io::AsyncReadExt;
use tokio::sync::Semaphore;
use tokio_util::io::StreamReader;
use tokio_util::task::AbortOnDropHandle;

/// Bytes of a range.
const RANGE: u64 = 8 << 20;
/// Ranges ahead of the reader, under way or ready.
const AHEAD: usize = 8;
/// Ranges under way at once; more are no faster.
const UNDER_WAY: usize = 6;

fn call(key: &str) -> Call<'_> {
    Call { operation: "read", permission: "s3:GetObject", key }
}

/// What the first range says of the whole.
struct Piece {
    /// As it came from the connection: nothing is copied together that the reader takes apart again.
    bytes: VecDeque<Bytes>,
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
    let next = start.saturating_add(length(&first.bytes));
    if next >= end {
        let small = first.bytes.into_iter().collect::<Vec<_>>().concat();
        return Ok(Box::new(AsyncReadExt::take(io::Cursor::new(small), end.saturating_sub(start))));
    }
    let ahead = Ahead {
        store: store.clone(),
        key: key.to_owned(),
        etag: first.etag,
        next,
        end,
        queue: VecDeque::new(),
        lines: Arc::new(Semaphore::new(UNDER_WAY)),
        ready: first.bytes,
        held: None,
    };
    Ok(Box::new(StreamReader::new(Box::pin(stream::unfold(ahead, Ahead::step)))))
}

/// A range that is being fetched, and its share of the budget.
type Fetching = AbortOnDropHandle<Result<(VecDeque<Bytes>, Option<Share>), StorageError>>;

/// The rest of an object, on its way.
struct Ahead {
    store: S3Store,
    key: String,
    etag: String,
    next: u64,
    end: u64,
    queue: VecDeque<Fetching>,
    lines: Arc<Semaphore>,
    /// What is handed on next.
    ready: VecDeque<Bytes>,
    /// Its share of the budget.
    held: Option<Share>,
}

impl Ahead {
    async fn step(mut self) -> Option<(io::Result<Bytes>, Ahead)> {
        self.fetch_ahead();
        if let Some(piece) = self.ready.pop_front() {
            return Some((Ok(piece), self));
        }
        self.held = None;
        let ended = self.queue.front_mut()?.await;
        self.queue.pop_front();
        let fetched = match ended {
            Ok(fetched) => fetched.map_err(io::Error::other),
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(error) => Err(io::Error::other(error)),
        };
        let fetched = match fetched {
            Ok((pieces, share)) => {
                (self.ready, self.held) = (pieces, share);
                self.fetch_ahead();
                Ok(self.ready.pop_front().unwrap_or_default())
            }
            Err(error) => {
                (self.next, self.end) = (0, 0);
                self.queue.clear();
                Err(error)
            }
        };
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
            let lines = self.lines.clone();
            self.queue.push_back(AbortOnDropHandle::new(tokio::spawn(async move {
                // Given in the order of asking, also while the reader is busy with what it has. Nobody closes it.
                let _line = lines.acquire().await;
                let wanted = range.end - range.start;
                let piece = fetch(&store, &key, range, Some(etag)).await?;
                if length(&piece.bytes) == wanted {
                    return Ok((piece.bytes, share));
                }
                Err(StorageError::Changed { location: store.location(), key })
            })));
            self.next = end;
        }
    }
}

fn length(pieces: &VecDeque<Bytes>) -> u64 {
    pieces.iter().map(|piece| piece.len() as u64).sum()
}

/// One range in memory. What breaks off on the way is fetched from there on; the object must stay the same.
async fn fetch(store: &S3Store, key: &str, range: Range<u64>, same: Option<String>) -> Result<Piece, StorageError> {
    let wanted = range.end - range.start;
    let (mut bytes, mut there) = (VecDeque::new(), 0);
    let (mut total, mut same) = (None, same);
    let mut attempt = 1;
    loop {
        let from = range.start + there;
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
                    return Ok(Piece { bytes, total, etag: same.unwrap_or_default() });
                }
                return Err(refusal(store, key, &error, trouble).await);
            }
        };
        let all = answer.content_range().and_then(|text| text.rsplit_once('/')?.1.parse::<u64>().ok());
        // A server that ignores ranges sends everything: what is before the range is dropped below.
        let mut skip = if all.is_some() { 0 } else { from };
        let ends_at = total.insert(all.unwrap_or_else(|| size(answer.content_length())));
        let goal = wanted.min(ends_at.saturating_sub(range.start));
        let found = etag(answer.e_tag());
        // Some servers do not hold the condition.
        if same.as_ref().is_some_and(|same| *same != found) {
            return Err(StorageError::Changed { location: store.location(), key: key.to_owned() });
        }
        same.get_or_insert(found);
        let problem = loop {
            if there >= goal {
                break None;
            }
            match answer.body.next().await {
                None => break Some("the answer ended too soon".to_owned()),
                Some(Err(error)) => break Some(causes(&error)),
                Some(Ok(mut chunk)) => {
                    let dropped = usize::try_from(skip).unwrap_or(usize::MAX).min(chunk.len());
                    skip -= dropped as u64;
                    chunk.advance(dropped);
                    chunk.truncate(usize::try_from(goal - there).unwrap_or(usize::MAX));
                    there += chunk.len() as u64;
                    bytes.push_back(chunk);
                }
            }
        };
        match problem {
            None => return Ok(Piece { bytes, total: *ends_at, etag: same.unwrap_or_default() }),
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
