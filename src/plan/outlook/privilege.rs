//! The least privilege of each duty for a policy: what `plan --iam-policy` prints.

use super::needs::placed;
use crate::plan::wanted::with_site;
use crate::plan::{Live, identity_path, wanted};
use crate::policy::{AccessKind, Desired};
use crate::resource::Principal;
use crate::resource::permissions::{
    Duty, Statement, Whereabouts, backup_statements, cloudwatch_statements, reads, removes, writes,
};
use std::collections::BTreeSet;

/// What a duty takes, with nothing but the ARNs that the policy is about. Of `live` it looks at where buckets are and
/// who asks there; an account that is not known stands as `*`.
pub fn least_privilege(desired: &Desired, live: &Live, duty: Duty) -> Vec<Statement> {
    let mut all = Vec::new();
    for storage in desired.storages.keys() {
        all.extend(with_site(desired, live, storage, |site| backup_statements(duty, site)).unwrap_or_default());
    }
    if let Some(cloudwatch) = &desired.alerts.cloudwatch {
        let at = Whereabouts { caller: live.callers.get("cloudwatch"), region: &cloudwatch.region };
        all.extend(cloudwatch_statements(duty, &desired.name, &cloudwatch.namespace, &at));
    }
    if !matches!(duty, Duty::Plan | Duty::Apply) {
        return all;
    }
    for wanted in wanted(desired, live) {
        let place = wanted.storage.as_deref().and_then(|storage| live.read(storage)?.bucket.as_ref());
        let of = match (&wanted.storage, &wanted.access) {
            (Some(storage), _) => format!("storage/{storage}"),
            (None, Some(access)) => format!("access/{access}"),
            (None, None) => continue,
        };
        let region = place.map_or("", |place| place.region.as_str());
        let at = Whereabouts { caller: live.callers.get(&of), region };
        let bucket = place.map_or("", |place| place.bucket.as_str());
        let mut statements = reads(&wanted.resource, bucket, &at);
        if duty == Duty::Apply {
            statements.extend(writes(&wanted.resource, bucket, &at));
        }
        let path = wanted.access.as_ref().and_then(|access| Some(desired.access.get(access)?.path.as_str()));
        all.extend(statements.into_iter().map(|statement| placed(statement, path)));
    }
    all.extend(preflight(live));
    all.extend(orphans(live));
    all.extend(left_policies(desired, live, duty));
    all
}

/// Looking for policies of IAM that the policy made and no longer wants, and removing them: what is said in one today may fit
/// inside of the user or role tomorrow.
fn left_policies(desired: &Desired, live: &Live, duty: Duty) -> Vec<Statement> {
    let of_access = desired.access.keys().filter_map(|access| live.access_caller(access));
    let places = of_access.map(|caller| Whereabouts { caller: Some(caller), region: "" });
    let path = identity_path(&desired.name);
    let arns: BTreeSet<String> = places.map(|at| at.iam("policy", &path, "*")).collect();
    if arns.is_empty() {
        return Vec::new();
    }
    // A list of policies is of the whole account.
    let lists = Statement::new("Policies", ["iam:ListPolicies"], ["*".to_owned()]);
    let looks = ["iam:GetPolicy", "iam:GetPolicyVersion", "iam:ListEntitiesForPolicy"];
    let mut all = vec![lists, Statement::new("Policies", looks, arns)];
    for (name, spec) in desired.access.iter().filter(|_| duty == Duty::Apply) {
        let at = Whereabouts { caller: live.access_caller(name), region: "" };
        let principal = match spec.kind {
            AccessKind::User { .. } => Principal::User(spec.name.clone()),
            AccessKind::Role { .. } => Principal::Role(spec.name.clone()),
        };
        let statements = removes(&at.iam("policy", &path, "*"), &[principal], &at).into_iter();
        all.extend(statements.map(|statement| placed(statement, Some(&spec.path))));
    }
    all
}

/// Looking for users and roles that the policy made and no longer asks for.
fn orphans(live: &Live) -> Vec<Statement> {
    let places = || live.callers.values().map(|caller| Whereabouts { caller: Some(caller), region: "" });
    let kinds = [("user", "iam:ListUsers"), ("role", "iam:ListRoles")].into_iter();
    let statements = kinds.map(|(kind, action)| {
        let arns: BTreeSet<String> = places().map(|at| at.iam(kind, "/", "*")).collect();
        Statement::new("Orphans", [action], arns)
    });
    statements.filter(|statement| !statement.resources.is_empty()).collect()
}

/// Asking IAM what one may do oneself. Who that will be is not known here, so it is anybody of the account.
fn preflight(live: &Live) -> Option<Statement> {
    let places = live.callers.values().map(|caller| Whereabouts { caller: Some(caller), region: "" });
    let arns: BTreeSet<String> = places.flat_map(|at| ["user", "role"].map(|kind| at.iam(kind, "/", "*"))).collect();
    (!arns.is_empty()).then(|| Statement::new("Preflight", ["iam:SimulatePrincipalPolicy"], arns))
}
