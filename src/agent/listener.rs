//! Pages over HTTP for those who look after this process: read only, a few words each.

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// Who asks and does not go on is let go.
const PATIENCE: Duration = Duration::from_secs(10);
/// More callers at once than these wait.
const MOST_CALLERS: usize = 16;

/// What is shown at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// 200, or what is wrong.
    pub status: u16,
    /// Media type.
    pub kind: &'static str,
    /// The text.
    pub text: String,
}

/// Makes the page at a path; `None` for a path that is none.
pub type Pages = Arc<dyn Fn(String) -> Pin<Box<dyn Future<Output = Option<Page>> + Send>> + Send + Sync>;

/// A listener; it stops when it is dropped.
#[derive(Debug)]
pub struct Listener {
    /// Where it listens.
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

impl Listener {
    /// Listens at an address such as `127.0.0.1:9187`.
    pub async fn open(address: &str, pages: Pages) -> io::Result<Listener> {
        let socket = TcpListener::bind(address).await?;
        let address = socket.local_addr()?;
        let callers = Arc::new(Semaphore::new(MOST_CALLERS));
        let task = tokio::spawn(async move {
            loop {
                let Ok(permit) = Arc::clone(&callers).acquire_owned().await else { return };
                let Ok((stream, _)) = socket.accept().await else {
                    // Too many open files, mostly: it passes.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                };
                let pages = Arc::clone(&pages);
                tokio::spawn(async move {
                    let answers = service_fn(move |request| answer(request, Arc::clone(&pages)));
                    let connection = hyper::server::conn::http1::Builder::new()
                        .timer(TokioTimer::new())
                        .header_read_timeout(PATIENCE)
                        .keep_alive(false)
                        .serve_connection(TokioIo::new(stream), answers);
                    // A caller who goes away is no failure of ours.
                    let _ = tokio::time::timeout(PATIENCE * 3, connection).await;
                    drop(permit);
                });
            }
        });
        Ok(Listener { address, task })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(request: Request<Incoming>, pages: Pages) -> Result<Response<Full<Bytes>>, Infallible> {
    let is_reading = [Method::GET, Method::HEAD].contains(request.method());
    let page = if is_reading {
        pages(request.uri().path().to_owned()).await.unwrap_or_else(|| plain(404, "there is no such page\n"))
    } else {
        plain(405, "pages are only read\n")
    };
    let mut response = Response::new(Full::new(Bytes::from(page.text)));
    *response.status_mut() = StatusCode::from_u16(page.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Ok(kind) = page.kind.parse() {
        response.headers_mut().insert(hyper::header::CONTENT_TYPE, kind);
    }
    Ok(response)
}

fn plain(status: u16, text: &str) -> Page {
    Page { status, kind: "text/plain; charset=utf-8", text: text.to_owned() }
}
