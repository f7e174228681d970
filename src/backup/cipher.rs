//! The keys a backup is encrypted with, as the policy says.

use super::BackupError;
use crate::base::{Lookup, Secret};
use crate::codec::Cipher;
use crate::policy::{Desired, EncryptionSpec};

/// How to encrypt by the named entry of the policy; not at all without a name.
pub fn cipher(desired: &Desired, name: Option<&str>, lookup: &dyn Lookup) -> Result<Cipher, BackupError> {
    let Some(name) = name else { return Ok(Cipher::None) };
    let spec = desired.encryption.get(name);
    let spec = spec.ok_or_else(|| BackupError::Encryption(format!("the policy has no encryption `{name}`")))?;
    let passphrase = |secret: Secret| match secret.expose() {
        // A variable that is set to nothing would otherwise lock a backup with a key that everybody knows.
        "" => Err(BackupError::Encryption(format!("the passphrase of `{name}` is empty"))),
        _ => Ok(secret),
    };
    Ok(match spec {
        EncryptionSpec::AgeRecipients { recipients, .. } => {
            let keys = recipients.iter().map(|recipient| Ok(recipient.resolve(lookup)?.expose().trim().to_owned()));
            Cipher::AgeRecipients(keys.collect::<Result<_, BackupError>>()?)
        }
        EncryptionSpec::AgePassphrase { passphrase: text } => Cipher::AgePassphrase(passphrase(text.resolve(lookup)?)?),
        EncryptionSpec::Gpg { passphrase: text } => Cipher::GpgPassphrase(passphrase(text.resolve(lookup)?)?),
    })
}
