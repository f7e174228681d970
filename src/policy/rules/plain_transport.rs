//! A connection to another machine is not encrypted on its way.

use crate::base::Template;
use crate::diag::{Diagnostic, codes};
use crate::policy::facts::{Reach, url_reach};
use crate::policy::model::{Channel, Connection, ConnectionParts, MailTls, SslMode, Storage};
use crate::policy::route::Route;
use crate::policy::rule::{Rule, Subject};

/// The rule.
pub(super) const RULE: Rule = Rule { code: &codes::PLAIN_TRANSPORT, judge };

fn judge(subject: &Subject<'_>) -> Vec<Diagnostic> {
    let model = &subject.document.model;
    let mut plain: Vec<(Route, String, &str)> = Vec::new();
    for (name, database) in &model.databases {
        let route = Route::of(["databases", name, "connection"]);
        match &database.connection {
            Connection::Url(url) if is_plain_url(url) => {
                plain.push((route, format!("`{name}` is read without TLS"), "Write `sslmode=verify-full` in the URL."));
            }
            Connection::Parts(parts) if is_plain_host(parts) => plain.push((
                route.key("sslmode"),
                format!("`{name}` is read without TLS"),
                "Set `sslmode: verify-full` and `sslrootcert`.",
            )),
            _ => {}
        }
    }
    for (name, storage) in &model.storage {
        let Storage::S3(bucket) = storage else { continue };
        if bucket.endpoint.as_ref().is_some_and(|endpoint| is_plain_http(endpoint)) {
            let route = Route::of(["storage", name, "endpoint"]);
            plain.push((route, format!("`{name}` is written over plain HTTP"), "Use an `https://` endpoint."));
        }
    }
    for (name, channel) in model.alerts.iter().flat_map(|alerts| &alerts.channels) {
        let route = Route::of(["alerts", "channels", name]);
        match channel {
            Channel::Email(mail) if mail.tls == Some(MailTls::None) && mail.password.is_some() => plain.push((
                route.key("tls"),
                format!("`{name}` sends its password in clear"),
                "Set `tls: starttls` or `tls: implicit`.",
            )),
            Channel::Webhook(hook) if is_plain_http(&hook.url) => {
                plain.push((route.key("url"), format!("`{name}` posts over plain HTTP"), "Use an `https://` URL."));
            }
            _ => {}
        }
    }
    plain
        .into_iter()
        .map(|(route, detail, hint)| {
            subject
                .document
                .diagnostic(&codes::PLAIN_TRANSPORT, &route, detail)
                .with_why("Everyone on the way can read what passes, the password among it.")
                .with_hint(hint)
        })
        .collect()
}

fn is_plain_http(url: &Template) -> bool {
    url.source().starts_with("http://") && url_reach(url) == Reach::Elsewhere
}

fn is_plain_url(url: &Template) -> bool {
    let weak = ["sslmode=disable", "sslmode=allow"].iter().any(|mode| url.source().contains(mode));
    weak && url_reach(url) == Reach::Elsewhere
}

fn is_plain_host(parts: &ConnectionParts) -> bool {
    let weak = matches!(parts.sslmode, Some(SslMode::Disable | SslMode::Allow));
    let host = parts.host.as_ref().and_then(|host| host.as_literal()).map(Template::literal);
    // As a URL the host is judged by the same words.
    let url = host.map(|host| Template::literal(format!("postgresql://{}/", host.source().replace('/', "%2F"))));
    weak && url.is_some_and(|url| url_reach(&url) == Reach::Elsewhere)
}
