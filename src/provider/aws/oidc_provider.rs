//! Providers of OpenID Connect tokens.

use super::answer::{Answer, meaning, unless_absent};
use super::{AwsError, AwsSession};
use crate::resource::OidcProvider;

/// The provider of a URL, written without `https://`.
pub(super) async fn read(session: &AwsSession, url: &str) -> Result<Option<OidcProvider>, AwsError> {
    let arn = arn(session, url).await?;
    let found = session.iam().await.get_open_id_connect_provider().open_id_connect_provider_arn(arn).send().await;
    let found = unless_absent("iam:GetOpenIDConnectProvider", found, &["NoSuchEntity", "NoSuchEntityException"])?;
    Ok(found.map(|found| {
        let mut audiences = found.client_id_list.unwrap_or_default();
        audiences.sort();
        audiences.dedup();
        let url = found.url.as_deref().unwrap_or(url);
        OidcProvider { url: url.trim_start_matches("https://").to_owned(), audiences }
    }))
}

/// Makes the provider, or adds the audiences that it lacks. Those that are there stay.
pub(super) async fn write(session: &AwsSession, wanted: &OidcProvider) -> Result<(), AwsError> {
    let iam = session.iam().await;
    let found = read(session, &wanted.url).await?;
    let known = match found {
        Some(found) => found.audiences,
        None => {
            let call = iam.create_open_id_connect_provider().url(format!("https://{}", wanted.url));
            match call.set_client_id_list(Some(wanted.audiences.clone())).send().await {
                Ok(_) => return Ok(()),
                // Another run made it meanwhile, perhaps with other audiences.
                Err(error) if Answer::of(&error).code.starts_with("EntityAlreadyExists") => Vec::new(),
                Err(error) => return Err(meaning("iam:CreateOpenIDConnectProvider", &error)),
            }
        }
    };
    let arn = arn(session, &wanted.url).await?;
    for audience in wanted.audiences.iter().filter(|audience| !known.contains(audience)) {
        let call = iam.add_client_id_to_open_id_connect_provider().open_id_connect_provider_arn(&arn);
        let added = call.client_id(audience).send().await;
        added.map_err(|error| meaning("iam:AddClientIDToOpenIDConnectProvider", &error))?;
    }
    Ok(())
}

/// Its ARN follows from the account and the URL.
async fn arn(session: &AwsSession, url: &str) -> Result<String, AwsError> {
    let unknown = || AwsError::Failed {
        operation: "sts:GetCallerIdentity",
        code: String::new(),
        problem: "the account could not be asked for".to_owned(),
    };
    let caller = session.caller().await.ok_or_else(unknown)?;
    Ok(format!("arn:{}:iam::{}:oidc-provider/{url}", caller.partition(), caller.account))
}
