//! The connection that everything of AWS shares. Nothing is read or asked before the first call.

use super::Authority;
use super::client::client;
use super::login::{AwsSettings, Login};
use super::patience::Patience;
use super::watched::watched;
use crate::resource::Caller;
use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{Credentials, RequestChecksumCalculation, ResponseChecksumValidation};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

/// Settings, and the clients made from them on first use. Clones share them.
#[derive(Clone)]
pub struct AwsConnection(Arc<Inner>);

struct Inner {
    settings: AwsSettings,
    authority: Option<Authority>,
    config: OnceCell<SdkConfig>,
    s3: OnceCell<aws_sdk_s3::Client>,
    identity: OnceCell<Option<Caller>>,
    patience: Patience,
}

/// Times that a call is tried. With the pauses below, a server that is down is given up after some ten seconds.
const ATTEMPTS: u32 = 7;
/// Longest pause before the second attempt; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Time to connect.
const CONNECT: Duration = Duration::from_secs(5);
/// Time for one attempt of a call to a service other than S3.
const ATTEMPT: Duration = Duration::from_secs(60);
/// Time to learn who we are, where that is only nice to know.
const IDENTITY: Duration = Duration::from_secs(5);

impl AwsConnection {
    /// A connection that has not been used yet.
    pub fn new(settings: AwsSettings) -> AwsConnection {
        AwsConnection::trusting(settings, None)
    }

    /// The same with a say on who vouches for servers; `None`: whom the system trusts.
    pub fn trusting(settings: AwsSettings, authority: Option<Authority>) -> AwsConnection {
        // Of AWS each region is a server.
        let server = settings.endpoint.as_ref().or(settings.region.as_ref());
        let patience = Patience::with(server.map_or("", String::as_str));
        AwsConnection(Arc::new(Inner {
            settings,
            authority,
            config: OnceCell::new(),
            s3: OnceCell::new(),
            identity: OnceCell::new(),
            patience,
        }))
    }

    /// How to reach AWS.
    pub fn settings(&self) -> &AwsSettings {
        &self.0.settings
    }

    /// From when this is cancelled, a server that says nothing is given up within seconds.
    pub fn stop_with(&self, stop: &CancellationToken) {
        self.0.patience.stop_with(stop);
    }

    /// The configuration that clients of every service are made from.
    pub async fn config(&self) -> &SdkConfig {
        self.0.config.get_or_init(|| load(&self.0.settings, self.0.authority.as_ref())).await
    }

    /// Who we are, as STS says; asked once. `None` where there is no STS to ask: with an `endpoint` for S3 only.
    pub async fn identity(&self) -> Option<&Caller> {
        self.0.identity.get_or_init(|| self.ask_identity()).await.as_ref()
    }

    async fn ask_identity(&self) -> Option<Caller> {
        let config = self.config().await;
        if self.0.settings.endpoint.is_some() && config.endpoint_url().is_none() {
            return None;
        }
        let asked = aws_sdk_sts::Client::new(config).get_caller_identity().send();
        let said = tokio::time::timeout(IDENTITY, asked).await.ok()?.ok()?;
        Some(Caller { account: said.account?, arn: said.arn? })
    }

    /// The client of S3.
    pub async fn s3(&self) -> &aws_sdk_s3::Client {
        let make = || async {
            let mut builder = aws_sdk_s3::config::Builder::from(self.config().await);
            if let Some(endpoint) = &self.0.settings.endpoint {
                // Servers of one's own seldom have regions, and take any.
                let region = self.config().await.region().cloned();
                builder = builder
                    .region(region.unwrap_or(Region::from_static("us-east-1")))
                    .endpoint_url(endpoint)
                    // What other servers do with checksums they did not ask for differs too much.
                    .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
                    .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
            }
            let client = self.0.authority.as_ref().map_or_else(|| client(None), Authority::client);
            // How long a call may take depends on whether it moves, which the client sees.
            let timeouts =
                TimeoutConfig::builder().connect_timeout(CONNECT).disable_operation_attempt_timeout().build();
            let builder = builder.http_client(watched(client, self.0.patience.clone())).timeout_config(timeouts);
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

async fn load(settings: &AwsSettings, authority: Option<&Authority>) -> SdkConfig {
    let retries = RetryConfig::adaptive()
        .with_max_attempts(ATTEMPTS)
        .with_initial_backoff(FIRST_PAUSE)
        .with_max_backoff(LONGEST_PAUSE);
    let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT).operation_attempt_timeout(ATTEMPT).build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).retry_config(retries).timeout_config(timeouts);
    if let Some(authority) = authority {
        loader = loader.http_client(authority.client());
    }
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
