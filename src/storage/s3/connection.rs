//! The connection that everything of AWS shares. Nothing is read or asked before the first call.

use super::login::{AwsSettings, Login};
use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::{Credentials, RequestChecksumCalculation, ResponseChecksumValidation};
use std::sync::Arc;
use tokio::sync::OnceCell;

/// Settings, and the clients made from them on first use. Clones share them.
#[derive(Clone)]
pub struct AwsConnection(Arc<Inner>);

struct Inner {
    settings: AwsSettings,
    config: OnceCell<SdkConfig>,
    s3: OnceCell<aws_sdk_s3::Client>,
}

impl AwsConnection {
    /// A connection that has not been used yet.
    pub fn new(settings: AwsSettings) -> AwsConnection {
        AwsConnection(Arc::new(Inner { settings, config: OnceCell::new(), s3: OnceCell::new() }))
    }

    /// How to reach AWS.
    pub fn settings(&self) -> &AwsSettings {
        &self.0.settings
    }

    /// The configuration that clients of every service are made from.
    pub async fn config(&self) -> &SdkConfig {
        self.0.config.get_or_init(|| load(&self.0.settings)).await
    }

    /// The client of S3.
    pub async fn s3(&self) -> &aws_sdk_s3::Client {
        let make = || async {
            let mut builder = aws_sdk_s3::config::Builder::from(self.config().await);
            if let Some(endpoint) = &self.0.settings.endpoint {
                builder = builder
                    .endpoint_url(endpoint)
                    // What other servers do with checksums they did not ask for differs too much.
                    .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
                    .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
            }
            aws_sdk_s3::Client::from_conf(builder.force_path_style(self.0.settings.path_style).build())
        };
        self.0.s3.get_or_init(make).await
    }
}

impl std::fmt::Debug for AwsConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AwsConnection({:?})", self.0.settings)
    }
}

async fn load(settings: &AwsSettings) -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::latest());
    if let Some(region) = &settings.region {
        loader = loader.region(Region::new(region.clone()));
    }
    match &settings.login {
        Login::Chain => loader.load().await,
        Login::Profile(profile) => loader.profile_name(profile).load().await,
        Login::Key { id, secret } => {
            let key = Credentials::new(id, secret.expose(), None, None, "the policy");
            loader.credentials_provider(key).load().await
        }
        Login::Role(arn) => {
            let base = loader.load().await;
            let role = AssumeRoleProvider::builder(arn).session_name("backstay").configure(&base).build().await;
            base.into_builder().credentials_provider(aws_sdk_s3::config::SharedCredentialsProvider::new(role)).build()
        }
    }
}
