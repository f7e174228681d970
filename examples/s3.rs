//! For `scripts/bench`: a server that speaks like S3 over a folder, and the program's own store as a copying tool.
//!
//! `s3 serve FOLDER PORT COUNT [CERTIFICATE KEY]` serves (each folder in it is a bucket; over TLS where a certificate is
//! named) and keeps the number of requests in the file COUNT; `s3 put URL BUCKET KEY FILE` and `s3 get URL BUCKET KEY FILE` copy one file. The login is `bench` and `bench`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a measuring tool ends at the first thing that goes wrong")]

use async_trait::async_trait;
use backstay::base::Secret;
use backstay::resource::BucketPlace;
use backstay::storage::{AwsConnection, AwsSettings, Login, ObjectStore, Placement, S3Place, S3Store};
use bytes::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput, CompleteMultipartUploadOutput,
    CreateBucketInput, CreateBucketOutput, CreateMultipartUploadInput, CreateMultipartUploadOutput, DeleteObjectInput,
    DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, GetBucketLocationInput, GetBucketLocationOutput,
    GetObjectInput, GetObjectOutput, HeadBucketInput, HeadBucketOutput, HeadObjectInput, HeadObjectOutput,
    ListBucketsInput, ListBucketsOutput, ListObjectsV2Input, ListObjectsV2Output, Object, PutObjectInput,
    PutObjectOutput, UploadPartInput, UploadPartOutput,
};
use s3s::service::S3ServiceBuilder;
use s3s::{S3, S3Request, S3Response, S3Result};
use s3s_fs::FileSystem;
use std::collections::HashMap;
use std::io::{Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::AsyncReadExt;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["serve", folder, port, count] => serve(folder, port.parse().unwrap(), count, None).await,
        ["serve", folder, port, count, certificate, key] => {
            serve(folder, port.parse().unwrap(), count, Some(acceptor(certificate, key))).await;
        }
        ["put", url, bucket, key, file] => put(&store(url, bucket), key, file).await,
        ["get", url, bucket, key, file] => get(&store(url, bucket), key, file).await,
        _ => panic!("s3 serve FOLDER PORT COUNT [CERTIFICATE KEY] | put URL BUCKET KEY FILE | get URL BUCKET KEY FILE"),
    }
}

fn store(url: &str, bucket: &str) -> S3Store {
    let connection = AwsConnection::new(AwsSettings {
        region: Some("us-east-1".to_owned()),
        endpoint: Some(url.to_owned()),
        path_style: true,
        login: Login::Key { id: "bench".to_owned(), secret: Secret::new("bench") },
    });
    let place = BucketPlace {
        bucket: bucket.to_owned(),
        region: "us-east-1".to_owned(),
        prefix: String::new(),
        endpoint: Some(url.to_owned()),
    };
    S3Store::new(connection, S3Place { place, is_ours: false })
}

async fn put(store: &S3Store, key: &str, file: &str) {
    let mut file = std::fs::File::open(file).unwrap();
    let mut upload = store.upload(key, &Placement::default()).await.unwrap();
    loop {
        // As large as the pieces that a backup hands over.
        let mut piece = Vec::with_capacity(1 << 20);
        if Read::take(&mut file, 1 << 20).read_to_end(&mut piece).unwrap() == 0 {
            break;
        }
        upload.write(Bytes::from(piece)).await.unwrap();
    }
    upload.complete().await.unwrap();
}

async fn get(store: &S3Store, key: &str, file: &str) {
    let mut body = store.get(key, None).await.unwrap();
    let mut file = std::fs::File::create(file).unwrap();
    let mut piece = Vec::with_capacity(1 << 20);
    while body.read_buf(&mut piece).await.unwrap() > 0 {
        if piece.len() == piece.capacity() {
            file.write_all(&piece).unwrap();
            piece.clear();
        }
    }
    file.write_all(&piece).unwrap();
}

fn acceptor(certificate: &str, key: &str) -> TlsAcceptor {
    let certificates = CertificateDer::pem_file_iter(certificate).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(key).unwrap();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(certificates, key).unwrap();
    TlsAcceptor::from(Arc::new(config))
}

async fn serve(folder: &str, port: u16, count: &str, tls: Option<TlsAcceptor>) {
    let n_requests = Arc::new(AtomicU64::new(0));
    let inside = FileSystem::new(folder).unwrap();
    let folder = Folder { inside, listings: Mutex::default(), n_requests: n_requests.clone() };
    let mut builder = S3ServiceBuilder::new(folder);
    builder.set_auth(SimpleAuth::from_single("bench", "bench"));
    let service = builder.build();
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let count = count.to_owned();
    std::thread::spawn(move || {
        loop {
            std::fs::write(&count, n_requests.load(Ordering::Relaxed).to_string()).unwrap();
            std::thread::sleep(std::time::Duration::from_millis(200));
        }
    });
    loop {
        let Ok((socket, _)) = listener.accept().await else { continue };
        let (service, tls) = (service.clone(), tls.clone());
        tokio::spawn(async move {
            let builder = Builder::new(TokioExecutor::new());
            let _ = match tls {
                None => builder.serve_connection(TokioIo::new(socket), service).await,
                Some(tls) => match tls.accept(socket).await {
                    Ok(socket) => builder.serve_connection(TokioIo::new(socket), service).await,
                    Err(_) => return,
                },
            };
        });
    }
}

