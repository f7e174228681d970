//! One request, one connection, one answer.

use super::{Answer, HttpError, Method, Request};
use crate::base::{Lookup, causes};
use base64::Engine;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::Uri;
use hyper::header::{AUTHORIZATION, CONNECTION, HOST, HeaderValue, PROXY_AUTHORIZATION, RETRY_AFTER, USER_AGENT};
use hyper::rt::{Read, Write};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use rustls::{ClientConfig, RootCertStore};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use tower_service::Service;

/// The most of an answer that is read.
const LARGEST_ANSWER: usize = 64 << 10;

/// Sends requests. Clones are cheap.
#[derive(Clone)]
pub struct Client {
    proxies: Arc<Matcher>,
    tls: ClientConfig,
}

impl Client {
    /// A client with the proxies of the environment and the certificates of the system. A system without certificates
    /// trusts nobody, which the first request over TLS says.
    pub fn new(lookup: &dyn Lookup) -> Client {
        let named = |name: &str| {
            let lower = lookup.env(&name.to_lowercase());
            lower.or_else(|| lookup.env(name)).unwrap_or_default()
        };
        let proxies = Matcher::builder()
            .all(named("ALL_PROXY"))
            .https(named("HTTPS_PROXY"))
            .http(named("HTTP_PROXY"))
            .no(named("NO_PROXY"))
            .build();
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let tls = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        Client { proxies: Arc::new(proxies), tls }
    }

    /// Sends a request once. An answer is an answer, whatever its status.
    pub async fn send(&self, request: &Request, limit: Duration) -> Result<Answer, HttpError> {
        let uri = uri_of(request)?;
        let host = host_of(&uri);
        match tokio::time::timeout(limit, self.exchange(request, &uri, &host)).await {
            Ok(answer) => answer,
            Err(_) => Err(HttpError::Silent { host, seconds: limit.as_secs() }),
        }
    }

    /// The error that an answer means which is not good.
    pub fn refusal(&self, request: &Request, answer: &Answer) -> HttpError {
        let words = request.scrubbed(&String::from_utf8_lossy(&answer.body));
        HttpError::Refused {
            host: uri_of(request).map_or_else(|_| "the server".to_owned(), |uri| host_of(&uri)),
            status: answer.status,
            words: if words.is_empty() { words } else { format!(": {words}") },
            passing: answer.is_passing(),
        }
    }

    async fn exchange(&self, request: &Request, uri: &Uri, host: &str) -> Result<Answer, HttpError> {
        let mut plain = HttpConnector::new();
        plain.enforce_http(false);
        let proxy = self.proxies.intercept(uri);
        let is_tls = uri.scheme_str() == Some("https");
        let lost =
            |e: &dyn Error| HttpError::Unreachable { host: host.to_owned(), problem: request.scrubbed(&causes(e)) };
        match proxy {
            None => {
                let io = self.secured(plain).call(uri.clone()).await.map_err(|e| lost(e.as_ref()))?;
                talk(io, message(request, uri, None, host)?, &lost).await
            }
            Some(proxy) if is_tls => {
                let mut tunnel = Tunnel::new(proxy.uri().clone(), self.secured(plain));
                if let Some(login) = proxy.basic_auth() {
                    tunnel = tunnel.with_auth(login.clone());
                }
                let io = self.secured(tunnel).call(uri.clone()).await.map_err(|e| lost(e.as_ref()))?;
                talk(io, message(request, uri, None, host)?, &lost).await
            }
            Some(proxy) => {
                let io = self.secured(plain).call(proxy.uri().clone()).await.map_err(|e| lost(e.as_ref()))?;
                talk(io, message(request, uri, Some(&proxy), host)?, &lost).await
            }
        }
    }

    fn secured<C>(&self, inner: C) -> HttpsConnector<C> {
        HttpsConnectorBuilder::new()
            .with_tls_config(self.tls.clone())
            .https_or_http()
            .enable_http1()
            .wrap_connector(inner)
    }
}

