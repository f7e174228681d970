//! Incremental physical backups in a bucket: the same as in a folder, also on a server that lists no etags.

use super::incremental::{back_up, encrypted, on, server, state, state_of, stored};
use crate::support::{Database, Login, Moto, Project, S3Server, Version, s3_store};
use backstay::repository::Repository;
use backstay::storage::{Condition, ObjectStore, S3Store};
use std::fs;
use std::sync::Arc;
use tokio::io::AsyncReadExt;

#[test]
fn a_chain_in_a_bucket_comes_back_and_keeps_what_it_refers_to() {
    let moto = Moto::shared();
    let bucket = Moto::unique("chain");
    moto.aws(&["s3api", "create-bucket", "--bucket", &bucket]);
    comes_back("shop", moto.port, &bucket);
}

#[test]
fn a_chain_on_a_server_that_lists_no_etags_does_so_too() {
    let server = S3Server::start();
    server.bucket("chain");
    let said = comes_back("shop_bare", server.port, "chain");
    assert_eq!(said.matches("lists objects without etags").count(), 1, "{said}");
}

pub fn block<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// The storage `far` of a policy becomes a bucket, which is made a repository.
pub fn far_in_bucket(project: &Project, port: u16, bucket: &str) {
    let login = Login::root();
    fs::write(project.path("id"), login.id).unwrap();
    fs::write(project.path("secret"), login.secret).unwrap();
    let folder = project.path("");
    let folder = folder.to_str().unwrap().trim_end_matches('/');
    let far = format!(
        "far: {{ type: s3, bucket: {bucket}, region: us-east-1, path_style: true, endpoint: \"http://127.0.0.1:{port}\", \
         credentials: {{ access_key_id: \"${{file:{folder}/id}}\", secret_access_key: \"${{file:{folder}/secret}}\" }} }}"
    );
    project.edit_policy(&format!("far: {{ type: filesystem, path: {folder}/far }}"), &far);
    let made = Repository::new("far", Arc::new(s3_store(port, bucket, "")));
    block(made.create_marker(1, jiff::Timestamp::UNIX_EPOCH)).unwrap();
}

/// Keys of backups in a bucket.
fn keys(store: &S3Store) -> Vec<String> {
    let listed = block(store.list("")).unwrap().into_iter().map(|meta| meta.key);
    listed.filter(|key| key.starts_with("data/") || key.starts_with("manifest/")).collect()
}

/// The whole life of a chain in a bucket, and what the last deletion said.
fn comes_back(name: &str, port: u16, bucket: &str) -> String {
    let store = || s3_store(port, bucket, "");
    let source = Database::create(server(Version::Distribution), name);
    source.psql(
        "CREATE TABLE t AS SELECT n, repeat(md5(n::text), 20) AS w FROM generate_series(1, 60000) n;
         CREATE TABLE gone AS SELECT n FROM generate_series(1, 30000) n; CHECKPOINT",
    );
    let project = encrypted(&source);
    far_in_bucket(&project, port, bucket);
    project.edit_policy("{ to: near, keep: 7d }, { to: far, keep: 30d }", "{ to: far, keep: { last: 1 } }");
    project.edit_policy("    tiers: [now]\n", "    tiers: [now]\n    safety: { max_prune: 100% }\n");
    let (full, _) = back_up(&project);
    let states = [state(|sql| source.psql(sql)), {
        source.psql("UPDATE t SET w = md5(w) WHERE n % 200 = 0");
        source.psql("DROP TABLE gone");
        source.psql("CREATE TABLE fresh AS SELECT n, md5(n::text) AS w FROM generate_series(1, 3000) n");
        state(|sql| source.psql(sql))
    }];
    let (second, said) = back_up(&project);
    assert_eq!(on(&second), Some(full.id.to_string()), "{said}");
    assert!(stored(&second) * 2 < stored(&full), "{} of {}", stored(&second), stored(&full));
    project.backstay(&["verify", "app", "--deep"]).run().expect(0);

    // Only the last one is to be kept, and the full one with it.
    let before = keys(&store());
    let plan = project.backstay(&["plan", "--detailed-exitcode"]).run().expect(0);
    assert!(!plan.stdout.contains("prune"), "{plan:#?}");
    project.backstay(&["prune", "--yes"]).run().expect(0);
    assert_eq!(keys(&store()), before);
    for (manifest, expected) in [(&full, &states[0]), (&second, &states[1])] {
        assert_eq!(state_of(&project, &source, &manifest.id.to_string(), &[]), *expected);
    }
    // Nothing is taken for whole whose pack is gone from the bucket.
    let pack = before
        .iter()
        .find(|key| key.contains(&full.id.to_string()) && key.contains("pack-000001") && !key.ends_with("256"))
        .unwrap();
    let bytes = block(async {
        let (mut bytes, store) = (Vec::new(), store());
        store.get(pack, None).await.unwrap().read_to_end(&mut bytes).await.unwrap();
        store.delete(std::slice::from_ref(pack)).await.unwrap()[0].1.clone().unwrap();
        bytes
    });
    let verified = project.backstay(&["verify", "app", "--json"]).run().expect(8).json();
    let damaged = verified["copies"].as_array().unwrap().iter().filter(|copy| copy["result"] == "damaged").count();
    assert_eq!(damaged, 2, "{verified:#}");
    block(store().put(pack, bytes.into(), Condition::IfAbsent)).unwrap();
    project.backstay(&["verify", "app"]).run().expect(0);

    project.edit_policy("full_every: 7d", "full_every: 1s");
    let (third, said) = back_up(&project);
    assert_eq!(on(&third), None, "{said}");
    let pruned = project.backstay(&["prune", "--yes"]).run().expect(0);
    let left = keys(&store());
    assert!(left.iter().all(|key| key.contains(&third.id.to_string())), "{left:?}");
    assert_eq!(state_of(&project, &source, &third.id.to_string(), &[]), states[1]);
    pruned.stderr
}
