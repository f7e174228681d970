//! Users and roles of IAM, what they may do, and the provider whose tokens roles trust.

use super::Resource;
use super::change::Merged;
use super::managed_policy::MOST_ATTACHED;
use super::ours::merged_tags;
use super::permissions::{LONGEST_MANAGED_POLICY, policy_length};
use super::statements::{join_documents, statements};
use super::validity::{LONGEST_ROLE_GRANTS, LONGEST_USER_GRANTS};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use serde_json::Value;
use std::collections::BTreeMap;

/// An IAM user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct User {
    /// Its name.
    pub name: String,
    /// Where it stands, beginning and ending with `/`. Cannot be changed without losing the user's ARN.
    pub path: String,
    /// ARN of the policy that bounds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boundary: Option<String>,
    /// Tags; foreign ones are kept.
    pub tags: BTreeMap<String, String>,
}

/// An IAM role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Where it stands, beginning and ending with `/`.
    pub path: String,
    /// Who may assume it: a policy document.
    pub trust: Value,
    /// Longest session, seconds.
    pub max_session_seconds: u32,
    /// ARN of the policy that bounds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boundary: Option<String>,
    /// Tags; foreign ones are kept.
    pub tags: BTreeMap<String, String>,
}

/// Who has something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Principal {
    /// A user, by name.
    User(String),
    /// A role, by name.
    Role(String),
}

impl std::fmt::Display for Principal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Principal::User(name) => write!(f, "user {name}"),
            Principal::Role(name) => write!(f, "role {name}"),
        }
    }
}

/// One inline policy of a user or role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Grants {
    /// Whose.
    pub principal: Principal,
    /// Name of the inline policy.
    pub name: String,
    /// The document.
    pub document: Value,
}

/// A provider of OpenID Connect tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OidcProvider {
    /// Without `https://`, such as `token.actions.githubusercontent.com`.
    pub url: String,
    /// Audiences, sorted; foreign ones are kept.
    pub audiences: Vec<String>,
}

impl User {
    /// Keeps tags, path and a boundary that the policy does not name.
    pub(super) fn merge(&self, policy: &str, found: Option<&User>) -> Merged {
        let mut after = self.clone();
        let Some(found) = found else { return Merged::whole(None, Resource::User(after)) };
        let kept;
        (after.tags, kept) = merged_tags(policy, &self.tags, &found.tags);
        after.path.clone_from(&found.path);
        let loosens = bound(&mut after.boundary, found.boundary.as_ref());
        let before = Resource::User(found.clone());
        Merged { kept, loosens, ..Merged::whole(Some(before), Resource::User(after)) }
    }
}

impl Role {
    /// Keeps tags, path, session length, a boundary that the policy does not name, and whom others trust.
    pub(super) fn merge(&self, policy: &str, found: Option<&Role>) -> Merged {
        let mut after = self.clone();
        let joined = join_documents(&self.trust, found.map(|found| &found.trust));
        after.trust = joined.after;
        let Some(found) = found else { return Merged::whole(None, Resource::Role(after)) };
        let kept;
        (after.tags, kept) = merged_tags(policy, &self.tags, &found.tags);
        after.path.clone_from(&found.path);
        after.max_session_seconds = found.max_session_seconds;
        let loosens = bound(&mut after.boundary, found.boundary.as_ref()) || joined.lets_in;
        let trust = joined.before.unwrap_or_default();
        let before = Resource::Role(Role { trust, ..found.clone() });
        let kept = joined.kept.into_iter().map(|statement| format!("trust: {statement}")).chain(kept).collect();
        Merged { kept, loosens, ..Merged::whole(Some(before), Resource::Role(after)) }
    }
}

/// Keeps a boundary that is there and not spoken of. True when another one replaces it: nobody knows which is wider.
fn bound(wanted: &mut Option<String>, found: Option<&String>) -> bool {
    if wanted.is_none() {
        *wanted = found.cloned();
    }
    found.is_some() && wanted.as_ref() != found
}

impl Grants {
    /// Keeps statements of others in the policy of this name.
    pub(super) fn merge(&self, found: Option<&Grants>) -> Merged {
        let joined = join_documents(&self.document, found.map(|found| &found.document));
        let with = |document| Resource::Grants(Grants { document, ..self.clone() });
        Merged {
            before: joined.before.map(with),
            after: with(joined.after),
            kept: joined.kept,
            loosens: joined.lets_in,
            irreversible: None,
        }
    }
}

impl Grants {
    /// True when it allows nothing: then it is not to be there.
    pub fn is_nothing(&self) -> bool {
        statements(&self.document).is_empty()
    }

    /// Whether IAM takes it inside of the user or role, with the statements of others that were found in it.
    pub fn fits(&self, found: Option<&Grants>) -> bool {
        self.hindrance(found).is_none()
    }

    /// Longer than IAM takes, with the statements of others in it.
    pub(super) fn hindrance(&self, found: Option<&Grants>) -> Option<String> {
        let limit = match &self.principal {
            Principal::User(_) => LONGEST_USER_GRANTS,
            Principal::Role(_) => LONGEST_ROLE_GRANTS,
        };
        let Resource::Grants(after) = self.merge(found).after else { return None };
        let length = policy_length(&after.document);
        (length > limit).then(|| {
            format!(
                "what the {} may do is {length} characters long, and IAM takes {limit}, or {MOST_ATTACHED} policies of \
                 {LONGEST_MANAGED_POLICY} beside; make one for each duty or storage",
                self.principal
            )
        })
    }
}

impl OidcProvider {
    /// Adds audiences; those of others stay.
    pub(super) fn merge(&self, found: Option<&OidcProvider>) -> Merged {
        let mut after = self.clone();
        let theirs = found.map(|found| found.audiences.as_slice()).unwrap_or_default();
        let kept = theirs.iter().filter(|audience| !self.audiences.contains(audience));
        let kept = kept.map(|audience| format!("audience {audience}")).collect();
        after.audiences.extend(theirs.iter().cloned());
        after.audiences.sort();
        after.audiences.dedup();
        let before = found.map(|found| {
            let mut audiences = found.audiences.clone();
            audiences.sort();
            audiences.dedup();
            Resource::OidcProvider(OidcProvider { url: self.url.clone(), audiences })
        });
        Merged { kept, ..Merged::whole(before, Resource::OidcProvider(after)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn grants(principal: Principal, n_resources: usize, sid: &str) -> Grants {
        let arns: Vec<String> = (0..n_resources).map(|n| format!("arn:aws:s3:::bucket-{n:04}/*")).collect();
        let statement = json!({ "Sid": sid, "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": arns });
        let document = json!({ "Version": "2012-10-17", "Statement": [statement] });
        Grants { principal, name: "backstay-shop".to_owned(), document }
    }

    #[test]
    fn grants_that_iam_would_refuse_are_told_before_they_are_written() {
        let (user, role) = (Principal::User("ci".to_owned()), Principal::Role("ci".to_owned()));
        assert_eq!(grants(user.clone(), 50, "BackstayFetch").hindrance(None), None);
        let told = grants(user.clone(), 70, "BackstayFetch").hindrance(None).unwrap_or_default();
        assert!(told.starts_with("what the user ci may do is ") && told.contains("IAM takes 2048"), "{told}");
        assert_eq!(grants(role, 70, "BackstayFetch").hindrance(None), None);
        // What others wrote into it counts too.
        let theirs = grants(user.clone(), 40, "Theirs");
        assert!(grants(user, 40, "BackstayFetch").hindrance(Some(&theirs)).is_some());
    }
}
