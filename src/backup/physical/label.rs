//! What PostgreSQL's own small files say of a base backup: `backup_label`, `backup_manifest`, `global/pg_control`.

use crate::base::{Lsn, Timeline};
use serde::Deserialize;

/// Where a base backup begins, from its `backup_label`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Begin {
    pub(super) lsn: Lsn,
    pub(super) timeline: Timeline,
}

/// Reads a `backup_label`. The line of the timeline is there since PostgreSQL 11.
pub(super) fn begin(label: &[u8]) -> Option<Begin> {
    let label = String::from_utf8_lossy(label);
    let value = |name: &str| label.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let lsn = value("START WAL LOCATION")?.split_whitespace().next()?.parse().ok()?;
    let timeline = value("START TIMELINE")?.trim().parse().ok()?;
    Some(Begin { lsn, timeline: Timeline(timeline) })
}

/// Where a base backup ends, from the last bytes of its `backup_manifest`.
pub(super) fn end(manifest_tail: &[u8]) -> Option<Lsn> {
    #[derive(Deserialize)]
    struct Range {
        #[serde(rename = "End-LSN")]
        end: Lsn,
    }
    let text = String::from_utf8_lossy(manifest_tail);
    let (_, ranges) = text.rsplit_once("\"WAL-Ranges\":")?;
    let mut values = serde_json::Deserializer::from_str(ranges).into_iter::<Vec<Range>>();
    values.next()?.ok()?.iter().map(|range| range.end).max()
}

/// The system identifier, with which every `global/pg_control` begins, in the byte order of the machine.
pub(super) fn system_identifier(control: &[u8]) -> Option<String> {
    let bytes: [u8; 8] = control.get(..8)?.try_into().ok()?;
    Some(u64::from_le_bytes(bytes).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_says_where_replay_begins() {
        let label = b"START WAL LOCATION: 0/4000028 (file 000000030000000000000004)\nCHECKPOINT LOCATION: 0/4000060\n\
            BACKUP METHOD: streamed\nBACKUP FROM: primary\nSTART TIME: 2026-11-27 12:00:00 UTC\nLABEL: x\nSTART TIMELINE: 3\n";
        assert_eq!(begin(label), Some(Begin { lsn: Lsn(0x400_0028), timeline: Timeline(3) }));
        assert_eq!(begin(b"START WAL LOCATION: nowhere\nSTART TIMELINE: 1\n"), None);
        assert_eq!(begin(b""), None);
    }

    #[test]
    fn a_manifest_says_where_it_ends() {
        let tail = b"base/1\", \"Size\": 3 }\n],\n\"WAL-Ranges\": [\n{ \"Timeline\": 1, \"Start-LSN\": \"0/4000028\", \
            \"End-LSN\": \"0/4000100\" }\n],\n\"Manifest-Checksum\": \"ab\"}\n";
        assert_eq!(end(tail), Some(Lsn(0x400_0100)));
        assert_eq!(end(b"\"WAL-Ranges\": ["), None);
    }
}
