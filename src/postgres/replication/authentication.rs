//! Proving who we are: nothing asked, password in clear, MD5, SCRAM-SHA-256 with or without binding to the channel.

use super::login::{Login, invalid};
use super::wire::{Message, Wire, tags};
use crate::base::Secret;
use crate::postgres::PostgresError;
use bytes::{Buf, BytesMut};
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, SCRAM_SHA_256_PLUS, ScramSha256};
use postgres_protocol::message::frontend;
use std::path::PathBuf;

/// What a login may and can do.
pub(super) struct Credentials<'a> {
    /// User.
    pub(super) user: &'a str,
    /// Password, when any was found.
    pub(super) password: Option<Secret>,
    /// A password file that was not read, because others may read it.
    pub(super) open_file: Option<PathBuf>,
    /// What to bind the channel to: TLS is in use.
    pub(super) end_point: Option<Vec<u8>>,
    /// True when TLS is in use at all.
    pub(super) is_secured: bool,
}

/// Ways that the server may ask for, by the words of `require_auth`.
const WAYS: [&str; 6] = ["none", "password", "md5", "scram-sha-256", "gss", "sspi"];

/// Answers what the server asks until it is content.
pub(super) async fn authenticate(
    wire: &mut Wire,
    login: &Login,
    credentials: &Credentials<'_>,
) -> Result<(), PostgresError> {
    let binding = login.word("channel_binding", &["prefer", "disable", "require"])?;
    let allowed = allowed(login)?;
    let mut asked = "none";
    let mut is_bound = false;
    loop {
        let message = wire.expect().await?;
        if message.tag == tags::NEGOTIATE {
            continue;
        }
        if message.tag != tags::AUTHENTICATION || message.body.len() < 4 {
            return Err(wire.confused(&message));
        }
        let mut body = message.body.clone();
        let kind = body.get_i32();
        asked = match kind {
            0 => asked,
            3 => "password",
            5 => "md5",
            7 | 8 => "gss",
            9 => "sspi",
            10 => "scram-sha-256",
            2 => return Err(lacks("login by Kerberos V5")),
            _ => return Err(lacks("a way to log in that this server asks for")),
        };
        if !allowed.contains(&asked) {
            return Err(refused(wire, format!("it asks for `{asked}`, which `require_auth` does not allow")));
        }
        if kind != 10 && kind != 0 && binding == "require" {
            return Err(refused(wire, "it does not bind the login to the channel, which `channel_binding` requires"));
        }
        match kind {
            0 if binding == "require" && !is_bound => {
                return Err(refused(
                    wire,
                    "it did not bind the login to the channel, which `channel_binding` requires",
                ));
            }
            0 => return Ok(()),
            3 => {
                let password = password(wire, credentials)?;
                let mut out = BytesMut::new();
                frontend::password_message(password.expose().as_bytes(), &mut out)
                    .map_err(|e| invalid(e.to_string()))?;
                wire.send(&out).await?;
            }
            5 => {
                let salt = body.get(..4).and_then(|salt| <[u8; 4]>::try_from(salt).ok());
                let salt = salt.ok_or_else(|| wire.confused(&message))?;
                let password = password(wire, credentials)?;
                let hash = md5_hash(credentials.user.as_bytes(), password.expose().as_bytes(), salt);
                let mut out = BytesMut::new();
                frontend::password_message(hash.as_bytes(), &mut out).map_err(|e| invalid(e.to_string()))?;
                wire.send(&out).await?;
            }
            10 => is_bound = scram(wire, &message, credentials, binding).await?,
            _ => return Err(lacks(&format!("login by `{asked}`"))),
        }
    }
}

