//! What a dump made by another tool is wrapped in, by its first bytes and, where those say nothing, by its name.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One layer around a dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrapping {
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
    /// xz.
    Xz,
    /// bzip2.
    Bzip2,
    /// age, binary or armored.
    Age,
    /// OpenPGP, binary or armored.
    Gpg,
}

/// What is inside all wrappings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DumpFormat {
    /// SQL text, for `psql`.
    Sql,
    /// `pg_dump`'s custom format, for `pg_restore`.
    #[default]
    Custom,
    /// `pg_dump`'s tar format, for `pg_restore`.
    Tar,
}

impl DumpFormat {
    /// True for what backstay's own dumps are.
    pub fn is_custom(&self) -> bool {
        *self == DumpFormat::Custom
    }

    /// As people say it.
    pub fn word(self) -> &'static str {
        match self {
            DumpFormat::Sql => "SQL text",
            DumpFormat::Custom => "custom format",
            DumpFormat::Tar => "tar format",
        }
    }
}

/// The outermost wrapping of a stream that begins with `head` (512 bytes, or all there is) and is called `name`, or
/// else what is inside. The name is without the endings of wrappings that were taken off already.
pub fn sniff(head: &[u8], name: &str) -> Result<Wrapping, DumpFormat> {
    const MAGIC: [(&[u8], Wrapping); 7] = [
        (b"\x1F\x8B", Wrapping::Gzip),
        (b"\x28\xB5\x2F\xFD", Wrapping::Zstd),
        (b"\xFD7zXZ\0", Wrapping::Xz),
        (b"BZh", Wrapping::Bzip2),
        (b"age-encryption.org/", Wrapping::Age),
        (b"-----BEGIN AGE ENCRYPTED FILE-----", Wrapping::Age),
        (b"-----BEGIN PGP MESSAGE-----", Wrapping::Gpg),
    ];
    if let Some((_, wrapping)) = MAGIC.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Ok(*wrapping);
    }
    if head.starts_with(b"PGDMP") {
        return Err(DumpFormat::Custom);
    }
    if head.get(257..262) == Some(b"ustar") {
        return Err(DumpFormat::Tar);
    }
    // An OpenPGP message has no magic; it begins with a session key packet, never with what SQL text may begin with.
    let is_packet = matches!(head.first(), Some(0x84 | 0x85 | 0x8C | 0xC1 | 0xC3));
    if is_packet || ends_with(name, &[".gpg", ".pgp", ".asc"]) { Ok(Wrapping::Gpg) } else { Err(DumpFormat::Sql) }
}

fn ends_with(name: &str, endings: &[&str]) -> bool {
    let name = name.to_ascii_lowercase();
    endings.iter().any(|ending| name.ends_with(ending))
}

impl Wrapping {
    /// The name without the ending of this wrapping.
    pub fn strip(self, name: &str) -> &str {
        let endings: &[&str] = match self {
            Wrapping::Gzip => &[".gz"],
            Wrapping::Zstd => &[".zst", ".zstd"],
            Wrapping::Xz => &[".xz"],
            Wrapping::Bzip2 => &[".bz2"],
            Wrapping::Age => &[".age"],
            Wrapping::Gpg => &[".gpg", ".pgp", ".asc"],
        };
        let found = endings.iter().find(|ending| ends_with(name, &[ending]));
        found.and_then(|ending| name.get(..name.len() - ending.len())).unwrap_or(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_decide_and_names_help() {
        assert_eq!(sniff(b"\x1F\x8B\x08", "x.sql"), Ok(Wrapping::Gzip));
        assert_eq!(sniff(b"PGDMP\x01", "x.sql.gz"), Err(DumpFormat::Custom));
        assert_eq!(sniff(b"--\n-- PostgreSQL", "x.dump"), Err(DumpFormat::Sql));
        assert_eq!(sniff(b"\x8C\x0D\x04", "x"), Ok(Wrapping::Gpg));
        assert_eq!(sniff(b"anything", "x.sql.GPG"), Ok(Wrapping::Gpg));
        assert_eq!(sniff(b"", ""), Err(DumpFormat::Sql));
        assert_eq!(Wrapping::Gpg.strip("a.sql.gpg"), "a.sql");
        assert_eq!(Wrapping::Gzip.strip("a.GZ"), "a");
        assert_eq!(Wrapping::Xz.strip("é"), "é");
    }
}
