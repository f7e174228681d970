//! Addresses of servers.

use super::storage::{S3, wrong};
use crate::diag::{Diagnostic, codes};
use crate::policy::facts::bucket_in_endpoint;

/// An endpoint that no server can be called at.
pub(super) fn check(storage: &S3<'_>) -> Option<Diagnostic> {
    let (node, url) = storage.clear("endpoint")?;
    let route = storage.route.key("endpoint");
    // The text may hold a password and is not repeated.
    let say = |detail: &str, hint: String| Some(wrong(&codes::ENDPOINT_INVALID, &route, node, detail).with_hint(hint));
    let written = "Write `https://host` or `https://host:port`.".to_owned();
    let Some((scheme, rest)) = url.split_once("://") else {
        return say("it does not begin with `https://`", written);
    };
    if !matches!(scheme, "http" | "https") {
        return say("only `http` and `https` are spoken", written);
    }
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    if authority.contains('@') {
        return say("a user stands in it", "Remove it, and say how to log in with `credentials`.".to_owned());
    }
    if rest.contains(['?', '#']) || rest.chars().any(char::is_whitespace) {
        return say("it goes on behind the host", written);
    }
    let (host, port) = split_port(authority);
    if host.is_empty() || port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return say("it names no host, or no port from 1 to 65535", written);
    }
    if let Some(bucket) = bucket_in_endpoint(&url) {
        return say("a bucket stands in the host", format!("Write `bucket: {bucket}`, and remove `endpoint`."));
    }
    let bucket = storage.clear("bucket").map(|(_, bucket)| bucket);
    if bucket.as_deref().is_some_and(|bucket| path.trim_end_matches('/') == bucket) {
        return say(
            "the bucket stands behind the host",
            format!("Write `{scheme}://{authority}`: the bucket is added."),
        );
    }
    None
}

/// Host and port; of an IPv6 address in its brackets.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    if let Some((host, rest)) = authority.split_once(']') {
        return (host, rest.strip_prefix(':'));
    }
    authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)))
}