/// The exchange of SCRAM up to the server's proof. True when it was bound to the channel.
async fn scram(
    wire: &mut Wire,
    message: &Message,
    credentials: &Credentials<'_>,
    binding: &str,
) -> Result<bool, PostgresError> {
    let body = message.body.slice(4..);
    let offers = |name: &str| body.split(|byte| *byte == 0).any(|offered| offered == name.as_bytes());
    let end_point = credentials.end_point.clone().filter(|_| binding != "disable");
    let (mechanism, channel, is_bound) = match end_point {
        Some(end_point) if offers(SCRAM_SHA_256_PLUS) => {
            (SCRAM_SHA_256_PLUS, ChannelBinding::tls_server_end_point(end_point), true)
        }
        // We could, and the server says that it cannot: it checks that nobody in between made us believe that.
        Some(_) => (SCRAM_SHA_256, ChannelBinding::unrequested(), false),
        None => (SCRAM_SHA_256, ChannelBinding::unsupported(), false),
    };
    if binding == "require" && !is_bound {
        let why = if credentials.is_secured { "neither side can" } else { "there is no TLS to bind to" };
        return Err(refused(wire, format!("`channel_binding` is required, and {why}")));
    }
    if !offers(mechanism) {
        return Err(lacks("a SASL mechanism other than SCRAM-SHA-256"));
    }
    let password = password(wire, credentials)?;
    let mut scram = ScramSha256::new(password.expose().as_bytes(), channel);
    let mut out = BytesMut::new();
    let unsendable = |e: std::io::Error| invalid(e.to_string());
    frontend::sasl_initial_response(mechanism, scram.message(), &mut out).map_err(unsendable)?;
    wire.send(&out).await?;
    let first = part(wire, 11).await?;
    scram.update(&first).map_err(|e| refused(wire, format!("SCRAM: {e}")))?;
    out.clear();
    frontend::sasl_response(scram.message(), &mut out).map_err(unsendable)?;
    wire.send(&out).await?;
    let last = part(wire, 12).await?;
    let impostor = |e| refused(wire, format!("it does not know the password itself: {e}"));
    scram.finish(&last).map_err(impostor)?;
    Ok(is_bound)
}

/// The next part of an exchange, which must be of this kind.
async fn part(wire: &mut Wire, kind: i32) -> Result<bytes::Bytes, PostgresError> {
    let message = wire.expect().await?;
    let mut body = message.body.clone();
    if message.tag != tags::AUTHENTICATION || body.len() < 4 || body.get_i32() != kind {
        return Err(wire.confused(&message));
    }
    Ok(body)
}

fn password<'a>(wire: &Wire, credentials: &'a Credentials<'_>) -> Result<&'a Secret, PostgresError> {
    credentials.password.as_ref().ok_or_else(|| {
        let ignored = credentials.open_file.as_ref().map(|file| {
            let file = file.display();
            format!("; `{file}` was not read, because others may read it: run `chmod 600 {file}`")
        });
        refused(wire, format!("it asks for a password, and none was given{}", ignored.unwrap_or_default()))
    })
}

/// What `require_auth` allows: a list, or with `!` everything but a list.
fn allowed(login: &Login) -> Result<Vec<&'static str>, PostgresError> {
    let Some(text) = login.get("require_auth") else { return Ok(WAYS.to_vec()) };
    let words: Vec<&str> = text.split(',').map(str::trim).collect();
    let bare: Vec<&str> = words.iter().map(|word| word.strip_prefix('!').unwrap_or(word)).collect();
    let n_negated = words.iter().filter(|word| word.starts_with('!')).count();
    let is_known = |word: &&str| WAYS.contains(word) || *word == "creds";
    if !bare.iter().all(is_known) || (n_negated != 0 && n_negated != words.len()) {
        return Err(invalid("`require_auth` is not understood".to_owned()));
    }
    Ok(WAYS.into_iter().filter(|way| bare.contains(way) == (n_negated == 0)).collect())
}

fn refused(wire: &Wire, problem: impl Into<String>) -> PostgresError {
    PostgresError::LoginRefused { server: wire.server.clone(), problem: problem.into() }
}

fn lacks(what: &str) -> PostgresError {
    PostgresError::NotSupported { what: what.to_owned() }
}