/// A folder as buckets, whose listings are remembered: the crate's server walks all files again for every page.
struct Folder {
    inside: FileSystem,
    /// Of whole buckets, until something is written.
    listings: Mutex<HashMap<String, Arc<Vec<Object>>>>,
    n_requests: Arc<AtomicU64>,
}

impl Folder {
    fn changed(&self) {
        self.listings.lock().unwrap().clear();
    }

    async fn listing(&self, request: S3Request<ListObjectsV2Input>) -> S3Result<Arc<Vec<Object>>> {
        let bucket = request.input.bucket.clone();
        if let Some(known) = self.listings.lock().unwrap().get(&bucket) {
            return Ok(known.clone());
        }
        let input = ListObjectsV2Input { bucket: bucket.clone(), max_keys: Some(i32::MAX), ..Default::default() };
        let whole = request.map_input(|_| input);
        let all = Arc::new(self.inside.list_objects_v2(whole).await?.output.contents.unwrap_or_default());
        self.listings.lock().unwrap().insert(bucket, all.clone());
        Ok(all)
    }
}

macro_rules! passed_on {
    ($($name:ident: $input:ty => $output:ty, $changes:literal;)*) => {
        #[async_trait]
        impl S3 for Folder {
            $(async fn $name(&self, request: S3Request<$input>) -> S3Result<S3Response<$output>> {
                self.n_requests.fetch_add(1, Ordering::Relaxed);
                let answer = self.inside.$name(request).await;
                if $changes {
                    self.changed();
                }
                answer
            })*

            async fn list_objects_v2(
                &self,
                request: S3Request<ListObjectsV2Input>,
            ) -> S3Result<S3Response<ListObjectsV2Output>> {
                self.n_requests.fetch_add(1, Ordering::Relaxed);
                if request.input.delimiter.is_some() {
                    return self.inside.list_objects_v2(request).await;
                }
                let input = request.input.clone();
                let all = self.listing(request).await?;
                let prefix = input.prefix.unwrap_or_default();
                let after = input.continuation_token.or(input.start_after).unwrap_or_default();
                let key = |object: &Object| object.key.clone().unwrap_or_default();
                let from = all.partition_point(|object| key(object) < prefix);
                let from = from.max(all.partition_point(|object| key(object) <= after));
                let wanted = usize::try_from(input.max_keys.unwrap_or(1000)).unwrap();
                let rest = all[from..].iter().take_while(|object| key(object).starts_with(&prefix));
                let mut page: Vec<Object> = rest.take(wanted + 1).cloned().collect();
                let is_truncated = page.len() > wanted;
                page.truncate(wanted);
                Ok(S3Response::new(ListObjectsV2Output {
                    name: Some(input.bucket),
                    key_count: i32::try_from(page.len()).ok(),
                    max_keys: i32::try_from(wanted).ok(),
                    is_truncated: Some(is_truncated),
                    next_continuation_token: page.last().filter(|_| is_truncated).map(key),
                    contents: Some(page),
                    prefix: Some(prefix),
                    ..Default::default()
                }))
            }
        }
    };
}

passed_on! {
    create_bucket: CreateBucketInput => CreateBucketOutput, true;
    head_bucket: HeadBucketInput => HeadBucketOutput, false;
    get_bucket_location: GetBucketLocationInput => GetBucketLocationOutput, false;
    list_buckets: ListBucketsInput => ListBucketsOutput, false;
    get_object: GetObjectInput => GetObjectOutput, false;
    head_object: HeadObjectInput => HeadObjectOutput, false;
    put_object: PutObjectInput => PutObjectOutput, true;
    delete_object: DeleteObjectInput => DeleteObjectOutput, true;
    delete_objects: DeleteObjectsInput => DeleteObjectsOutput, true;
    create_multipart_upload: CreateMultipartUploadInput => CreateMultipartUploadOutput, false;
    upload_part: UploadPartInput => UploadPartOutput, false;
    complete_multipart_upload: CompleteMultipartUploadInput => CompleteMultipartUploadOutput, true;
    abort_multipart_upload: AbortMultipartUploadInput => AbortMultipartUploadOutput, false;
}
