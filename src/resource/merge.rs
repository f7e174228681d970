//! What each kind of resource makes of what is wanted and what was found.

use super::change::Merged;
use super::{Found, Resource};

/// What is written, and how it compares. `None`: nothing to write, or what differs cannot be changed; see
/// [`hindrance`].
pub(super) fn merge(policy: &str, wanted: &Resource, found: Option<&Resource>) -> Option<Merged> {
    match (wanted, found) {
        (Resource::Bucket(bucket), None) => Some(bucket.made()),
        // Neither its name nor its region can be changed, and it is never replaced.
        (Resource::Bucket(_), Some(_)) => None,
        (Resource::Versioning(wanted), found) => {
            let found = found.and_then(|found| if let Resource::Versioning(v) = found { Some(v) } else { None });
            wanted.merge(found)
        }
        (Resource::Encryption(wanted), found) => {
            let found = found.and_then(|found| if let Resource::Encryption(e) = found { Some(e) } else { None });
            Some(wanted.merge(found))
        }
        (Resource::ObjectLock(wanted), found) => {
            let found = found.and_then(|found| if let Resource::ObjectLock(l) = found { Some(l) } else { None });
            Some(wanted.merge(found))
        }
        (Resource::Tags(wanted), found) => {
            let found = found.and_then(|found| if let Resource::Tags(t) = found { Some(t) } else { None });
            Some(wanted.merge(policy, found))
        }
        (Resource::BucketPolicy(wanted), found) => {
            let found = found.and_then(|found| if let Resource::BucketPolicy(p) = found { Some(p) } else { None });
            wanted.merge(policy, found)
        }
        (Resource::Lifecycle(wanted), found) => {
            let found = found.and_then(|found| if let Resource::Lifecycle(l) = found { Some(l) } else { None });
            wanted.merge(policy, found)
        }
        (Resource::Replication(wanted), found) => {
            let found = found.and_then(|found| if let Resource::Replication(r) = found { Some(r) } else { None });
            wanted.merge(policy, found)
        }
        (Resource::AccessLog(wanted), found) => {
            let found = found.and_then(|found| if let Resource::AccessLog(l) = found { Some(l) } else { None });
            wanted.merge(found)
        }
        (Resource::KmsKey(wanted), None) => Some(wanted.made()),
        // A key is never changed, only made.
        (Resource::KmsKey(_), Some(_)) => None,
        (Resource::OidcProvider(wanted), found) => {
            let found = found.and_then(|found| if let Resource::OidcProvider(p) = found { Some(p) } else { None });
            Some(wanted.merge(found))
        }
        (Resource::User(wanted), found) => {
            let found = found.and_then(|found| if let Resource::User(u) = found { Some(u) } else { None });
            Some(wanted.merge(policy, found))
        }
        (Resource::Role(wanted), found) => {
            let found = found.and_then(|found| if let Resource::Role(r) = found { Some(r) } else { None });
            Some(wanted.merge(policy, found))
        }
        (Resource::Grants(wanted), found) => {
            let found = found.and_then(|found| if let Resource::Grants(g) = found { Some(g) } else { None });
            // Where nothing is to be said nothing has to stand.
            (found.is_some() || !wanted.is_nothing()).then(|| wanted.merge(found))
        }
        (Resource::ManagedPolicy(wanted), found) => {
            let found = found.and_then(|found| if let Resource::ManagedPolicy(p) = found { Some(p) } else { None });
            Some(wanted.merge(policy, found))
        }
        (Resource::PublicAccess(_) | Resource::Ownership(_), found) => {
            Some(Merged::whole(found.cloned(), wanted.clone()))
        }
        (Resource::Alarm(wanted), found) => {
            let found = found.and_then(|found| if let Resource::Alarm(a) = found { Some(a) } else { None });
            Some(wanted.merge(found))
        }
        // Keys have ages, so planning decides about them.
        (Resource::AccessKeys(_), _) => None,
    }
}

/// Why what the policy named `policy` wants cannot be had, whatever is written: a bucket in another region, a key that
/// is going to be deleted, a document that belongs to someone else.
pub fn hindrance(policy: &str, wanted: &Resource, found: &Found) -> Option<String> {
    if let Resource::Grants(wanted) = wanted {
        return wanted.hindrance(if let Found::There(Resource::Grants(found)) = found { Some(found) } else { None });
    }
    let Found::There(found) = found else { return None };
    match (wanted, found) {
        (Resource::Bucket(wanted), Resource::Bucket(found)) => wanted.hindrance(found),
        (Resource::KmsKey(_), Resource::KmsKey(found)) => found.hindrance(),
        (Resource::Replication(wanted), Resource::Replication(found)) => wanted.hindrance(policy, found),
        (Resource::Lifecycle(wanted), Resource::Lifecycle(found)) => wanted.hindrance(policy, found),
        (Resource::BucketPolicy(wanted), Resource::BucketPolicy(found)) => wanted.hindrance(policy, found),
        (Resource::Tags(wanted), Resource::Tags(found)) => wanted.hindrance(policy, found),
        (Resource::ManagedPolicy(wanted), Resource::ManagedPolicy(found)) => wanted.hindrance(policy, Some(found)),
        _ => None,
    }
}
