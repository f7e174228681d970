//! Users and roles: what they mean.

use crate::policy::desired::{AccessKeySpec, AccessKind, AccessSpec, TrustSpec};
use crate::policy::model::{Access, AccessKey, Trust};

pub(super) fn access(policy: &str, written: &Access) -> AccessSpec {
    let path = |path: &Option<String>| path.clone().unwrap_or_else(|| format!("/backstay/{policy}/"));
    match written {
        Access::IamUser(user) => AccessSpec {
            name: user.name.clone(),
            kind: AccessKind::User { key: user.access_key.as_ref().map(key) },
            grants: user.grants.clone(),
            storages: user.storage.iter().map(|name| name.text().to_owned()).collect(),
            path: path(&user.path),
            boundary: user.permissions_boundary.clone(),
        },
        Access::IamRole(role) => AccessSpec {
            name: role.name.clone(),
            kind: AccessKind::Role { trust: trust(&role.trust) },
            grants: role.grants.clone(),
            storages: role.storage.iter().map(|name| name.text().to_owned()).collect(),
            path: path(&role.path),
            boundary: role.permissions_boundary.clone(),
        },
    }
}

fn key(written: &AccessKey) -> AccessKeySpec {
    AccessKeySpec {
        deliver_to: written.deliver_to.value().clone(),
        rotate_after: written.rotate_after.as_ref().map(|period| **period),
    }
}

fn trust(written: &Trust) -> TrustSpec {
    TrustSpec {
        github: written.github.clone(),
        service: written.service.clone(),
        principals: written.principals.clone().unwrap_or_default(),
    }
}
