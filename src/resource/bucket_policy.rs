//! The policy of a bucket.

use super::Resource;
use super::change::Merged;
use super::ours::is_statement_of;
use super::statements::join;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use serde_json::Value;

/// The policy of a bucket; no statements: there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BucketPolicy {
    /// `2012-10-17`, or `2008-10-17` where AWS finds none.
    pub version: String,
    /// The document's id, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The statements, as JSON; ours have a `Sid` that begins with `Backstay`.
    pub statements: Vec<Value>,
}

/// S3 takes no longer document.
const LONGEST: usize = 20 * 1_024;

impl BucketPolicy {
    /// Keeps the statements of others, and the version that they are written for.
    pub(super) fn merge(&self, policy: &str, found: Option<&BucketPolicy>) -> Option<Merged> {
        let nothing = BucketPolicy { version: self.version.clone(), id: None, statements: Vec::new() };
        let found_or_empty = found.unwrap_or(&nothing);
        if self.statements.is_empty() && found_or_empty.statements.is_empty() {
            return None;
        }
        let joined = join(&self.statements, &found_or_empty.statements, |sid| is_statement_of(policy, sid));
        let with = |statements| Resource::BucketPolicy(BucketPolicy { statements, ..found_or_empty.clone() });
        Some(Merged {
            before: found.map(|_| with(joined.before)),
            after: with(joined.after),
            kept: joined.kept,
            loosens: joined.lets_in,
            irreversible: None,
        })
    }

    /// A document that is too long with the statements of others.
    pub(super) fn hindrance(&self, policy: &str, found: &BucketPolicy) -> Option<String> {
        let joined = join(&self.statements, &found.statements, |sid| is_statement_of(policy, sid));
        let length = Value::from(joined.after).to_string().len() + 64;
        (!self.statements.is_empty() && length > LONGEST).then(|| {
            format!("its policy would have {length} bytes with the statements of others, and S3 takes {LONGEST}")
        })
    }
}
