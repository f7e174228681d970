//! `backup_manifest`, version 1, as PostgreSQL's own base backup writes it, for `pg_verifybackup`.

use super::super::label::Begin;
use crate::base::{Crc32c, Lsn, Sha256};
use crc_fast::{CrcAlgorithm, Digest};
use jiff::Timestamp;
use std::fmt::Write;

/// A manifest in the making.
pub(super) struct ServerManifest {
    text: String,
    is_first: bool,
}

/// Follows the content of one file.
pub(super) struct FileDigest(Digest);

impl FileDigest {
    /// Of nothing yet.
    pub(super) fn new() -> FileDigest {
        FileDigest(Digest::new(CrcAlgorithm::Crc32Iscsi))
    }

    /// Takes the next bytes.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The checksum of all of them.
    pub(super) fn finish(self) -> Crc32c {
        Crc32c(u32::try_from(self.0.finalize() & 0xFFFF_FFFF).unwrap_or_default())
    }
}

impl ServerManifest {
    pub(super) fn new() -> ServerManifest {
        ServerManifest { text: "{ \"PostgreSQL-Backup-Manifest-Version\": 1,\n\"Files\": [".to_owned(), is_first: true }
    }

    /// Adds a file. What is in `pg_wal` has no place in it.
    pub(super) fn add(&mut self, path: &str, bytes: u64, modified: i64, checksum: Crc32c) {
        if path.starts_with("pg_wal/") {
            return;
        }
        let separator = if std::mem::take(&mut self.is_first) { "\n" } else { ",\n" };
        let path = serde_json::to_string(path).unwrap_or_default();
        let modified =
            Timestamp::from_second(modified).unwrap_or_default().strftime("%Y-%m-%d %H:%M:%S GMT").to_string();
        // A String takes everything.
        let _ = write!(
            self.text,
            "{separator}{{ \"Path\": {path}, \"Size\": {bytes}, \"Last-Modified\": \"{modified}\", \
             \"Checksum-Algorithm\": \"CRC32C\", \"Checksum\": \"{checksum}\" }}"
        );
    }

    /// The whole file, for a backup that needs this WAL.
    pub(super) fn finish(self, begin: Begin, end: Lsn) -> Vec<u8> {
        let mut text = self.text;
        let _ = write!(
            text,
            "\n],\n\"WAL-Ranges\": [\n{{ \"Timeline\": {}, \"Start-LSN\": \"{}\", \"End-LSN\": \"{}\" }}\n],\n",
            begin.timeline.0, begin.lsn, end
        );
        let digest = Sha256::of(text.as_bytes());
        let _ = writeln!(text, "\"Manifest-Checksum\": \"{digest}\"}}");
        text.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Timeline;

    #[test]
    fn it_reads_like_one_of_the_server() {
        let mut manifest = ServerManifest::new();
        let mut digest = FileDigest::new();
        digest.update(b"123456789");
        manifest.add("base/1/a \"b\"", 9, 0, digest.finish());
        manifest.add("pg_wal/000000010000000000000002", 1, 0, Crc32c(0));
        let begin = Begin { lsn: Lsn(0x200_0028), timeline: Timeline(3) };
        let text = String::from_utf8(manifest.finish(begin, Lsn(0x200_0100))).unwrap_or_default();
        let (before, _) = text.split_once("\"Manifest-Checksum\"").unwrap_or_default();
        // The check value of CRC-32C is E3069283.
        let wanted = "{ \"PostgreSQL-Backup-Manifest-Version\": 1,\n\"Files\": [\n\
            { \"Path\": \"base/1/a \\\"b\\\"\", \"Size\": 9, \"Last-Modified\": \"1970-01-01 00:00:00 GMT\", \
            \"Checksum-Algorithm\": \"CRC32C\", \"Checksum\": \"839206e3\" }\n],\n\"WAL-Ranges\": [\n\
            { \"Timeline\": 3, \"Start-LSN\": \"0/2000028\", \"End-LSN\": \"0/2000100\" }\n],\n";
        assert_eq!(before, wanted);
        assert!(text.contains(&Sha256::of(before.as_bytes()).to_string()));
        assert_eq!(super::super::super::label::end(text.as_bytes()), Some(Lsn(0x200_0100)));
        assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
    }
}
