//! What a policy wants in IAM.

use super::Wanted;
use super::shared::{hides_key, shares, speaker, with_site};
use super::texts::{delivery_route, text};
use super::trust::{AUDIENCE, GITHUB, trust};
use super::want::{grants_name, identity_path};
use crate::base::Sha256;
use crate::plan::Live;
use crate::policy::{AccessKeySpec, AccessKind, AccessSpec, Desired, Grant};
use crate::resource::permissions::{
    Duty, LONGEST_MANAGED_POLICY, Whereabouts, backup_statements, cloudwatch_statements, policy_document,
    policy_documents,
};
use crate::resource::{
    AccessKeys, Found, Grants, MOST_ATTACHED, ManagedPolicy, OidcProvider, Principal, Resource, Role, User, marks,
};

/// Users, roles, their grants and keys. Nothing for an entry whose account could not be asked who we are: a server
/// other than AWS has no IAM that we know.
pub(super) fn access(desired: &Desired, live: &Live) -> Vec<Wanted> {
    let mut all: Vec<Wanted> = Vec::new();
    for (name, spec) in &desired.access {
        let Some(caller) = live.access_caller(name) else { continue };
        let at = Whereabouts { caller: Some(caller), region: "" };
        // An account has one provider of a URL, whoever needs it.
        let provider = all.iter().find(|wanted| {
            let is_one = matches!(wanted.resource, Resource::OidcProvider(_));
            is_one && wanted.access.as_ref().and_then(|other| live.access_caller(other)) == Some(caller)
        });
        let provider = provider.map(|wanted| wanted.address.clone());
        let mut list = List { name, all: Vec::new() };
        match &spec.kind {
            AccessKind::User { key } => {
                let user = list.add(Resource::User(user(desired, spec)), Vec::new());
                let grants = list.grants(desired, live, spec, Principal::User(spec.name.clone()), &user);
                if let Some(keys) = key.as_ref().and_then(|key| keys(live, name, spec, key)) {
                    list.add(Resource::AccessKeys(keys), [user].into_iter().chain(grants).collect());
                }
            }
            AccessKind::Role { trust: who } => {
                let mut after = Vec::new();
                if who.github.is_some() {
                    let ours = OidcProvider { url: GITHUB.to_owned(), audiences: vec![AUDIENCE.to_owned()] };
                    after.push(provider.unwrap_or_else(|| list.add(Resource::OidcProvider(ours), Vec::new())));
                }
                let role = Role {
                    name: spec.name.clone(),
                    path: spec.path.clone(),
                    trust: trust(who, &at),
                    max_session_seconds: 3_600,
                    boundary: spec.boundary.clone(),
                    tags: marks(&desired.name),
                };
                let role = list.add(Resource::Role(role), after);
                list.grants(desired, live, spec, Principal::Role(spec.name.clone()), &role);
            }
        }
        all.extend(list.all);
    }
    all
}

struct List<'a> {
    name: &'a str,
    all: Vec<Wanted>,
}

impl List<'_> {
    fn add(&mut self, resource: Resource, after: Vec<String>) -> String {
        let address = format!("access/{}/{}", self.name, resource.word());
        self.add_at(address, resource, after)
    }

    fn add_at(&mut self, address: String, resource: Resource, after: Vec<String>) -> String {
        let (storage, access) = (None, Some(self.name.to_owned()));
        self.all.push(Wanted { address: address.clone(), storage, access, resource, after, may_create: true });
        address
    }

    /// Nothing while a storage is not known: half a policy would take away what the other half gave.
    fn grants(
        &mut self,
        desired: &Desired,
        live: &Live,
        spec: &AccessSpec,
        principal: Principal,
        of: &str,
    ) -> Option<String> {
        let mut statements = Vec::new();
        let mut after = vec![of.to_owned()];
        for storage in &spec.storages {
            // What the bucket refuses everybody stands before what this one may do.
            after.extend(policy_of(desired, live, storage));
            if hides_key(desired, live, storage) {
                return None;
            }
            for grant in &spec.grants {
                let duty = match grant {
                    Grant::Write => Duty::Write,
                    Grant::Read => Duty::Read,
                    Grant::Prune => Duty::Prune,
                };
                statements.extend(with_site(desired, live, storage, |site| backup_statements(duty, site))?);
            }
        }
        let name = grants_name(&desired.name);
        if let Some(cloudwatch) = &desired.alerts.cloudwatch {
            let at = Whereabouts { caller: None, region: &cloudwatch.region };
            statements.extend(cloudwatch_statements(Duty::Write, &desired.name, &cloudwatch.namespace, &at));
        }
        let grants = Grants { principal, name, document: policy_document(&statements) };
        let found = match live.resources.get(&format!("access/{}/grants", self.name)) {
            Some(Found::There(Resource::Grants(found))) => Some(found),
            _ => None,
        };
        let parts = policy_documents(&statements, LONGEST_MANAGED_POLICY);
        if grants.fits(found) || parts.len() > MOST_ATTACHED {
            return Some(self.add(Resource::Grants(grants), after));
        }
        let caller = live.access_caller(self.name)?;
        let at = Whereabouts { caller: Some(caller), region: "" };
        let mut beside = Vec::new();
        // The last one first: what moves from one to a later one is there before it is gone.
        for (index, document) in parts.into_iter().enumerate().rev() {
            let number = index + 1;
            let name = managed_name(&desired.name, self.name, number);
            let policy = ManagedPolicy {
                arn: at.iam("policy", &identity_path(&desired.name), &name),
                principal: grants.principal.clone(),
                is_attached: true,
                document,
                tags: marks(&desired.name),
            };
            let address = format!("access/{}/managed-policy-{number}", self.name);
            beside.push(self.add_at(address, Resource::ManagedPolicy(policy), after.clone()));
        }
        // What stood inside goes once the same stands beside.
        let nothing = Grants { document: policy_document(&[]), ..grants };
        Some(self.add(Resource::Grants(nothing), after.into_iter().chain(beside).collect()))
    }
}

/// IAM takes names of up to 128 characters: a long one is cut and told apart by a digest.
fn managed_name(policy: &str, access: &str, number: usize) -> String {
    let name = format!("backstay-{policy}-{access}-{number}");
    if name.len() <= 128 {
        return name;
    }
    let digest = Sha256::of(name.as_bytes()).to_string();
    format!("{}-{}", &name[..115], &digest[..12])
}

/// Address of the policy of the bucket that a storage lies in, as far as this policy has a say over it.
fn policy_of(desired: &Desired, live: &Live, storage: &str) -> Option<String> {
    let place = live.read(storage)?.bucket.as_ref()?;
    let speaker = speaker(&shares(desired, live, place)).filter(|speaker| speaker.spec.manage.is_some())?;
    Some(format!("storage/{}/policy", speaker.name))
}

fn user(desired: &Desired, spec: &AccessSpec) -> User {
    User {
        name: spec.name.clone(),
        path: spec.path.clone(),
        boundary: spec.boundary.clone(),
        tags: marks(&desired.name),
    }
}

fn keys(live: &Live, name: &str, spec: &AccessSpec, key: &AccessKeySpec) -> Option<AccessKeys> {
    Some(AccessKeys {
        user: spec.name.clone(),
        deliver_to: text(live, &delivery_route(name), &key.deliver_to)?,
        rotate_after_seconds: key.rotate_after.map(|after| after.0),
        keys: Vec::new(),
        delivered: None,
    })
}
