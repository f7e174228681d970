//! A connection to AWS with the clients of the services beside S3.

use crate::resource::Caller;
use crate::storage::AwsConnection;
use aws_config::Region;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// A connection and what is made on it, once. Clones share everything.
#[derive(Debug, Clone)]
pub struct AwsSession(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    connection: AwsConnection,
    /// Buckets reached through it belong to our account, or are not the ones that are meant.
    is_ours: bool,
    iam: OnceCell<aws_sdk_iam::Client>,
    kms: OnceCell<aws_sdk_kms::Client>,
    cloudwatch: OnceCell<aws_sdk_cloudwatch::Client>,
}

impl AwsSession {
    /// A session on a connection for a bucket that must be in our account; nothing is asked yet.
    pub fn ours(connection: AwsConnection) -> AwsSession {
        AwsSession::on(connection, true)
    }

    /// The same for a bucket that is only used and may be anybody's.
    pub fn anybodys(connection: AwsConnection) -> AwsSession {
        AwsSession::on(connection, false)
    }

    fn on(connection: AwsConnection, is_ours: bool) -> AwsSession {
        let (iam, kms, cloudwatch) = (OnceCell::new(), OnceCell::new(), OnceCell::new());
        AwsSession(Arc::new(Inner { connection, is_ours, iam, kms, cloudwatch }))
    }

    /// Who we are, where it can be asked.
    pub async fn caller(&self) -> Option<&Caller> {
        self.0.connection.identity().await
    }

    /// The account that buckets must belong to: ours, where it is known and the server is AWS.
    pub(super) async fn owner(&self) -> Option<String> {
        if !self.0.is_ours || self.0.connection.settings().endpoint.is_some() {
            return None;
        }
        self.caller().await.map(|caller| caller.account.clone())
    }

    /// The client of S3.
    pub(super) async fn s3(&self) -> &aws_sdk_s3::Client {
        self.0.connection.s3().await
    }

    /// The client of IAM, which is the same in every region.
    pub(super) async fn iam(&self) -> &aws_sdk_iam::Client {
        let make = || async {
            let config = self.0.connection.config().await;
            let mut builder = aws_sdk_iam::config::Builder::from(config);
            if config.region().is_none() {
                builder = builder.region(Region::from_static("us-east-1"));
            }
            aws_sdk_iam::Client::from_conf(builder.build())
        };
        self.0.iam.get_or_init(make).await
    }

    /// The client of KMS in the connection's region.
    pub(super) async fn kms(&self) -> &aws_sdk_kms::Client {
        let make = || async { aws_sdk_kms::Client::new(self.0.connection.config().await) };
        self.0.kms.get_or_init(make).await
    }

    /// The client of CloudWatch in the connection's region.
    pub(super) async fn cloudwatch(&self) -> &aws_sdk_cloudwatch::Client {
        let make = || async { aws_sdk_cloudwatch::Client::new(self.0.connection.config().await) };
        self.0.cloudwatch.get_or_init(make).await
    }
}
