//! `databases.<name>.connection`: how to reach a database.

use super::written::Written;
use crate::base::Template;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A `postgresql://` URL, or parts by libpq's names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Connection {
    /// A `postgresql://` URL, often one reference.
    Url(Written<Template>),
    /// Parts by libpq's names; what is left out comes from libpq's own sources.
    Parts(Box<ConnectionParts>),
}

/// Parts of a connection by libpq's names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnectionParts {
    /// Host name, address, or directory of the Unix socket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Written<Template>>,
    /// TCP port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<Port>,
    /// Role to log in as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Written<Template>>,
    /// Password, as a reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Written<Template>>,
    /// Name of the database; any name PostgreSQL allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<Written<Template>>,
    /// How TLS is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sslmode: Option<SslMode>,
    /// File with the certificates of authorities to trust.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sslrootcert: Option<Written<Template>>,
    /// Password file in the format of `.pgpass`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passfile: Option<Written<Template>>,
    /// Section of the service file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Written<Template>>,
}

/// A TCP port, or a reference to one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Port {
    /// The number.
    Number(#[schemars(range(min = 1, max = 65535))] u16),
    /// A reference, or digits.
    Reference(Written<Template>),
}

/// How TLS is used, as libpq's `sslmode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SslMode {
    /// Never.
    Disable,
    /// Only when the server insists.
    Allow,
    /// When the server can.
    Prefer,
    /// Always, without looking at the certificate.
    Require,
    /// Always, with a certificate of a trusted authority.
    VerifyCa,
    /// Always, with a trusted certificate for this host.
    VerifyFull,
}
