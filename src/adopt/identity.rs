//! What a dump that was read is, and of which database.

use super::examine::{Examined, Said};
use crate::catalog::Layer;

/// Which database a dump is of.
pub(super) struct Belongs {
    /// Its name in the catalog.
    pub(super) database: String,
    /// Its name on the server, where that is known.
    pub(super) source: Option<String>,
}

/// The letters that make an id unique, out of the bytes of the dump: the same dump gets the same id anywhere.
pub(super) fn suffix(examined: &Examined) -> u32 {
    let digits = examined.stored_sha256.to_string();
    u32::from_str_radix(digits.get(..8).unwrap_or_default(), 16).unwrap_or_default()
}

/// Why a dump is not one of the database it is to belong to.
pub(super) fn other_database(belongs: &Belongs, said: &Said) -> Option<String> {
    let (expected, found) = (belongs.source.as_ref()?, said.database.as_ref()?);
    (expected != found).then(|| {
        format!(
            "it is a dump of database `{found}`, and `{}` is `{expected}`; if that was its name, say \
             `--dumped-from {found}`",
            belongs.database
        )
    })
}

/// What its bytes are, for people.
pub(super) fn kind(examined: &Examined) -> String {
    let layers: Vec<&str> = examined
        .layers
        .iter()
        .map(|layer| match layer {
            Layer::Zstd { .. } => "zstd",
            Layer::Gzip { .. } => "gzip",
            Layer::Age { .. } => "age",
            Layer::Gpg => "gpg",
        })
        .collect();
    let format = examined.format.word();
    if layers.is_empty() { format.to_owned() } else { format!("{format} in {}", layers.join(" in ")) }
}

/// 150004 for `15.4`; 0 for what is not known.
pub(super) fn version_number(version: &str) -> u32 {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().ok());
    let (major, minor) = (parts.next().flatten(), parts.next().flatten());
    major.map_or(0, |major| major.saturating_mul(10_000).saturating_add(minor.unwrap_or(0)))
}
