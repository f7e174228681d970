//! A value that cannot be shown: passwords, keys, tokens, and URLs that may carry one.

use secrecy::{ExposeSecret, SecretString};
use std::fmt;

/// A secret text. It has no `Display`, no `Serialize` and no `PartialEq`, and is wiped from memory when dropped.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Wraps a text that must not be shown.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(SecretString::from(text.into()))
    }

    /// The text itself, to hand to a server, a key derivation or a child's environment; never to a person.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_the_text() {
        assert_eq!(format!("{:?}", Secret::new("canary")), "Secret(hidden)");
    }
}
