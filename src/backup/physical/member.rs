//! A member of an archive that the server sent, and what becomes of it.

use crate::catalog::{ClusterFile, FileKind, is_inside};
use std::io;
use tar::{EntryType, Header};

/// A member as it goes into a pack, and what the map says of it; `None` for what is not kept: links to tablespaces, which
/// a restore makes anew.
pub(super) fn member(header: Header, tablespace: Option<u32>) -> io::Result<Option<(Header, ClusterFile)>> {
    let said = header.path()?.to_str().map(str::to_owned);
    let name = said.ok_or_else(|| refused("the name of a file is not UTF-8", &header))?;
    let path = name.trim_end_matches('/').trim_start_matches("./");
    let kind = match header.entry_type() {
        EntryType::Regular => FileKind::File,
        EntryType::Directory => FileKind::Folder,
        EntryType::Symlink => return Ok(None),
        _ => return Err(refused("the archive holds what is neither file nor folder", &header)),
    };
    if path.is_empty() || path == "." {
        return Ok(None);
    }
    let whole = match tablespace {
        Some(oid) => format!("pg_tblspc/{oid}/{path}"),
        None => path.to_owned(),
    };
    if !is_inside(&whole) {
        return Err(refused("a file lies outside of the data directory", &header));
    }
    let file = ClusterFile {
        mode: header.mode()? & 0o7777,
        modified: i64::try_from(header.mtime()?).unwrap_or(i64::MAX),
        bytes: if kind == FileKind::File { header.size()? } else { 0 },
        blake3: None,
        crc32c: None,
        block: None,
        at: Vec::new(),
        kind,
        path: whole,
    };
    let mut header = header;
    if tablespace.is_some() {
        header.set_path(&file.path)?;
        header.set_cksum();
    }
    Ok(Some((header, file)))
}

fn refused(problem: &str, header: &Header) -> io::Error {
    let name = String::from_utf8_lossy(&header.path_bytes()).into_owned();
    io::Error::new(io::ErrorKind::InvalidData, format!("{problem}: `{}`", crate::base::visible(&name)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn what_leads_elsewhere_is_refused_and_links_are_left_out() {
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::Symlink);
        header.set_path("pg_tblspc/16400").unwrap();
        assert!(member(header.clone(), None).unwrap().is_none());
        header.set_entry_type(EntryType::Regular);
        header.as_mut_bytes()[..9].copy_from_slice(b"../etc/x\0");
        header.set_size(0);
        header.set_mode(0);
        header.set_mtime(0);
        assert!(member(header, None).unwrap_err().to_string().contains("outside"));
    }
}
