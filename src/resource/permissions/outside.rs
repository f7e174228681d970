//! What reading and writing each kind of resource needs.

use super::{Statement, Whereabouts};
use crate::resource::{Principal, Resource};

/// What it takes to read a resource. `bucket` is the bucket whose setting it is; empty for resources of IAM and KMS.
pub fn reads(resource: &Resource, bucket: &str, at: &Whereabouts<'_>) -> Vec<Statement> {
    let of_bucket = |action: &'static str| vec![Statement::new("Look", [action], [at.bucket(bucket)])];
    let of_iam =
        |actions: &[&'static str], arn: String| vec![Statement::new("LookIam", actions.iter().copied(), [arn])];
    match resource {
        // HeadBucket has no permission of its own.
        Resource::Bucket(b) => vec![Statement::new("Look", ["s3:ListBucket"], [at.bucket(&b.name)])],
        Resource::PublicAccess(_) => of_bucket("s3:GetBucketPublicAccessBlock"),
        Resource::Ownership(_) => of_bucket("s3:GetBucketOwnershipControls"),
        Resource::Versioning(_) => of_bucket("s3:GetBucketVersioning"),
        Resource::Encryption(_) => of_bucket("s3:GetEncryptionConfiguration"),
        Resource::ObjectLock(_) => of_bucket("s3:GetBucketObjectLockConfiguration"),
        Resource::Tags(_) => of_bucket("s3:GetBucketTagging"),
        Resource::BucketPolicy(_) => of_bucket("s3:GetBucketPolicy"),
        Resource::Lifecycle(_) => of_bucket("s3:GetLifecycleConfiguration"),
        Resource::Replication(_) => of_bucket("s3:GetReplicationConfiguration"),
        Resource::AccessLog(_) => of_bucket("s3:GetBucketLogging"),
        Resource::KmsKey(key) => {
            let arn = key.arn.clone().unwrap_or_else(|| at.kms("key/*"));
            vec![Statement::new("LookKms", ["kms:DescribeKey"], [arn])]
        }
        Resource::OidcProvider(provider) => {
            of_iam(&["iam:GetOpenIDConnectProvider"], at.iam("oidc-provider", "/", &provider.url))
        }
        Resource::User(user) => of_iam(&["iam:GetUser"], at.iam("user", &user.path, &user.name)),
        Resource::Role(role) => of_iam(&["iam:GetRole"], at.iam("role", &role.path, &role.name)),
        Resource::Grants(grants) => match &grants.principal {
            who @ Principal::User(_) => of_iam(&["iam:GetUserPolicy"], at.principal(who)),
            who @ Principal::Role(_) => of_iam(&["iam:GetRolePolicy"], at.principal(who)),
        },
        Resource::ManagedPolicy(policy) => {
            let lists = match &policy.principal {
                Principal::User(_) => "iam:ListAttachedUserPolicies",
                Principal::Role(_) => "iam:ListAttachedRolePolicies",
            };
            let mut all = of_iam(&["iam:GetPolicy", "iam:GetPolicyVersion"], policy.arn.clone());
            all.extend(of_iam(&[lists], at.principal(&policy.principal)));
            all
        }
        Resource::AccessKeys(keys) => of_iam(
            &["iam:ListAccessKeys", "iam:GetAccessKeyLastUsed"],
            at.principal(&Principal::User(keys.user.clone())),
        ),
        Resource::Alarm(_) => vec![Statement::new("Alarms", ["cloudwatch:DescribeAlarms"], [at.alarm("*")])],
    }
}

/// What it takes to take a managed policy from users and roles and to delete it.
pub fn removes(arn: &str, from: &[Principal], at: &Whereabouts<'_>) -> Vec<Statement> {
    let takes = ["iam:GetPolicy", "iam:ListPolicyVersions", "iam:DeletePolicyVersion", "iam:DeletePolicy"];
    let mut all = vec![Statement::new("RemoveIam", takes, [arn.to_owned()])];
    all.extend(from.iter().map(|principal| {
        let detaches = match principal {
            Principal::User(_) => "iam:DetachUserPolicy",
            Principal::Role(_) => "iam:DetachRolePolicy",
        };
        let detach = Statement::new("DetachIam", [detaches], [at.principal(principal)]);
        detach.when("ArnLike", "iam:PolicyARN", [arn.to_owned()])
    }));
    all
}

/// What it takes to write a resource, whether it is there or not.
pub fn writes(resource: &Resource, bucket: &str, at: &Whereabouts<'_>) -> Vec<Statement> {
    let of_bucket =
        |actions: &[&'static str]| vec![Statement::new("Provision", actions.iter().copied(), [at.bucket(bucket)])];
    let of_iam =
        |actions: &[&'static str], arn: String| vec![Statement::new("ProvisionIam", actions.iter().copied(), [arn])];
    match resource {
        Resource::Bucket(b) => {
            let mut actions = vec!["s3:CreateBucket"];
            if b.object_lock {
                actions.extend(["s3:PutBucketObjectLockConfiguration", "s3:PutBucketVersioning"]);
            }
            vec![Statement::new("Provision", actions, [at.bucket(&b.name)])]
        }
        Resource::PublicAccess(_) => of_bucket(&["s3:PutBucketPublicAccessBlock"]),
        Resource::Ownership(_) => of_bucket(&["s3:PutBucketOwnershipControls"]),
        Resource::Versioning(_) => of_bucket(&["s3:PutBucketVersioning"]),
        Resource::Encryption(_) => of_bucket(&["s3:PutEncryptionConfiguration"]),
        // Enabling it on a new bucket turns versioning on in the same call.
        Resource::ObjectLock(_) => of_bucket(&["s3:PutBucketObjectLockConfiguration", "s3:PutBucketVersioning"]),
        Resource::Tags(_) => of_bucket(&["s3:PutBucketTagging"]),
        Resource::BucketPolicy(policy) if policy.statements.is_empty() => of_bucket(&["s3:DeleteBucketPolicy"]),
        Resource::BucketPolicy(_) => of_bucket(&["s3:PutBucketPolicy"]),
        Resource::Lifecycle(_) => of_bucket(&["s3:PutLifecycleConfiguration"]),
        Resource::Replication(replication) => {
            let mut all = of_bucket(&["s3:PutReplicationConfiguration"]);
            if !replication.rules.is_empty() {
                let pass = Statement::new("Pass", ["iam:PassRole"], [replication.role.clone()]);
                all.push(pass.when("StringEquals", "iam:PassedToService", ["s3.amazonaws.com".to_owned()]));
            }
            all
        }
        Resource::AccessLog(_) => of_bucket(&["s3:PutBucketLogging"]),
        Resource::KmsKey(key) => {
            // A key has no ARN before it is made, and an alias takes permission on both its ends.
            let mut all = vec![Statement::new("Alias", ["kms:CreateAlias"], [at.kms("key/*"), at.kms(&key.alias)])];
            if key.arn.is_none() {
                let looks = ["kms:ListKeys", "kms:ListAliases"];
                let makes = ["kms:CreateKey", "kms:TagResource", "kms:ListResourceTags"];
                all.push(Statement::new("CreateKey", makes.into_iter().chain(looks), ["*".to_owned()]));
            }
            all
        }
        Resource::OidcProvider(provider) => of_iam(
            &["iam:CreateOpenIDConnectProvider", "iam:AddClientIDToOpenIDConnectProvider"],
            at.iam("oidc-provider", "/", &provider.url),
        ),
        Resource::User(user) => {
            let mut actions = vec!["iam:CreateUser", "iam:TagUser"];
            actions.push(match user.boundary {
                Some(_) => "iam:PutUserPermissionsBoundary",
                None => "iam:DeleteUserPermissionsBoundary",
            });
            of_iam(&actions, at.iam("user", &user.path, &user.name))
        }
        Resource::Role(role) => {
            let mut actions = vec!["iam:CreateRole", "iam:UpdateRole", "iam:UpdateAssumeRolePolicy", "iam:TagRole"];
            actions.push(match role.boundary {
                Some(_) => "iam:PutRolePermissionsBoundary",
                None => "iam:DeleteRolePermissionsBoundary",
            });
            of_iam(&actions, at.iam("role", &role.path, &role.name))
        }
        Resource::Grants(grants) => match &grants.principal {
            who @ Principal::User(_) if grants.is_nothing() => of_iam(&["iam:DeleteUserPolicy"], at.principal(who)),
            who @ Principal::Role(_) if grants.is_nothing() => of_iam(&["iam:DeleteRolePolicy"], at.principal(who)),
            who @ Principal::User(_) => of_iam(&["iam:PutUserPolicy"], at.principal(who)),
            who @ Principal::Role(_) => of_iam(&["iam:PutRolePolicy"], at.principal(who)),
        },
        Resource::ManagedPolicy(policy) => {
            let versions = ["iam:ListPolicyVersions", "iam:CreatePolicyVersion", "iam:DeletePolicyVersion"];
            let mut all =
                of_iam(&[["iam:CreatePolicy", "iam:TagPolicy"].as_slice(), &versions].concat(), policy.arn.clone());
            let attaches = match &policy.principal {
                Principal::User(_) => "iam:AttachUserPolicy",
                Principal::Role(_) => "iam:AttachRolePolicy",
            };
            let attach = Statement::new("AttachIam", [attaches], [at.principal(&policy.principal)]);
            all.push(attach.when("ArnLike", "iam:PolicyARN", [policy.arn.clone()]));
            all
        }
        Resource::AccessKeys(keys) => of_iam(
            &["iam:CreateAccessKey", "iam:UpdateAccessKey", "iam:DeleteAccessKey"],
            at.principal(&Principal::User(keys.user.clone())),
        ),
        Resource::Alarm(alarm) => {
            let actions = ["cloudwatch:PutMetricAlarm", "cloudwatch:TagResource"];
            vec![Statement::new("ProvisionAlarms", actions, [at.alarm(&alarm.name)])]
        }
    }
}
