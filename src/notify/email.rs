//! Mail by SMTP: plain text and HTML in one, over TLS unless the policy says otherwise.

use super::NotifyError;
use super::channel::Means;
use crate::alert::{Message, digest_title, html, plain};
use crate::base::{Sha256, Template, causes, visible};
use crate::policy::{EmailSpec, MailTls};
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::AsyncSmtpTransport;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncTransport, Tokio1Executor};
use std::time::Duration;

/// Time for one answer of the server.
const ANSWER: Duration = Duration::from_secs(8);
/// Time for all of it.
const LIMIT: Duration = Duration::from_secs(20);

pub(super) async fn send(spec: &EmailSpec, messages: &[&Message], means: Means<'_>) -> Result<(), NotifyError> {
    let host = means.value(&spec.host)?.expose().to_owned();
    let failed = |problem: String| NotifyError::Mail { host: visible(&host), problem };
    let mail = mail(spec, messages, means)?;
    let transport = transport(spec, &host, means)?;
    match tokio::time::timeout(LIMIT, transport.send(mail)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(failed(said(&error))),
        Err(_) => Err(failed(format!("did not take it within {} s", LIMIT.as_secs()))),
    }
}

type Transport = AsyncSmtpTransport<Tokio1Executor>;

fn transport(spec: &EmailSpec, host: &str, means: Means<'_>) -> Result<Transport, NotifyError> {
    let unusable = |what: &'static str, problem: &str| NotifyError::Unusable { what, problem: problem.to_owned() };
    let port = means.value(&spec.port)?.expose().trim().parse::<u16>();
    let port = port.map_err(|_| unusable("port", "it is no number from 1 to 65535"))?;
    let parameters = || TlsParameters::new(host.to_owned()).map_err(|_| unusable("host", "it is no name of a server"));
    let tls = match spec.tls {
        MailTls::Starttls => Tls::Required(parameters()?),
        MailTls::Implicit => Tls::Wrapper(parameters()?),
        MailTls::None => Tls::None,
    };
    let mut builder = Transport::builder_dangerous(host).port(port).tls(tls).timeout(Some(ANSWER));
    if let Some(user) = &spec.user {
        let password = spec.password.as_ref().map(|password| means.value(password)).transpose()?;
        let password = password.map(|password| password.expose().to_owned()).unwrap_or_default();
        builder = builder.credentials(Credentials::new(means.value(user)?.expose().to_owned(), password));
    }
    Ok(builder.build())
}

fn mail(spec: &EmailSpec, messages: &[&Message], means: Means<'_>) -> Result<lettre::Message, NotifyError> {
    let mailbox = |what: &'static str, text: &Template| -> Result<Mailbox, NotifyError> {
        let text = means.value(text)?;
        let unusable = |_| NotifyError::Unusable { what, problem: "it is no address of mail".to_owned() };
        text.expose().trim().parse().map_err(unusable)
    };
    let mut builder = lettre::Message::builder().from(mailbox("from", &spec.from)?).subject(digest_title(messages));
    for to in &spec.to {
        builder = builder.to(mailbox("to", to)?);
    }
    // Programs that answer mail do not answer this.
    builder = builder.raw_header(header("Auto-Submitted", "auto-generated"));
    if let [only] = messages {
        // What is over stands in the same thread as what it ends.
        let thread = format!("<{}@backstay>", &Sha256::of(only.global_key().as_bytes()).to_string()[..32]);
        builder = builder.references(thread).raw_header(header("X-Backstay-Key", &visible(&only.global_key())));
    }
    let body = MultiPart::alternative_plain_html(plain(messages), html(messages));
    let unusable = |error: lettre::error::Error| NotifyError::Unusable { what: "mail", problem: error.to_string() };
    builder.multipart(body).map_err(unusable)
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

/// What went wrong, with what the server said. Neither holds the password: it is sent in answer to a question, and
/// servers do not repeat it.
fn said(error: &lettre::transport::smtp::Error) -> String {
    if error.is_timeout() {
        return format!("did not answer within {} s", ANSWER.as_secs());
    }
    format!("does not take it: {}", visible(&causes(error)))
}
