//! Policies of IAM that a policy made and no longer wants, account by account.

use crate::plan::{Live, identity_path, wanted};
use crate::policy::Desired;
use crate::provider::aws::{AwsError, AwsSession, left_policies};
use crate::resource::Resource;
use std::collections::BTreeSet;

/// Asks each account once in which an entry of `access` stands, by the first storage in it. Who may not list policies is
/// told so only where the policy wants some.
pub(super) async fn read_left_policies(desired: &Desired, sites: &[(&str, &AwsSession)], live: &mut Live) {
    let of_access: BTreeSet<&String> =
        desired.access.keys().filter_map(|name| Some(&live.access_caller(name)?.account)).collect();
    let arns = wanted(desired, live).into_iter().filter_map(|wanted| match wanted.resource {
        Resource::ManagedPolicy(policy) => Some(policy.arn),
        _ => None,
    });
    let arns: Vec<String> = arns.collect();
    let (mut asked, mut answers) = (BTreeSet::new(), Vec::new());
    for (storage, session) in sites {
        let Some(caller) = live.storage_caller(storage) else { continue };
        if !of_access.contains(&caller.account) || !asked.insert(caller.account.clone()) {
            continue;
        }
        match left_policies(session, &desired.name, &identity_path(&desired.name), &arns).await {
            Err(AwsError::Denied { .. }) if arns.is_empty() => {}
            found => answers.push(((*storage).to_owned(), found.map_err(|error| error.to_string()))),
        }
    }
    live.left_policies.extend(answers);
}
