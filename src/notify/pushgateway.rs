//! The numbers of a policy for a Pushgateway of Prometheus, which keeps them until the next run replaces them.

use super::NotifyError;
use super::channel::{Means, REQUEST};
use crate::base::{Secret, Template};
use crate::http::{Method, Request, persistently};

/// The text format of Prometheus.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Replaces what the gateway has of this policy, as the group `job="backstay"`, `policy="<name>"`. May be repeated. A login
/// may stand in the URL; it is shown to nobody.
pub async fn push(gateway: &Template, policy: &str, text: &str, means: Means<'_>) -> Result<(), NotifyError> {
    let gateway = means.value(gateway)?;
    // The name of a policy has no letter that means anything in a URL.
    let url = format!("{}/metrics/job/backstay/policy/{policy}", gateway.expose().trim_end_matches('/'));
    let request = Request::new(Method::Put, Secret::new(url)).hiding(gateway).with_body(TEXT, text.to_owned());
    persistently(means.client, &request, REQUEST).await?;
    Ok(())
}
