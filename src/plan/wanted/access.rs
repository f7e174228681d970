//! What a policy wants in IAM.

use super::Wanted;
use crate::plan::Live;
use crate::policy::Desired;

/// Users, roles, their grants and keys.
pub(super) fn access(_: &Desired, _: &Live) -> Vec<Wanted> {
    Vec::new()
}
