//! A server that speaks like S3, in this process, over a folder: it checks signatures and checksums and moves data
//! fast. It knows no bucket settings, no classes, no versions, and cannot list unfinished uploads.

use super::Login;
use backstay::base::Secret;
use backstay::resource::BucketPlace;
use backstay::storage::{AwsConnection, AwsSettings, Budget, S3Place, S3Store};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use std::net::TcpListener;
use std::path::PathBuf;

/// A running server; its thread ends with the process.
pub struct S3Server {
    /// Where it listens.
    pub port: u16,
    folder: tempfile::TempDir,
}

impl S3Server {
    /// Starts one with an empty folder; buckets are folders in it.
    pub fn start() -> S3Server {
        let folder = tempfile::Builder::new().prefix("backstay-s3-").tempdir().unwrap();
        let mut builder = S3ServiceBuilder::new(s3s_fs::FileSystem::new(folder.path()).unwrap());
        let login = Login::root();
        builder.set_auth(SimpleAuth::from_single(login.id, login.secret));
        let service = builder.build();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let serve = async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            loop {
                let Ok((socket, _)) = listener.accept().await else { continue };
                let service = service.clone();
                tokio::spawn(async move {
                    let connection = Builder::new(TokioExecutor::new());
                    let _ = connection.serve_connection(TokioIo::new(socket), service).await;
                });
            }
        };
        std::thread::spawn(move || {
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(serve)
        });
        S3Server { port, folder }
    }

    /// Makes a bucket.
    pub fn bucket(&self, name: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(&path).unwrap();
        path
    }
}

/// Size of the first parts in tests: the smallest that S3 takes.
pub const PART: u64 = 5 << 20;

/// A store in a bucket of a server of one's own at a port.
pub fn s3_store(port: u16, bucket: &str, prefix: &str) -> S3Store {
    let login = Login::root();
    let endpoint = format!("http://127.0.0.1:{port}");
    let connection = AwsConnection::new(AwsSettings {
        region: Some("us-east-1".to_owned()),
        endpoint: Some(endpoint.clone()),
        path_style: true,
        login: backstay::storage::Login::Key { id: login.id, secret: Secret::new(login.secret) },
    });
    let place = BucketPlace {
        bucket: bucket.to_owned(),
        region: "us-east-1".to_owned(),
        prefix: prefix.to_owned(),
        endpoint: Some(endpoint),
    };
    S3Store::new(connection, S3Place { place, is_ours: false }).with_parts(Budget::of(16 << 20), PART)
}
