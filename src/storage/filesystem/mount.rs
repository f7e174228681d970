//! Whether something is mounted at a folder. A disk that is not there leaves an empty folder behind, which looks like
//! a place where nothing was ever stored.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// True when a file system is mounted at exactly this folder, bind mounts included. What cannot be read is not mounted.
pub fn is_mount_point(folder: &Path) -> bool {
    let Ok(folder) = std::fs::canonicalize(folder) else { return false };
    match std::fs::read("/proc/self/mountinfo") {
        Ok(table) => table
            .split(|byte| *byte == b'\n')
            .any(|line| mount_point(line) == Some(folder.as_os_str().as_bytes().to_vec())),
        // Not Linux, or no /proc: another device than that of the folder above.
        Err(_) => {
            let device = |path: &Path| std::fs::metadata(path).map(|meta| meta.dev()).ok();
            folder.parent().is_none_or(|above| device(above) != device(&folder))
        }
    }
}

/// The fifth field of a line of mountinfo (proc(5)): the mount point, blanks and backslashes in octal.
fn mount_point(line: &[u8]) -> Option<Vec<u8>> {
    let field = line.split(|byte| *byte == b' ').nth(4)?;
    let mut path = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((byte, after)) = rest.split_first() {
        let octal = after.get(..3).filter(|digits| *byte == b'\\' && digits.iter().all(|d| (b'0'..b'8').contains(d)));
        match octal {
            Some(digits) => {
                path.push(digits.iter().fold(0_u8, |value, digit| value.wrapping_mul(8).wrapping_add(digit - b'0')));
                rest = &after[3..];
            }
            None => {
                path.push(*byte);
                rest = after;
            }
        }
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_are_told_from_folders() {
        assert!(is_mount_point(Path::new("/")));
        assert!(is_mount_point(Path::new("/proc")));
        assert!(!is_mount_point(Path::new("/usr/bin")));
        assert!(!is_mount_point(Path::new("/nowhere/at/all")));
    }

    #[test]
    fn blanks_in_the_table_are_read_back() {
        let line = br"36 35 98:0 / /mnt/my\040disk rw,noatime master:1 - ext4 /dev/sdb rw";
        assert_eq!(mount_point(line), Some(b"/mnt/my disk".to_vec()));
        assert_eq!(mount_point(b""), None);
    }
}
