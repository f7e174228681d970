//! What is done to bytes on their way into a store.

use crate::catalog::Layer;
use crate::codec::Cipher;
use crate::policy::Compression;

/// Compression, then encryption.
#[derive(Debug, Clone)]
pub struct Encoding {
    /// How it is compressed.
    pub compression: Compression,
    /// How it is encrypted.
    pub cipher: Cipher,
}

impl Encoding {
    /// The layers, as a manifest lists them.
    pub fn layers(&self) -> Vec<Layer> {
        let compression = match self.compression {
            Compression::Zstd(level) => Some(Layer::Zstd { level }),
            Compression::Gzip(level) => Some(Layer::Gzip { level }),
            Compression::None => None,
        };
        let encryption = match &self.cipher {
            Cipher::None => None,
            Cipher::AgeRecipients(recipients) => Some(Layer::Age { recipients: recipients.clone() }),
            Cipher::AgePassphrase(_) => Some(Layer::Age { recipients: Vec::new() }),
            Cipher::GpgPassphrase(_) => Some(Layer::Gpg),
        };
        compression.into_iter().chain(encryption).collect()
    }

    /// The stored name of a file called `name`: `dump` becomes `dump.zst.age`.
    pub fn stored_name(&self, name: &str) -> String {
        self.layers().iter().fold(name.to_owned(), |name, layer| name + layer.suffix())
    }
}
