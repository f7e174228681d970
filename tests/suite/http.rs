//! Single requests over HTTP: bounded in time and size, tried again where that helps, secrets unshown.

use crate::support::{Canned, Environment};
use backstay::base::Secret;
use backstay::http::{ATTEMPTS, Client, HttpError, Method, Request, persistently};
use std::io::Read;
use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(5);

fn block_on<F: Future>(deed: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(deed)
}

fn client() -> Client {
    Client::new(&Environment::plain())
}

fn post(url: &str) -> Request {
    Request::new(Method::Post, Secret::new(url)).with_body("application/json", "{\"a\":1}")
}

#[test]
fn a_request_arrives_as_it_was_made() {
    let sink = Canned::start(|_| (200, &[], "ok".to_owned()));
    let url = format!("http://me:pass@127.0.0.1:{}/hook?x=1", sink.port);
    let request = post(&url).with_header("X-Signature", Secret::new("abc"));
    let answer = block_on(client().send(&request, LIMIT)).unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"ok"[..]));
    let asked = &sink.asked()[0];
    assert_eq!((asked.method.as_str(), asked.target.as_str(), asked.body.as_str()), ("POST", "/hook?x=1", "{\"a\":1}"));
    assert_eq!(asked.header("host"), Some(format!("127.0.0.1:{}", sink.port).as_str()));
    assert_eq!(asked.header("content-type"), Some("application/json"));
    assert_eq!(asked.header("x-signature"), Some("abc"));
    assert_eq!(asked.header("authorization"), Some("Basic bWU6cGFzcw=="));
}

#[test]
fn what_may_pass_is_tried_again_and_only_so_often() {
    for (status, times) in [(500, ATTEMPTS), (429, ATTEMPTS), (400, 1), (302, 1)] {
        let sink = Canned::start(move |_| (status, &[("Retry-After", "0")], "no".to_owned()));
        let error = block_on(persistently(&client(), &post(&sink.url()), LIMIT)).unwrap_err();
        assert!(matches!(error, HttpError::Refused { status: s, .. } if s == status), "{error}");
        assert_eq!(sink.asked().len(), times as usize, "{status}");
    }
    let n = AtomicU32::new(0);
    let recovers = move |_: &_| match n.fetch_add(1, Ordering::Relaxed) {
        0 => (503, &[][..], String::new()),
        _ => (202, &[][..], String::new()),
    };
    let sink = Canned::start(recovers);
    assert_eq!(block_on(persistently(&client(), &post(&sink.url()), LIMIT)).unwrap().status, 202);
}

#[test]
fn a_server_that_asks_for_minutes_is_given_up() {
    let sink = Canned::start(|_| (503, &[("Retry-After", "600")], String::new()));
    let begun = Instant::now();
    block_on(persistently(&client(), &post(&sink.url()), LIMIT)).unwrap_err();
    assert!(begun.elapsed() < LIMIT);
    assert_eq!(sink.asked().len(), 1);
}

#[test]
fn a_silent_server_is_waited_for_only_so_long() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let mut streams: Vec<_> = listener.incoming().flatten().collect();
        streams.iter_mut().for_each(|stream| drop(stream.read(&mut [0; 1])));
    });
    let request = post(&format!("http://127.0.0.1:{port}/x"));
    let error = block_on(persistently(&client(), &request, Duration::from_secs(1))).unwrap_err();
    assert_eq!(error, HttpError::Silent { host: format!("127.0.0.1:{port}"), seconds: 1 });
}

#[test]
fn an_endless_answer_is_not_read_to_its_end() {
    let sink = Canned::start(|_| (200, &[], "x".repeat(10 << 20)));
    let answer = block_on(client().send(&post(&sink.url()), LIMIT)).unwrap();
    assert!(answer.body.len() <= 64 << 10 && answer.is_good());
}

#[test]
fn no_error_shows_a_secret() {
    let echo = Canned::start(|asked| (404, &[], format!("no hook at {} for {:?}", asked.target, asked.headers)));
    let url = format!("http://127.0.0.1:{}/services/canary-canary", echo.port);
    let request = post(&url).with_header("X-Key", Secret::new("canary-of-header"));
    let error = block_on(persistently(&client(), &request, LIMIT)).unwrap_err();
    assert!(error.to_string().contains("no hook at /services/…"), "{error}");
    assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = block_on(client().send(&post(&format!("http://127.0.0.1:{free}/canary-canary")), LIMIT)).unwrap_err();
    assert!(matches!(error, HttpError::Unreachable { .. }) && !error.to_string().contains("canary"), "{error}");
}

#[test]
fn a_proxy_of_the_environment_is_used_unless_the_host_is_excepted() {
    let proxy = Canned::start(|_| (200, &[], "by proxy".to_owned()));
    let sink = Canned::start(|_| (200, &[], "direct".to_owned()));
    let plain = Environment::plain().with("HTTP_PROXY", &format!("http://u:p@127.0.0.1:{}", proxy.port));
    let request = post("http://sink.invalid/x");
    let answer = block_on(Client::new(&plain).send(&request, LIMIT)).unwrap();
    assert_eq!(answer.body, b"by proxy");
    assert_eq!(proxy.asked()[0].target, "http://sink.invalid/x");
    assert_eq!(proxy.asked()[0].header("proxy-authorization"), Some("Basic dTpw"));
    // A tunnel is asked for where the server speaks TLS; this proxy gives none.
    let tls = Environment::plain().with("HTTPS_PROXY", &proxy.url());
    let error = block_on(Client::new(&tls).send(&post("https://sink.invalid/x"), LIMIT)).unwrap_err();
    assert!(matches!(error, HttpError::Unreachable { .. }), "{error}");
    assert_eq!((proxy.asked()[1].method.as_str(), proxy.asked()[1].target.as_str()), ("CONNECT", "sink.invalid:443"));
    let excepted = plain.with("NO_PROXY", "127.0.0.1,localhost");
    assert_eq!(block_on(Client::new(&excepted).send(&post(&sink.url()), LIMIT)).unwrap().body, b"direct");
}
