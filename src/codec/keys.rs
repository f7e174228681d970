//! How to encrypt, and what can decrypt.

use crate::base::Secret;

/// How stored bytes are encrypted.
#[derive(Debug, Clone)]
pub enum Cipher {
    /// Not at all.
    None,
    /// To `age1…` public keys; at least one.
    AgeRecipients(Vec<String>),
    /// With a passphrase, as an age file.
    AgePassphrase(Secret),
    /// With a passphrase, as an OpenPGP message.
    GpgPassphrase(Secret),
}

/// What can decrypt: everything that is at hand, whether it fits or not.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    /// Texts of age identity files: lines `AGE-SECRET-KEY-1…`, comments and blank lines.
    pub age_identities: Vec<Secret>,
    /// Passphrases of age files.
    pub age_passphrases: Vec<Secret>,
    /// Passphrases of OpenPGP messages.
    pub gpg_passphrases: Vec<Secret>,
}
