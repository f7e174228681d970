//! Policies of IAM that stand by themselves and are attached: for what a user or role may do and what is too long to be
//! a policy inside of it.

use super::change::Merged;
use super::ours::merged_tags;
use super::permissions::{LONGEST_MANAGED_POLICY, policy_length};
use super::statements::join_documents;
use super::{Principal, Resource};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Policies that IAM attaches to one user or role, unless the account was given more.
pub const MOST_ATTACHED: usize = 10;

/// A customer managed policy, as far as it is for one user or role. Of its versions only the default one counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ManagedPolicy {
    /// Its ARN, which says account, path and name.
    pub arn: String,
    /// Whom it is for.
    pub principal: Principal,
    /// Whether it is attached there.
    pub is_attached: bool,
    /// The document.
    pub document: Value,
    /// Tags; foreign ones are kept.
    pub tags: BTreeMap<String, String>,
}

/// A policy that a policy of ours made and that it no longer wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeftPolicy {
    /// Its ARN.
    pub arn: String,
    /// Users and roles that have it.
    pub attached: Vec<Principal>,
    /// Groups that have it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Statements of others in it, for people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub foreign: Vec<String>,
}

/// What stands in a document that is not ours, for people.
pub fn foreign_statements(document: &Value) -> Vec<String> {
    join_documents(&Value::Null, Some(document)).kept
}

impl ManagedPolicy {
    /// Its path and its name.
    pub fn place(&self) -> (&str, &str) {
        let from_path = self.arn.find(":policy/").map_or("/", |at| &self.arn[at + ":policy".len()..]);
        from_path.rsplit_once('/').map_or(("/", from_path), |(path, name)| (&from_path[..=path.len()], name))
    }

    /// Keeps statements and tags of others.
    pub(super) fn merge(&self, policy: &str, found: Option<&ManagedPolicy>) -> Merged {
        let Some(found) = found else { return Merged::whole(None, Resource::ManagedPolicy(self.clone())) };
        let joined = join_documents(&self.document, Some(&found.document));
        let (tags, kept) = merged_tags(policy, &self.tags, &found.tags);
        let before = ManagedPolicy { document: joined.before.unwrap_or_default(), ..found.clone() };
        let after = ManagedPolicy { document: joined.after, tags, ..self.clone() };
        Merged {
            kept: joined.kept.into_iter().chain(kept).collect(),
            loosens: joined.lets_in || !found.is_attached,
            ..Merged::whole(Some(Resource::ManagedPolicy(before)), Resource::ManagedPolicy(after))
        }
    }

    /// Longer than IAM takes, with the statements of others in it.
    pub(super) fn hindrance(&self, policy: &str, found: Option<&ManagedPolicy>) -> Option<String> {
        let Resource::ManagedPolicy(after) = self.merge(policy, found).after else { return None };
        let length = policy_length(&after.document);
        (length > LONGEST_MANAGED_POLICY).then(|| {
            format!(
                "{} would be {length} characters long with what others wrote into it, and IAM takes \
                 {LONGEST_MANAGED_POLICY}; take their statements out of it",
                self.arn
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::{Found, change, hindrance, marks};
    use serde_json::json;

    fn policy(sid: &str, n_resources: usize) -> ManagedPolicy {
        let arns: Vec<String> = (0..n_resources).map(|n| format!("arn:aws:s3:::bucket-{n:04}/*")).collect();
        let statement = json!({ "Sid": sid, "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": arns });
        ManagedPolicy {
            arn: "arn:aws:iam::123456789012:policy/backstay/shop/backstay-shop-ci-1".to_owned(),
            principal: Principal::User("ci".to_owned()),
            is_attached: true,
            document: json!({ "Version": "2012-10-17", "Statement": [statement] }),
            tags: marks("shop"),
        }
    }

    fn found(policy: ManagedPolicy) -> Found {
        Found::There(Resource::ManagedPolicy(policy))
    }

    #[test]
    fn an_arn_says_path_and_name() {
        assert_eq!(policy("BackstayA", 1).place(), ("/backstay/shop/", "backstay-shop-ci-1"));
        let bare = ManagedPolicy { arn: "arn:aws:iam::1:policy/x".to_owned(), ..policy("BackstayA", 1) };
        assert_eq!(bare.place(), ("/", "x"));
    }

    #[test]
    fn another_spelling_is_no_difference_and_what_others_wrote_stays() {
        let wanted = Resource::ManagedPolicy(policy("BackstayA", 2));
        let mut there = policy("BackstayA", 2);
        there.document["Statement"] = there.document["Statement"][0].clone();
        there.document["Statement"]["Action"] = json!("S3:getobject");
        there.tags.insert("team".to_owned(), "platform".to_owned());
        assert_eq!(change("shop", &wanted, &found(there.clone())), None);
        let theirs = policy("Theirs", 1).document["Statement"][0].clone();
        there.document["Statement"] = json!([theirs, there.document["Statement"]]);
        assert_eq!(change("shop", &wanted, &found(there.clone())), None);
        let more = Resource::ManagedPolicy(policy("BackstayA", 3));
        let changed = change("shop", &more, &found(there)).map(|change| (change.loosens, change.kept));
        assert_eq!(changed, Some((true, vec!["statement Theirs".to_owned(), "tag team=platform".to_owned()])));
    }

    #[test]
    fn one_that_is_not_attached_is_attached() {
        let wanted = Resource::ManagedPolicy(policy("BackstayA", 2));
        let loose = ManagedPolicy { is_attached: false, ..policy("BackstayA", 2) };
        let changed = change("shop", &wanted, &found(loose));
        let fields = changed.map(|change| change.fields.into_iter().map(|f| f.field).collect::<Vec<_>>());
        assert_eq!(fields, Some(vec!["is_attached".to_owned()]));
    }

    #[test]
    fn what_others_wrote_into_it_can_make_it_too_long() {
        let wanted = Resource::ManagedPolicy(policy("BackstayA", 100));
        assert_eq!(hindrance("shop", &wanted, &Found::Absent), None);
        let told = hindrance("shop", &wanted, &found(policy("Theirs", 120))).unwrap_or_default();
        assert!(told.contains("IAM takes 6144"), "{told}");
    }
}
