//! The age format (age-encryption.org/v1) as a writer and a reader.

use super::{Cipher, Keys};
use crate::base::Secret;
use age::armor::ArmoredReader;
use age::stream::StreamReader;
use age::{Decryptor, Encryptor, Identity, Recipient, scrypt, x25519};
use secrecy::SecretString;
use std::io::{self, BufRead, BufReader, Read, Seek, Write};

/// The highest cost of a passphrase that is paid: 2^22 is some ten seconds and 4 GiB at most.
const MAX_WORK_FACTOR: u8 = 22;

/// What an armored file begins with.
const ARMOR: &[u8] = b"-----BEGIN AGE ENCRYPTED FILE-----";

/// Encrypts what is written to it. `finish` ends the file; without it the file is cut.
pub type AgeWriter<W> = age::stream::StreamWriter<W>;

/// Why an age file can be neither made nor read.
#[derive(Debug, thiserror::Error)]
pub enum AgeError {
    /// A public key is none.
    #[error("`{recipient}` is not an age public key: {problem}")]
    Recipient {
        /// The text.
        recipient: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The text of an identity holds no identity. Never holds the text.
    #[error("an age identity cannot be read: {0}")]
    Identity(&'static str),
    /// None of the keys fits, or there is none.
    #[error("{0}")]
    NoKey(String),
    /// It is not an age file, or it was changed.
    #[error("it is not a sound age file: {0}")]
    Damaged(String),
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Begins an age file in `output`. `None` when the cipher is not one of age.
pub fn age_encrypt<W: Write>(cipher: &Cipher, output: W) -> Result<Option<AgeWriter<W>>, AgeError> {
    let encryptor = match cipher {
        Cipher::None | Cipher::GpgPassphrase(_) => return Ok(None),
        Cipher::AgePassphrase(passphrase) => {
            Encryptor::with_user_passphrase(SecretString::from(passphrase.expose().to_owned()))
        }
        Cipher::AgeRecipients(texts) => {
            let recipients: Vec<x25519::Recipient> =
                texts.iter().map(|text| recipient(text)).collect::<Result<_, _>>()?;
            Encryptor::with_recipients(recipients.iter().map(|r| r as &dyn Recipient))
                .map_err(|error| AgeError::Recipient { recipient: texts.join(", "), problem: refusal(&error) })?
        }
    };
    Ok(Some(encryptor.wrap_output(output)?))
}

fn recipient(text: &str) -> Result<x25519::Recipient, AgeError> {
    text.trim().parse().map_err(|problem| AgeError::Recipient { recipient: text.to_owned(), problem })
}

fn refusal(error: &age::EncryptError) -> &'static str {
    match error {
        age::EncryptError::MissingRecipients => "there is none",
        _ => "it cannot be used",
    }
}

/// Reads an age file, armored or not. Each part is authenticated before it is handed on, and a cut shows at the end.
pub fn age_decrypt<'a, R: Read + Send + 'a>(keys: &Keys, mut input: R) -> Result<Box<dyn Read + Send + 'a>, AgeError> {
    let mut head = Vec::new();
    input.by_ref().take(ARMOR.len() as u64).read_to_end(&mut head)?;
    let is_armored = head == ARMOR;
    // The buffer is passed by where whole chunks are read, which is everywhere but in the header.
    let input = BufReader::new(io::Cursor::new(head).chain(input));
    // The reader of armor gives 48 bytes at a time, armored or not.
    if is_armored { decrypt(keys, BufReader::new(ArmoredReader::new(input))) } else { decrypt(keys, input) }
}

/// The same of a file that is not armored, as a reader that can be moved: only the parts that are read are fetched from `input`,
/// and each is authenticated for its place.
pub fn age_decrypt_seeking<R: Read + Seek>(keys: &Keys, input: R) -> Result<impl Read + Seek + use<R>, AgeError> {
    open(keys, BufReader::new(input))
}

fn decrypt<'a, R: BufRead + Send + 'a>(keys: &Keys, input: R) -> Result<Box<dyn Read + Send + 'a>, AgeError> {
    Ok(Box::new(open(keys, input)?))
}

fn open<R: BufRead>(keys: &Keys, input: R) -> Result<StreamReader<R>, AgeError> {
    let decryptor = Decryptor::new_buffered(input).map_err(|error| judge(&error, keys, Kind::Unknown))?;
    let kind = if decryptor.is_scrypt() { Kind::Passphrase } else { Kind::Recipients };
    let identities = identities(keys, kind)?;
    decryptor
        .decrypt(identities.iter().map(|identity| identity.as_ref() as &dyn Identity))
        .map_err(|error| judge(&error, keys, kind))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Unknown,
    Passphrase,
    Recipients,
}

type Identities = Vec<Box<dyn Identity + Send + Sync>>;

