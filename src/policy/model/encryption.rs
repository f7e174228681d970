//! `encryption.<name>`: ways to encrypt before bytes leave this machine.

use super::written::Written;
use crate::base::Template;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A way to encrypt, in a standard format that public programs read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Encryption {
    /// The age format.
    Age(Age),
    /// OpenPGP, symmetric AES256.
    Gpg(Gpg),
}

/// The age format: to public keys, or by passphrase.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Age {
    /// Public keys (`age1…`) that can read; safe to commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub recipients: Option<Vec<Written<Template>>>,
    /// Passphrase, as a reference; instead of `recipients`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passphrase: Option<Written<Template>>,
    /// Private key, as a reference; needed only where restores run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Written<Template>>,
}

/// OpenPGP, symmetric AES256, readable by `gpg --decrypt`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gpg {
    /// Passphrase, as a reference.
    pub passphrase: Written<Template>,
}
