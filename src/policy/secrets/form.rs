//! Secrets by their own form, and names of things that hold secrets.

use crate::base::{Reference, Template};
use crate::policy::facts::{UNKNOWN, masked};

/// True when a thing of this name (a variable, an option, a header) holds a secret itself, not the place of one.
pub(in crate::policy) fn names_secret(name: &str) -> bool {
    holds_plain_secret(name) || {
        let name = name.to_ascii_lowercase();
        ["database_url", "webhook", "dsn", "_uri", "connection_string"].iter().any(|word| name.contains(word))
    }
}

/// True when a thing of this name holds a password or token and nothing else.
fn holds_plain_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('-', "_");
    let words = ["password", "passwd", "passphrase", "pwd", "secret", "token", "api_key", "apikey", "private_key"];
    let elsewhere = ["file", "path", "_name", "_id", "_arn", "prompt"];
    words.iter().any(|word| name.contains(word))
        && !elsewhere.iter().any(|end| name.ends_with(end))
        && !name.trim_start_matches('_').starts_with("no_")
}

/// What kind of secret is written in a text, whatever holds it.
pub(super) fn written_in(text: &Template) -> Option<&'static str> {
    recognized(&masked(text)).or_else(|| text.references().find_map(written_in_default))
}

fn written_in_default(reference: &Reference) -> Option<&'static str> {
    match reference {
        Reference::Env { name, default: Some(default) } if !default.is_empty() => {
            let plain = holds_plain_secret(name).then_some("a secret as the default of a variable");
            recognized(default).or(plain)
        }
        _ => None,
    }
}

/// Bytes of the shortest form but URLs: how a private key begins.
const SHORTEST: usize = 16;

/// What kind of secret a text contains by its form. References are masked.
fn recognized(text: &str) -> Option<&'static str> {
    // Most texts are shorter than any token; only a URL can say a password in less.
    if text.len() < SHORTEST && !text.contains("://") {
        return None;
    }
    if text.contains("PRIVATE KEY-----") {
        return Some("a private key");
    }
    if text.to_ascii_uppercase().contains("AGE-SECRET-KEY-1") {
        return Some("a private age key");
    }
    if ["AKIA", "ASIA"].iter().any(|start| has_token(text, start, 16, |c| c.is_ascii_uppercase() || c.is_ascii_digit()))
    {
        return Some("an AWS access key");
    }
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let tokens = ["ghp_", "gho_", "ghs_", "github_pat_", "glpat-", "xoxb-", "xoxp-", "sk_live_"];
    if tokens.iter().any(|start| has_token(text, start, 16, word)) {
        return Some("an access token");
    }
    let webhooks = [
        "hooks.slack.com/services/",
        "hooks.slack.com/workflows/",
        "discord.com/api/webhooks/",
        "discordapp.com/api/webhooks/",
        "webhook.office.com/webhookb2/",
    ];
    if webhooks.iter().any(|start| has_token(text, start, 1, |c| c != UNKNOWN && !c.is_whitespace())) {
        return Some("the URL of a webhook");
    }
    if bearer(text) {
        return Some("a bearer token");
    }
    (url_password(text) || query_password(text)).then_some("a password in a URL")
}

/// True when `start` is followed by at least `length` characters of a kind, and nothing of a word stands before it.
fn has_token(text: &str, start: &str, length: usize, kind: impl Fn(char) -> bool) -> bool {
    text.match_indices(start).any(|(at, _)| {
        let free = !text[..at].ends_with(|c: char| c.is_ascii_alphanumeric());
        free && text[at + start.len()..].chars().take_while(|c| kind(*c)).count() >= length
    })
}

fn bearer(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    ["authorization: bearer ", "authorization: basic ", "authorization: token "].iter().any(|start| {
        lower.find(start).is_some_and(|at| {
            lower[at + start.len()..].starts_with(|c: char| c != UNKNOWN && c != '$' && !c.is_whitespace())
        })
    })
}

fn url_password(text: &str) -> bool {
    text.match_indices("://").any(|(at, mark)| {
        let rest = &text[at + mark.len()..];
        let authority = rest.split(['/', '?', '#', ' ', '"', '\'']).next().unwrap_or_default();
        let user = authority.rsplit_once('@').map(|(user, _)| user);
        user.and_then(|user| user.split_once(':')).is_some_and(|(_, password)| is_written(password))
    })
}

fn query_password(text: &str) -> bool {
    let Some((_, query)) = text.split_once("://").and_then(|(_, rest)| rest.split_once('?')) else { return false };
    query
        .split('&')
        .filter_map(|parameter| parameter.split_once('='))
        .any(|(key, value)| matches!(key, "password" | "sslpassword") && is_written(value))
}

fn is_written(value: &str) -> bool {
    !value.is_empty() && !value.contains(UNKNOWN)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn kind(text: &str) -> Option<&'static str> {
        written_in(&text.parse().unwrap())
    }

    #[test]
    fn secrets_are_known_by_their_form() {
        for secret in [
            "postgres://app:hunter2@db1/shop",
            "postgres://app@db1/shop?sslmode=require&password=hunter2",
            "${env:DATABASE_URL:-postgres://app:hunter2@db1/shop}",
            "${env:PGPASSWORD:-hunter2}",
            "AKIAIOSFODNN7EXAMPLE",
            "AGE-SECRET-KEY-1QQQQQQQQ",
            "-----BEGIN OPENSSH PRIVATE KEY-----\nabc",
            "https://hooks.slack.com/services/T000/B000/abcd",
            "Authorization: Bearer abc.def",
            "ghp_0123456789abcdefghij",
        ] {
            assert!(kind(secret).is_some(), "{secret}");
        }
    }

    #[test]
    fn references_and_plain_words_are_no_secrets() {
        for plain in [
            "postgres://app:${env:PW}@db1/shop",
            "postgres://app@db1/shop",
            "postgres://db1:5432/shop",
            "${env:DATABASE_URL:-postgres:///shop}",
            "https://hooks.slack.com/services/${env:SLACK}",
            "Authorization: Bearer ${env:TOKEN}",
            "age1qqqqqqqqqq",
            "AKIA is how keys begin",
            "SELECT count(*) FROM tokens WHERE secret = 'x'",
            "mail@example.com:25",
        ] {
            assert_eq!(kind(plain), None, "{plain}");
        }
    }

    #[test]
    fn names_tell_secrets() {
        for secret in ["PGPASSWORD", "--password", "SLACK_WEBHOOK_URL", "DATABASE_URL", "API-KEY", "auth_token"] {
            assert!(names_secret(secret), "{secret}");
        }
        for plain in ["--passfile", "PGHOST", "--no-password", "TOKEN_FILE", "--container", "SECRET_NAME", "--host"] {
            assert!(!names_secret(plain), "{plain}");
        }
    }
}
