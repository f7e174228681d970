//! What the policy gives to decrypt with.

use crate::base::{Lookup, UnresolvedReference};
use crate::codec::Keys;
use crate::policy::{Desired, EncryptionSpec};

/// Every key that the policy refers to, whatever database it is for: a backup may be older than today's choice. Keys
/// that are not at hand on this machine come back as reasons, to be told when a backup turns out to need one.
pub fn keys(desired: &Desired, lookup: &dyn Lookup) -> (Keys, Vec<UnresolvedReference>) {
    let (mut keys, mut absent) = (Keys::default(), Vec::new());
    for spec in desired.encryption.values() {
        let (text, list) = match spec {
            EncryptionSpec::AgeRecipients { identity: None, .. } => continue,
            EncryptionSpec::AgeRecipients { identity: Some(text), .. } => (text, &mut keys.age_identities),
            EncryptionSpec::AgePassphrase { passphrase } => (passphrase, &mut keys.age_passphrases),
            EncryptionSpec::Gpg { passphrase } => (passphrase, &mut keys.gpg_passphrases),
        };
        match text.resolve(lookup) {
            Ok(secret) => list.push(secret),
            Err(reason) => absent.push(reason),
        }
    }
    (keys, absent)
}