/// The request as it goes over the wire. `proxy`: it goes to one that reads the whole URL.
fn message(
    request: &Request,
    uri: &Uri,
    proxy: Option<&Intercept>,
    host: &str,
) -> Result<hyper::Request<Full<Bytes>>, HttpError> {
    let unusable = |problem: String| HttpError::Unusable { problem };
    let method = match request.method {
        Method::Get => hyper::Method::GET,
        Method::Post => hyper::Method::POST,
        Method::Put => hyper::Method::PUT,
    };
    let target = match proxy {
        Some(_) => bare(uri),
        None => uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string),
    };
    let mut builder = hyper::Request::builder().method(method).uri(target);
    builder = builder.header(HOST, host).header(CONNECTION, "close");
    builder = builder.header(USER_AGENT, concat!("backstay/", env!("CARGO_PKG_VERSION")));
    if let Some(login) = login_of(uri) {
        builder = builder.header(AUTHORIZATION, hidden(&login).ok_or_else(|| unusable("its login".to_owned()))?);
    }
    if let Some(login) = proxy.and_then(Intercept::basic_auth) {
        builder = builder.header(PROXY_AUTHORIZATION, login);
    }
    for (name, value) in &request.headers {
        let value = hidden(value.expose());
        builder =
            builder.header(name, value.ok_or_else(|| unusable(format!("the header `{name}` has no sound value")))?);
    }
    builder.body(Full::new(request.body.clone())).map_err(|e| unusable(e.to_string()))
}

async fn talk<T>(
    io: T,
    message: hyper::Request<Full<Bytes>>,
    lost: &impl Fn(&dyn Error) -> HttpError,
) -> Result<Answer, HttpError>
where
    T: Read + Write + Unpin + Send + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.map_err(|e| lost(&e))?;
    let driven = tokio::spawn(connection);
    let answer = async {
        let answer = sender.send_request(message).await.map_err(|e| lost(&e))?;
        let status = answer.status().as_u16();
        let after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        // What was read before an answer grew too long or broke off says enough: the status is known.
        let body = Limited::new(answer.into_body(), LARGEST_ANSWER).collect().await;
        let body = body.map(|body| body.to_bytes().to_vec()).unwrap_or_default();
        Ok(Answer { status, body, retry_after: after.map(Duration::from_secs) })
    };
    let answer = answer.await;
    driven.abort();
    answer
}

fn uri_of(request: &Request) -> Result<Uri, HttpError> {
    let unusable = |problem: &str| HttpError::Unusable { problem: problem.to_owned() };
    let uri: Uri = request.url.expose().trim().parse().map_err(|_| unusable("it is no URL"))?;
    match (uri.scheme_str(), uri.host()) {
        (Some("http" | "https"), Some(host)) if !host.is_empty() => Ok(uri),
        (Some("http" | "https"), _) => Err(unusable("it names no host")),
        _ => Err(unusable("it begins with neither `https://` nor `http://`")),
    }
}

/// Host and port, without a login.
fn host_of(uri: &Uri) -> String {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    authority.rsplit_once('@').map_or(authority, |(_, host)| host).to_owned()
}

/// The whole URL without a login.
fn bare(uri: &Uri) -> String {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    format!("{}://{}{path}", uri.scheme_str().unwrap_or("http"), host_of(uri))
}

/// The value of the header that a login in the URL means.
fn login_of(uri: &Uri) -> Option<String> {
    let (login, _) = uri.authority()?.as_str().rsplit_once('@')?;
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    let decoded = [&percent_decoded(user)[..], b":", &percent_decoded(password)[..]].concat();
    Some(format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(decoded)))
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    out
}

fn hidden(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;
    use crate::base::Secret;

    #[test]
    fn a_login_in_a_url_becomes_a_header_and_is_shown_nowhere() {
        let request = Request::new(Method::Put, Secret::new("https://me:p%40ss@gate.example.com:9091/metrics/job/x"));
        let uri = uri_of(&request).unwrap();
        assert_eq!(login_of(&uri).as_deref(), Some("Basic bWU6cEBzcw=="));
        assert_eq!(host_of(&uri), "gate.example.com:9091");
        assert_eq!(bare(&uri), "https://gate.example.com:9091/metrics/job/x");
    }

    #[test]
    fn what_is_no_url_is_not_repeated() {
        for text in ["", "canary", "ftp://canary/x", "https://", "https:// canary", "canary.example.com/x"] {
            let error = uri_of(&Request::new(Method::Get, Secret::new(text))).unwrap_err();
            assert!(!error.to_string().contains("canary"), "{error}");
        }
    }
}
