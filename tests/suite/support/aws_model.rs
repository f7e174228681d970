//! An account of AWS as a pure value: it takes what steps write, fills in its own defaults, and answers in other words
//! than it was told in.

use backstay::plan::{Action, Deed, Live, LiveStorage, ReadStorage, wanted};
use backstay::policy::{Desired, StorageKind};
use backstay::resource::{
    AccessKey, AccessLog, Algorithm, Bucket, BucketPlace, BucketPolicy, Caller, Encryption, Found, Grants, KmsKey,
    LeftPolicy, Lifecycle, ObjectLock, Ownership, Principal, PublicAccess, Replication, Resource, Role, Tags,
    Versioning,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The account's number.
pub const ACCOUNT: &str = "123456789012";

/// How it spells what it answers.
#[derive(Debug, Clone, Copy, Default)]
pub struct Spelling {
    /// Lists of one are scalars.
    pub scalars: bool,
    /// What has no order comes the other way round.
    pub reversed: bool,
    /// Letters whose case does not count have another one, and booleans of conditions are no text.
    pub case: bool,
    /// What nobody asked for is filled in: kinds of encryption that are refused, the smallest size to move.
    pub filled: bool,
}

/// The account.
#[derive(Debug, Clone, Default)]
pub struct AwsModel {
    /// What there is, by [`AwsModel::key`].
    pub held: BTreeMap<String, Resource>,
    n_keys: u32,
}

/// Where the storages of a policy are.
pub fn place(desired: &Desired, storage: &str) -> Option<BucketPlace> {
    let StorageKind::S3(spec) = &desired.storages.get(storage)?.kind else { return None };
    let text = |template: &backstay::base::Template| template.as_literal().unwrap();
    let prefix = spec.prefix.as_ref().map(text).unwrap_or_default();
    Some(BucketPlace {
        bucket: text(&spec.bucket),
        region: spec.region.as_ref().map(text).unwrap_or_default(),
        prefix: if prefix.is_empty() { prefix } else { format!("{prefix}/") },
        endpoint: None,
    })
}

impl AwsModel {
    /// What names a resource in the account.
    pub fn key(resource: &Resource, bucket: Option<&str>) -> String {
        match resource {
            Resource::User(user) => format!("user/{}", user.name),
            Resource::Role(role) => format!("role/{}", role.name),
            Resource::Grants(Grants { principal: Principal::User(name), name: policy, .. }) => {
                format!("user/{name}/{policy}")
            }
            Resource::Grants(Grants { principal: Principal::Role(name), name: policy, .. }) => {
                format!("role/{name}/{policy}")
            }
            Resource::AccessKeys(keys) => format!("user/{}/keys", keys.user),
            Resource::ManagedPolicy(policy) => format!("policy/{}", policy.arn),
            Resource::OidcProvider(provider) => format!("oidc/{}", provider.url),
            Resource::KmsKey(key) => format!("kms/{}", key.alias),
            of_bucket => format!("bucket/{}/{}", bucket.unwrap(), of_bucket.word()),
        }
    }

    /// What the world looks like to a plan.
    pub fn look(&self, desired: &Desired, spelling: Spelling) -> Live {
        let mut live = Live::default();
        let caller = Caller { account: ACCOUNT.to_owned(), arn: format!("arn:aws:iam::{ACCOUNT}:user/ops") };
        for name in desired.storages.keys() {
            let bucket = place(desired, name);
            let read = ReadStorage { marker: Some("m".to_owned()), bucket, ..ReadStorage::default() };
            live.storages.insert(name.clone(), LiveStorage::Read(Box::new(read)));
            live.callers.insert(format!("storage/{name}"), caller.clone());
        }
        for name in desired.access.keys() {
            live.callers.insert(format!("access/{name}"), caller.clone());
        }
        // Some of it has a name only once something else was read.
        for _ in 0..3 {
            for wanted in wanted(desired, &live) {
                let bucket =
                    wanted.storage.as_ref().and_then(|storage| place(desired, storage)).map(|place| place.bucket);
                let found = self.found(&Self::key(&wanted.resource, bucket.as_deref()), spelling);
                live.resources.insert(wanted.address, found);
            }
        }
        let all = wanted(desired, &live);
        let is_wanted = |arn: &String| {
            all.iter().any(|wanted| matches!(&wanted.resource, Resource::ManagedPolicy(policy) if policy.arn == *arn))
        };
        let left = self.held.values().filter_map(|held| match held {
            Resource::ManagedPolicy(policy) if !is_wanted(&policy.arn) => {
                let attached = if policy.is_attached { vec![policy.principal.clone()] } else { Vec::new() };
                Some(LeftPolicy { arn: policy.arn.clone(), attached, groups: Vec::new(), foreign: Vec::new() })
            }
            _ => None,
        });
        let left = left.collect();
        live.left_policies.extend(desired.storages.keys().next().map(|storage| (storage.clone(), Ok(left))));
        live
    }

    fn found(&self, key: &str, spelling: Spelling) -> Found {
        let empty = |resource: &Resource| match resource {
            Resource::Tags(tags) => tags.tags.is_empty(),
            Resource::BucketPolicy(policy) => policy.statements.is_empty(),
            Resource::Lifecycle(lifecycle) => lifecycle.rules.is_empty(),
            Resource::Replication(replication) => replication.rules.is_empty(),
            Resource::Grants(grants) => grants.is_nothing(),
            _ => false,
        };
        match self.held.get(key).filter(|held| !empty(held)) {
            Some(held) => Found::There(respelled(held.clone(), spelling)),
            None => Found::Absent,
        }
    }

    /// Does what a step does.
    pub fn apply(&mut self, desired: &Desired, action: &Action) {
        if let Deed::RemovePolicy { arn, .. } = &action.deed {
            self.held.remove(&format!("policy/{arn}"));
        }
        let Deed::Provision { storage, resource, .. } = &action.deed else { return };
        let bucket = storage.as_ref().and_then(|storage| place(desired, storage)).map(|place| place.bucket);
        self.write(&Self::key(resource, bucket.as_deref()), bucket.as_deref(), resource);
    }

    fn write(&mut self, key: &str, bucket: Option<&str>, resource: &Resource) {
        let mut resource = resource.clone();
        match &mut resource {
            Resource::Bucket(made) => {
                self.make_bucket(&made.name);
                if std::mem::take(&mut made.object_lock) {
                    let lock = ObjectLock { enabled: true, mode: None, period: None };
                    self.put(bucket, Resource::ObjectLock(lock));
                    self.put(bucket, Resource::Versioning(Versioning::Enabled));
                }
            }
            Resource::Versioning(Versioning::Unversioned) => return,
            Resource::ObjectLock(lock) => {
                let on = Resource::Versioning(Versioning::Enabled);
                assert_eq!(
                    self.held.get(&format!("bucket/{}/versioning", bucket.unwrap())),
                    Some(&on),
                    "locks need versions"
                );
                lock.enabled = true;
            }
            Resource::Encryption(encryption) => {
                let alias = encryption.key.as_ref().filter(|key| key.starts_with("alias/"));
                if let Some(Resource::KmsKey(key)) = alias.and_then(|alias| self.held.get(&format!("kms/{alias}"))) {
                    encryption.key.clone_from(&key.arn);
                }
            }
            Resource::KmsKey(key) => {
                key.arn = Some(format!("arn:aws:kms:us-east-1:{ACCOUNT}:key/{}", key.alias.len()));
            }
            Resource::Role(role) => self.keep_path(key, &mut role.path),
            Resource::User(user) => self.keep_path(key, &mut user.path),
            Resource::AccessKeys(keys) => {
                for made in keys.keys.iter_mut().filter(|made| made.id == AccessKey::NEW) {
                    self.n_keys += 1;
                    made.id = format!("AKIA{}", self.n_keys);
                    made.created = 1_795_780_800;
                    keys.delivered = Some(made.id.clone());
                }
            }
            _ => {}
        }
        self.held.insert(key.to_owned(), resource);
    }

    fn keep_path(&self, key: &str, path: &mut String) {
        match self.held.get(key) {
            Some(Resource::Role(Role { path: old, .. })) => path.clone_from(old),
            Some(Resource::User(user)) => path.clone_from(&user.path),
            _ => {}
        }
    }

    /// A bucket as AWS makes it since 2023.
    pub fn make_bucket(&mut self, bucket: &str) {
        let encryption = Encryption { algorithm: Algorithm::Aes256, key: None, bucket_key: false, blocked: Vec::new() };
        let settings = [
            Resource::PublicAccess(PublicAccess::BLOCKED),
            Resource::Ownership(Ownership { rule: "BucketOwnerEnforced".to_owned() }),
            Resource::Versioning(Versioning::Unversioned),
            Resource::Encryption(encryption),
            Resource::ObjectLock(ObjectLock { enabled: false, mode: None, period: None }),
            Resource::Tags(Tags::default()),
            Resource::BucketPolicy(BucketPolicy { version: "2012-10-17".to_owned(), id: None, statements: Vec::new() }),
            Resource::Lifecycle(Lifecycle::default()),
            Resource::Replication(Replication::default()),
            Resource::AccessLog(AccessLog { bucket: None, prefix: String::new() }),
            Resource::Bucket(Bucket { name: bucket.to_owned(), region: "us-east-1".to_owned(), object_lock: false }),
        ];
        for setting in settings {
            self.held.entry(Self::key(&setting, Some(bucket))).or_insert(setting);
        }
    }

    /// Puts something there that no policy wrote.
    pub fn put(&mut self, bucket: Option<&str>, resource: Resource) {
        self.held.insert(Self::key(&resource, bucket), resource);
    }
}

/// The same meaning in other words.
fn respelled(mut resource: Resource, spelling: Spelling) -> Resource {
    match &mut resource {
        Resource::BucketPolicy(policy) => policy.statements = statements(&policy.statements, spelling),
        Resource::Grants(grants) => grants.document = document(&grants.document, spelling),
        Resource::ManagedPolicy(policy) => policy.document = document(&policy.document, spelling),
        Resource::Role(role) => role.trust = document(&role.trust, spelling),
        Resource::Lifecycle(lifecycle) => {
            // Whoever reads sorts by id, and transitions by days.
            lifecycle.rules.sort_by(|a, b| a.id.cmp(&b.id));
            for rule in &mut lifecycle.rules {
                rule.transitions.sort_by_key(|transition| transition.days);
            }
            if spelling.filled {
                lifecycle.minimum_object_size = Some("all_storage_classes_128K".to_owned());
            }
        }
        Resource::Encryption(encryption) if spelling.filled => encryption.blocked = vec!["SSE-C".to_owned()],
        Resource::OidcProvider(provider) => provider.audiences.sort(),
        Resource::KmsKey(KmsKey { enabled, .. }) => *enabled = true,
        _ => {}
    }
    resource
}

fn document(document: &Value, spelling: Spelling) -> Value {
    let said = document["Statement"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut document = document.clone();
    document["Statement"] = Value::Array(statements(said, spelling));
    if spelling.scalars {
        let text = document.to_string();
        return Value::from(text.bytes().map(|b| format!("%{b:02X}")).collect::<String>());
    }
    document
}

fn statements(all: &[Value], spelling: Spelling) -> Vec<Value> {
    let mut all: Vec<Value> = all.iter().map(|statement| statement_in(statement, spelling)).collect();
    if spelling.reversed {
        all.reverse();
    }
    all
}

fn statement_in(statement: &Value, spelling: Spelling) -> Value {
    let mut entries: Vec<(String, Value)> =
        statement.as_object().unwrap().iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    if spelling.reversed {
        entries.reverse();
    }
    for (key, value) in &mut entries {
        match key.as_str() {
            "Action" => {
                let lower = |action: &Value| json!(action.as_str().unwrap().to_ascii_lowercase());
                *value = list(value, spelling, &|item| if spelling.case { lower(item) } else { item.clone() });
            }
            "Resource" => *value = list(value, spelling, &Value::clone),
            "Effect" if spelling.case => *value = json!(value.as_str().unwrap().to_ascii_lowercase()),
            "Principal" => {
                for who in value.as_object_mut().into_iter().flat_map(|kinds| kinds.values_mut()) {
                    *who = list(who, spelling, &Value::clone);
                }
            }
            "Condition" => {
                for tests in value.as_object_mut().unwrap().values_mut() {
                    for values in tests.as_object_mut().unwrap().values_mut() {
                        *values = list(values, spelling, &|item| match item.as_str() {
                            Some("false") if spelling.case => json!(false),
                            Some("true") if spelling.case => json!(true),
                            _ => item.clone(),
                        });
                    }
                }
            }
            _ => {}
        }
    }
    Value::Object(entries.into_iter().collect())
}

fn list(value: &Value, spelling: Spelling, spell: &dyn Fn(&Value) -> Value) -> Value {
    let items = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
    let mut items: Vec<Value> = items.iter().map(spell).collect();
    if spelling.reversed {
        items.reverse();
    }
    match items.len() {
        1 if spelling.scalars => items.remove(0),
        _ => Value::Array(items),
    }
}
