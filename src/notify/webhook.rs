//! Any URL: the message as JSON, signed when the policy gives a key.

use super::NotifyError;
use super::channel::{Means, REQUEST};
use crate::alert::Message;
use crate::base::{Secret, Template};
use crate::http::{Method, Request, persistently};
use hmac::{Hmac, KeyInit, Mac};
use indexmap::IndexMap;
use sha2::Sha256;
use std::fmt::Write;

pub(super) async fn send(
    url: &Template,
    headers: &IndexMap<String, Template>,
    secret: Option<&Template>,
    message: &Message,
    means: Means<'_>,
) -> Result<(), NotifyError> {
    // Our own structs serialise always.
    let body = serde_json::to_string(message).unwrap_or_default();
    let mut request = Request::new(Method::Post, means.value(url)?).with_body("application/json", body.clone());
    for (name, value) in headers {
        request = request.with_header(name, means.value(value)?);
    }
    request = request.with_header("Backstay-Event", Secret::new(message.event.as_str()));
    if let Some(secret) = secret {
        let second = message.sender.sent_at.as_second().to_string();
        let signature = signature(means.value(secret)?.expose(), &second, &body)?;
        request = request.with_header("Backstay-Timestamp", Secret::new(second));
        request = request.with_header("Backstay-Signature", Secret::new(format!("v1={signature}")));
    }
    persistently(means.client, &request, REQUEST).await?;
    Ok(())
}

/// HMAC-SHA256 of `<timestamp>.<body>`, in hexadecimal. The time is signed, so that a request cannot be sent again later.
fn signature(key: &str, timestamp: &str, body: &str) -> Result<String, NotifyError> {
    let unusable = |_| NotifyError::Unusable { what: "secret", problem: "it is no key of HMAC".to_owned() };
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).map_err(unusable)?;
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(body.as_bytes());
    let digest = mac.finalize().into_bytes();
    let mut out = String::with_capacity(64);
    for byte in digest {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;

    /// Compared with `printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac key`.
    #[test]
    fn a_signature_is_what_openssl_makes_of_it() {
        let made = signature("key", "1700000000", "{\"a\":1}").unwrap();
        assert_eq!(made, "a438e398bfafc57e4396bb7fc2304422f0f768e965d073ca313cb52e22e6ad03");
    }
}
