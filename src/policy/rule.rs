//! What a rule is: a function from a policy to advice.

use super::desired::Desired;
use super::document::Document;
use crate::diag::{Code, Diagnostic, Sources};
use jiff::Timestamp;

/// What a rule may look at.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The policy as written.
    pub document: &'a Document,
    /// What it means, every default filled in.
    pub desired: &'a Desired,
    /// The texts that places point into.
    pub sources: &'a Sources,
    /// For questions such as "when is it due next".
    pub now: Timestamp,
}

/// One rule: which codes it can raise, and how. Rules never fail and do not depend on each other.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// The code that it raises.
    pub code: &'static Code,
    /// Everything it has to say about a policy.
    pub judge: fn(&Subject<'_>) -> Vec<Diagnostic>,
}
