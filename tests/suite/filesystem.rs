//! What only a folder can get wrong: modes, symbolic links, full disks, what other processes leave.

use backstay::storage::Placement;
use backstay::storage::{Condition, FilesystemStore, ObjectStore, StorageError};
use bytes::Bytes;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[tokio::test(flavor = "multi_thread")]
async fn files_and_folders_have_the_mode_of_the_policy() {
    for (folder_mode, file_mode) in [(0o700, 0o600), (0o750, 0o640), (0o2770, 0o660)] {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("made/here");
        let store = FilesystemStore::new(&root, folder_mode);
        store.put("a/b/c", Bytes::from_static(b"x"), Condition::Always).await.unwrap();
        store.upload("a/b/d", &Placement::default()).await.unwrap().complete().await.unwrap();
        for path in ["", "a", "a/b"] {
            assert_eq!(mode(&root.join(path)), folder_mode, "{path}");
        }
        for path in ["a/b/c", "a/b/d"] {
            assert_eq!(mode(&root.join(path)), file_mode, "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_folders_go_and_the_store_stays() {
    let folder = tempfile::tempdir().unwrap();
    let store = FilesystemStore::new(folder.path(), 0o700);
    store.put("a/b/c", Bytes::new(), Condition::Always).await.unwrap();
    store.delete(&["a/b/c".to_owned()]).await.unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn symbolic_links_inside_are_refused() {
    let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(outside.path().join("secret"), "secret").unwrap();
    let store = FilesystemStore::new(folder.path(), 0o700);
    store.put("real/file", Bytes::new(), Condition::Always).await.unwrap();
    symlink(outside.path(), folder.path().join("link")).unwrap();
    symlink(outside.path().join("secret"), folder.path().join("real/link")).unwrap();
    for key in ["link/secret", "real/link"] {
        let refusals = [
            store.get(key, None).await.map(|_| ()).unwrap_err(),
            store.head(key).await.unwrap_err(),
            store.put(key, Bytes::new(), Condition::Always).await.unwrap_err(),
            store.upload(key, &Placement::default()).await.map(|_| ()).unwrap_err(),
            store.delete(&[key.to_owned()]).await.unwrap().remove(0).1.unwrap_err(),
        ];
        for refusal in refusals {
            assert!(refusal.to_string().contains("symbolic link"), "{refusal}");
        }
    }
    assert!(store.list("real/").await.is_err());
    assert_eq!(fs::read_to_string(outside.path().join("secret")).unwrap(), "secret");
    // The store itself may be reached by a link: that is the administrator's choice.
    let by_link = outside.path().join("store");
    symlink(folder.path().join("real"), &by_link).unwrap();
    fs::remove_file(folder.path().join("real/link")).unwrap();
    assert_eq!(FilesystemStore::new(by_link, 0o700).list("").await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_write_is_not_taken_for_dead() {
    let folder = tempfile::tempdir().unwrap();
    let store = FilesystemStore::new(folder.path(), 0o700);
    let mut upload = store.upload("a/x", &Placement::default()).await.unwrap();
    upload.write(Bytes::from_static(b"1")).await.unwrap();
    let other = FilesystemStore::new(folder.path(), 0o700);
    assert!(other.unfinished("").await.unwrap().is_empty());
    drop(upload);
    let dead = other.unfinished("").await.unwrap();
    assert_eq!(dead.len(), 1);
    other.abort_unfinished(&dead[0]).await.unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_named_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"]).arg(folder.path()).status();
    if !mounted.is_ok_and(|status| status.success()) {
        // Only the superuser can make a small disk.
        return;
    }
    let store = FilesystemStore::new(folder.path().join("store"), 0o700);
    let (free, total) = store.space().await.unwrap().unwrap();
    assert!(free <= total && total <= 256 << 10);
    let mut upload = store.upload("a/x", &Placement::default()).await.unwrap();
    let refusal = upload.write(Bytes::from(vec![1; 1 << 20])).await.unwrap_err();
    assert!(matches!(refusal, StorageError::Full { .. }), "{refusal}");
    drop(upload);
    let refusal = store.put("b", Bytes::from(vec![1; 1 << 20]), Condition::Always).await.unwrap_err();
    assert!(matches!(refusal, StorageError::Full { .. }), "{refusal}");
    let left = (store.list("").await.unwrap(), store.unfinished("").await.unwrap());
    Command::new("umount").arg(folder.path()).status().unwrap();
    assert_eq!(left, (vec![], vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_refuses_is_not_an_empty_place() {
    // A file where the folder should be, and a system folder that takes no files, refuse even the superuser.
    let store = FilesystemStore::new("/proc/backstay", 0o700);
    assert!(store.put("a", Bytes::new(), Condition::Always).await.is_err());
    let file = tempfile::NamedTempFile::new().unwrap();
    let store = FilesystemStore::new(file.path(), 0o700);
    assert!(store.put("a", Bytes::new(), Condition::Always).await.is_err());
}
