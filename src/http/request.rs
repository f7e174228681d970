//! What is asked and what is answered.

use crate::base::{Secret, visible};
use bytes::Bytes;
use std::time::Duration;

/// What is done with a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Read it.
    Get,
    /// Hand something to it.
    Post,
    /// Put something there.
    Put,
}

/// A request. The values of its headers are secret like its URL: either may carry a key.
#[derive(Debug, Clone)]
pub struct Request {
    /// What is done.
    pub method: Method,
    /// With which URL; `user:password@` in it becomes a header.
    pub url: Secret,
    /// More headers, in order.
    pub headers: Vec<(String, Secret)>,
    /// The body; empty for none.
    pub body: Bytes,
    /// What in the body is secret.
    pub hidden: Vec<Secret>,
}

impl Request {
    /// A request without headers and body.
    pub fn new(method: Method, url: Secret) -> Request {
        Request { method, url, headers: Vec::new(), body: Bytes::new(), hidden: Vec::new() }
    }

    /// The same with a body.
    #[must_use]
    pub fn with_body(mut self, content_type: &str, body: impl Into<Bytes>) -> Request {
        self.body = body.into();
        self.with_header("Content-Type", Secret::new(content_type))
    }

    /// The same with one more header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: Secret) -> Request {
        self.headers.push((name.to_owned(), value));
        self
    }

    /// The same, where this part of its body is secret.
    #[must_use]
    pub fn hiding(mut self, secret: Secret) -> Request {
        self.hidden.push(secret);
        self
    }

    /// A text of the other side without what only we and it may know, on one line: servers like to repeat what they
    /// were sent.
    pub(super) fn scrubbed(&self, text: &str) -> String {
        let path = self.url.expose().split_once("://").map_or("", |(_, rest)| rest);
        let parts = path.split(['/', '?', '&', '=', '@', ':']).skip(1);
        let values = self.headers.iter().map(|(_, value)| value).chain(&self.hidden).map(Secret::expose);
        let mut hidden: Vec<&str> = parts.chain(values).filter(|part| part.len() >= SHORTEST_SECRET).collect();
        // The longest first: a part of another would otherwise leave its rest.
        hidden.sort_by_key(|part| std::cmp::Reverse(part.len()));
        visible(hidden.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "…")).trim())
    }
}

/// Shorter parts of a URL are words of its language, such as `services` or `v2`.
const SHORTEST_SECRET: usize = 9;

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The first bytes of the body.
    pub body: Vec<u8>,
    /// How long the server wants to be left alone.
    pub retry_after: Option<Duration>,
}

impl Answer {
    /// True when the server took the request.
    pub fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// True when the same request may succeed a moment later.
    pub fn is_passing(&self) -> bool {
        self.status == 429 || self.status >= 500
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_repeats_of_a_secret_is_hidden() {
        let url = Secret::new("https://hooks.example.com/services/T0000/B0000/canarycanary?token=othercanary");
        let request = Request::new(Method::Post, url).with_header("Authorization", Secret::new("Bearer k3y-of-canary"));
        let text = "no such hook /services/T0000/B0000/canarycanary (Bearer k3y-of-canary, othercanary)\n";
        assert_eq!(request.scrubbed(text), "no such hook /services/T0000/B0000/… (…, …)");
    }
}
