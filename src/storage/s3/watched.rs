//! A client of HTTP whose calls are watched: bytes that go out are seen, and what does not move any more is given up.
//!
//! Only here can be seen whether a call moves: the SDK hands a body over in one piece, which is cut here into small
//! ones; what is sent stays the same. It knows no S3.

use super::patience::{Attempt, Patience, Verdict};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

/// How often a call that has no answer is looked at.
const LOOKS: Duration = Duration::from_millis(250);
/// Bytes that are handed over at once.
const PIECE: usize = 64 << 10;

/// The same client, watched.
pub(super) fn watched(client: SharedHttpClient, patience: Patience) -> SharedHttpClient {
    http_client_fn(move |settings, components| {
        let connector = client.http_connector(settings, components);
        SharedHttpConnector::new(Watched { connector, patience: patience.clone() })
    })
}

#[derive(Debug)]
struct Watched {
    connector: SharedHttpConnector,
    patience: Patience,
}

impl HttpConnector for Watched {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let begun = match self.patience.begins(Instant::now()) {
            Ok(begun) => begun,
            Err(silence) => return HttpConnectorFuture::ready(Err(hangs(silence))),
        };
        let attempt = Arc::new(Mutex::new(begun));
        let request = request.map(|body| SdkBody::from_body_1_x(Pieces::of(body, attempt.clone())));
        let (answer, patience) = (self.connector.call(request), self.patience.clone());
        HttpConnectorFuture::new(async move {
            let mut answer = std::pin::pin!(answer);
            loop {
                match tokio::time::timeout(LOOKS, &mut answer).await {
                    Ok(Ok(answer)) => {
                        patience.answered(Instant::now());
                        // Trying again has pauses, and a run that was told to stop has no time for them.
                        let status = answer.status().as_u16();
                        if status >= 500 && patience.is_hurried() {
                            let problem = format!("the server answered with status {status}");
                            return Err(ConnectorError::other(problem.into(), None));
                        }
                        return Ok(answer);
                    }
                    Ok(Err(error)) => return Err(error),
                    Err(_) => {}
                }
                let seen = *attempt.lock().unwrap_or_else(PoisonError::into_inner);
                match patience.judge(seen, Instant::now()) {
                    Verdict::Wait => {}
                    Verdict::TryAgain(silence) => return Err(ConnectorError::timeout(silent(silence).into())),
                    Verdict::Hangs(silence) => return Err(hangs(silence)),
                }
            }
        })
    }
}

/// An error after which the SDK does not try again.
fn hangs(silence: Duration) -> ConnectorError {
    ConnectorError::other(silent(silence).into(), None)
}

fn silent(silence: Duration) -> String {
    format!("it has not answered for {} s", silence.as_secs())
}

/// A body handed over piece by piece.
struct Pieces {
    body: SdkBody,
    /// What of its last frame is not handed over yet.
    rest: Bytes,
    attempt: Arc<Mutex<Attempt>>,
}

impl Pieces {
    fn of(body: SdkBody, attempt: Arc<Mutex<Attempt>>) -> Pieces {
        Pieces { body, rest: Bytes::new(), attempt }
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = aws_smithy_types::body::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(bytes) => self.rest = bytes,
                    Err(frame) => return Poll::Ready(Some(Ok(frame))),
                },
                end => return Poll::Ready(end),
            }
        }
        let length = self.rest.len().min(PIECE);
        let piece = self.rest.split_to(length);
        let mut attempt = self.attempt.lock().unwrap_or_else(PoisonError::into_inner);
        (attempt.moved, attempt.sent) = (Instant::now(), attempt.sent + piece.len() as u64);
        drop(attempt);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.rest.len() as u64;
        let inner = self.body.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower() + rest);
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper + rest);
        }
        hint
    }
}
