//! Of packs only what is needed is read, from a folder and from a bucket: where it saves something, and never unchecked.

use super::incremental::{back_up, encrypted, server, stored};
use crate::support::{Database, Login, S3Server, Version, s3_store};
use backstay::repository::Repository;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The only large file of a backup below a folder.
fn pack(folder: &Path) -> PathBuf {
    let (mut found, mut folders) = (Vec::new(), vec![folder.join("data")]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            match entry.path() {
                path if path.is_dir() => folders.push(path),
                path if fs::metadata(&path).unwrap().len() > 32 << 20 => found.push(path),
                _ => {}
            }
        }
    }
    let [pack] = found.try_into().unwrap();
    pack
}

fn spoil(file: &Path, from: u64, bytes: u64) {
    let open = OpenOptions::new().write(true).open(file).unwrap();
    open.write_all_at(&vec![0; bytes as usize], from).unwrap();
}

#[test]
fn what_is_not_needed_is_not_read_and_what_is_read_is_compared() {
    let s3 = S3Server::start();
    let bucket = s3.bucket("packs");
    let server = server(Version::Distribution);
    let (source, other) = (Database::create(server, "shop"), Database::create(server, "other"));
    source.psql("CREATE TABLE small AS SELECT n, md5(n::text) AS w FROM generate_series(1, 5000) n");
    // What cannot be compressed, in another database.
    other.psql(
        "CREATE TABLE big AS SELECT n, (SELECT string_agg(sha512((n * 100 + i)::text::bytea), '') FROM generate_series(1, 15) i) AS w
         FROM generate_series(1, 70000) n; CHECKPOINT",
    );
    let project = encrypted(&source);
    project.edit_policy("    incremental: { full_every: 7d }\n", "");
    let login = Login::root();
    fs::write(project.path("id"), login.id).unwrap();
    fs::write(project.path("secret"), login.secret).unwrap();
    let folder = project.path("").to_str().unwrap().trim_end_matches('/').to_owned();
    let far = format!(
        "far: {{ type: s3, bucket: packs, region: us-east-1, path_style: true, endpoint: \"http://127.0.0.1:{}\", credentials: \
         {{ access_key_id: \"${{file:{folder}/id}}\", secret_access_key: \"${{file:{folder}/secret}}\" }} }}",
        s3.port
    );
    project.edit_policy(&format!("far: {{ type: filesystem, path: {folder}/far }}"), &far);
    let made = Repository::new("far", Arc::new(s3_store(s3.port, "packs", "")));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(made.create_marker(1, jiff::Timestamp::UNIX_EPOCH)).unwrap();
    let (backup, _) = back_up(&project);
    assert!(stored(&backup) > 60 << 20, "{}", stored(&backup));
    let small = source.psql("SELECT pg_relation_filepath('small')");
    let content = source.psql("SELECT md5(string_agg(t::text, ',' ORDER BY n)) FROM small t");

    for (storage, place) in [("near", project.path("near")), ("far", bucket)] {
        let restored = server.socket_dir().join(format!("restored-{storage}"));
        let id = backup.id.to_string();
        let words = ["restore", "app", "--from", &id, "--storage", storage, "--immediate"];
        let with = |more: &[&str]| project.backstay(&[&words, more].concat()).run();
        let into = ["--target-dir", restored.to_str().unwrap(), "--delta", "--yes"];
        with(&into).expect(0);
        let table = restored.join(small.trim());
        let whole = fs::read(&table).unwrap();
        // In the middle of what other tables have.
        let pack = pack(&place);
        let length = fs::metadata(&pack).unwrap().len();
        spoil(&pack, length / 2, 1000);
        spoil(&table, 100, 5000);
        with(&into).expect(0);
        assert!(fs::read(&table).unwrap() == whole, "{storage}");
        // Another database's tables are holes: nothing of them is read.
        let name = format!("from_{storage}");
        with(&["--table", "small", "--into", &source.name, "--as", &name]).expect(0);
        let digest = format!("SELECT md5(string_agg(t::text, ',' ORDER BY n)) FROM {name} t");
        assert_eq!(source.psql(&digest), content);
        // All of it read finds the damage; so does a part that is damaged itself, and no server starts on what came of it.
        let fresh = server.socket_dir().join(format!("fresh-{storage}"));
        let failed = with(&["--target-dir", fresh.to_str().unwrap()]);
        assert!(failed.code != Some(0) && failed.stderr.contains("is damaged"), "{failed:#?}");
        spoil(&table, 100, 5000);
        spoil(&pack, 4096, length - 4096);
        let failed = with(&into);
        assert!(failed.code != Some(0) && failed.stderr.contains("is damaged"), "{failed:#?}");
        assert!(!restored.join("global/pg_control").exists());
    }
}
