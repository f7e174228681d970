//! Replication of a bucket to another storage of the policy, and the role that S3 copies by.

use super::Wanted;
use super::want::{grants_name, identity_path};
use crate::base::Sha256;
use crate::plan::Live;
use crate::policy::{Desired, ManageSpec};
use crate::resource::permissions::{Statement, Whereabouts, policy_document};
use crate::resource::{BucketPlace, Grants, Principal, Replication, ReplicationRule, Resource, Role, marks, rule_id};
use serde_json::json;

/// The role, what it may do, and the rules. Without `replicate_to`: no rule of ours, so that an old one goes.
pub(super) fn replication(
    desired: &Desired,
    live: &Live,
    name: &str,
    manage: &ManageSpec,
    place: &BucketPlace,
) -> Vec<Wanted> {
    let wanted = |resource: Resource, after: Vec<String>| Wanted {
        address: format!("storage/{name}/{}", resource.word()),
        storage: Some(name.to_owned()),
        access: None,
        resource,
        after,
        may_create: true,
    };
    let own = |word: &str| format!("storage/{name}/{word}");
    let Some(target) = &manage.replicate_to else {
        return vec![wanted(Resource::Replication(Replication::default()), vec![own("bucket")])];
    };
    // Without the account's number the role has no ARN.
    let Some(caller) = live.storage_caller(name) else { return Vec::new() };
    let Some(to) = live.read(target).and_then(|read| read.bucket.as_ref()) else { return Vec::new() };
    let at = Whereabouts { caller: Some(caller), region: &place.region };
    let (from, destination) = (at.bucket(&place.bucket), at.bucket(&to.bucket));
    let role_name = role_name(&desired.name, name);
    let path = identity_path(&desired.name);
    let role = Role {
        name: role_name.clone(),
        path: path.clone(),
        trust: json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Sid": "BackstayReplication",
                "Effect": "Allow",
                "Principal": { "Service": "s3.amazonaws.com" },
                "Action": "sts:AssumeRole",
            }],
        }),
        max_session_seconds: 3_600,
        boundary: None,
        tags: marks(&desired.name),
    };
    let below = |bucket: &str, prefix: &str| format!("{bucket}/{prefix}*");
    let grants = Grants {
        principal: Principal::Role(role_name.clone()),
        name: grants_name(&desired.name),
        document: policy_document(&[
            Statement::new("Source", ["s3:GetReplicationConfiguration", "s3:ListBucket"], [from.clone()]),
            Statement::new(
                "Versions",
                [
                    "s3:GetObjectVersionForReplication",
                    "s3:GetObjectVersionAcl",
                    "s3:GetObjectVersionTagging",
                    "s3:GetObjectRetention",
                    "s3:GetObjectLegalHold",
                ],
                [below(&from, &place.prefix)],
            ),
            // Deletions are not replicated, so that nobody can delete a backup twice at once.
            Statement::new("Copies", ["s3:ReplicateObject", "s3:ReplicateTags"], [below(&destination, &place.prefix)]),
        ]),
    };
    // Locks, indexes and the marker belong to each repository alone.
    let rule = |priority, folder: &str, part: &str| ReplicationRule {
        id: rule_id(&desired.name, "replica", &format!("{name}/{part}")),
        enabled: true,
        priority,
        prefix: format!("{}{folder}/", place.prefix),
        destination: destination.clone(),
        class: None,
        delete_markers: false,
        rest: None,
    };
    let rules = vec![rule(1, "data", "data"), rule(2, "manifest", "manifest")];
    let role_arn = at.iam("role", &path, &role_name);
    let needed = [own("bucket"), own("versioning"), own("role"), own("grants")].into_iter();
    let there = ["bucket", "versioning"].map(|word| format!("storage/{target}/{word}"));
    vec![
        wanted(Resource::Role(role), Vec::new()),
        wanted(Resource::Grants(grants), vec![own("role")]),
        wanted(Resource::Replication(Replication { role: role_arn, rules }), needed.chain(there).collect()),
    ]
}

/// IAM takes names of up to 64 characters: a long one is cut and told apart by a digest.
pub(super) fn role_name(policy: &str, storage: &str) -> String {
    let name = format!("backstay-{policy}-{storage}-replication");
    if name.len() <= 64 {
        return name;
    }
    let digest = Sha256::of(name.as_bytes()).to_string();
    format!("{}-{}", &name[..51], &digest[..12])
}