fn identities(keys: &Keys, kind: Kind) -> Result<Identities, AgeError> {
    if kind == Kind::Passphrase {
        let identity = |passphrase: &Secret| {
            let mut identity = scrypt::Identity::new(SecretString::from(passphrase.expose().to_owned()));
            identity.set_max_work_factor(MAX_WORK_FACTOR);
            Box::new(identity) as Box<dyn Identity + Send + Sync>
        };
        return Ok(keys.age_passphrases.iter().map(identity).collect());
    }
    let mut all: Identities = Vec::new();
    let mut first_problem = None;
    for text in &keys.age_identities {
        let lines = text.expose().lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let before = all.len();
        for line in lines {
            match line.parse::<x25519::Identity>() {
                Ok(identity) => all.push(Box::new(identity)),
                Err(problem) => drop(first_problem.get_or_insert(problem)),
            }
        }
        if all.len() == before {
            first_problem.get_or_insert("it holds no line that begins with `AGE-SECRET-KEY-1`");
        }
    }
    // One key that cannot be read does not keep the others from opening the file.
    match first_problem {
        Some(problem) if all.is_empty() => Err(AgeError::Identity(problem)),
        _ => Ok(all),
    }
}

fn judge(error: &age::DecryptError, keys: &Keys, kind: Kind) -> AgeError {
    use age::DecryptError as E;
    match error {
        E::NoMatchingKeys | E::KeyDecryptionFailed => AgeError::NoKey(
            match kind {
                Kind::Passphrase if keys.age_passphrases.is_empty() => {
                    "it is encrypted with a passphrase and none is configured"
                }
                Kind::Passphrase => "the configured passphrase does not open it",
                _ if keys.age_identities.is_empty() => "it is encrypted and no age identity is configured",
                _ => "none of the configured age identities opens it",
            }
            .to_owned(),
        ),
        // A passphrase that does not fit looks like this, too.
        E::DecryptionFailed if kind == Kind::Passphrase => {
            AgeError::NoKey("the configured passphrase does not open it".to_owned())
        }
        E::ExcessiveWork { required, .. } => {
            AgeError::NoKey(format!("its passphrase asks for 2^{required} rounds of work, which is not done"))
        }
        E::Io(error) => match error.kind() {
            io::ErrorKind::UnexpectedEof => AgeError::Damaged("it ends in its header".to_owned()),
            kind => AgeError::Io(io::Error::new(kind, error.to_string())),
        },
        E::InvalidHeader => AgeError::Damaged("its header is not valid".to_owned()),
        E::InvalidMac => AgeError::Damaged("its header was changed".to_owned()),
        E::UnknownFormat => AgeError::Damaged("it has an unknown version".to_owned()),
        // The crate may learn new ones.
        _ => AgeError::Damaged("it cannot be decrypted".to_owned()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn pair() -> (Secret, String) {
        use secrecy::ExposeSecret;
        let identity = x25519::Identity::generate();
        (Secret::new(identity.to_string().expose_secret()), identity.to_public().to_string())
    }

    fn encrypted(cipher: &Cipher, text: &[u8]) -> Vec<u8> {
        let mut writer = age_encrypt(cipher, Vec::new()).unwrap().unwrap();
        writer.write_all(text).unwrap();
        writer.finish().unwrap()
    }

    fn decrypted(keys: &Keys, bytes: &[u8]) -> Result<Vec<u8>, AgeError> {
        let mut out = Vec::new();
        age_decrypt(keys, bytes)?.read_to_end(&mut out)?;
        Ok(out)
    }

    #[test]
    fn any_of_several_recipients_can_read() {
        let ((mine, my_key), (_, other_key)) = (pair(), pair());
        let bytes = encrypted(&Cipher::AgeRecipients(vec![other_key, my_key]), b"hello");
        let text = Secret::new(format!("# created: today\n\n{}\n", mine.expose()));
        assert_eq!(decrypted(&Keys { age_identities: vec![text], ..Keys::default() }, &bytes).unwrap(), b"hello");
    }

    #[test]
    fn a_missing_key_is_not_damage_and_damage_is_not_a_missing_key() {
        let ((mine, my_key), (other, _)) = (pair(), pair());
        let bytes = encrypted(&Cipher::AgeRecipients(vec![my_key]), &[7; 200_000]);
        let with = |identities| Keys { age_identities: identities, ..Keys::default() };
        assert!(matches!(decrypted(&with(vec![]), &bytes), Err(AgeError::NoKey(_))));
        assert!(matches!(decrypted(&with(vec![other]), &bytes), Err(AgeError::NoKey(_))));
        assert!(matches!(decrypted(&with(vec![Secret::new("x")]), &bytes), Err(AgeError::Identity(_))));
        let keys = with(vec![mine]);
        for cut in [0, 10, 150, 300, 100_000, bytes.len() - 1] {
            assert!(decrypted(&keys, &bytes[..cut]).is_err(), "cut at {cut}");
        }
        let mut changed = bytes;
        *changed.last_mut().unwrap() ^= 1;
        assert!(decrypted(&keys, &changed).is_err());
    }

    #[test]
    fn what_is_no_public_key_is_named() {
        let error = age_encrypt(&Cipher::AgeRecipients(vec!["age1nope".to_owned()]), Vec::new());
        assert!(error.err().unwrap().to_string().starts_with("`age1nope` is not an age public key"));
    }
}
