//! Which permissions the steps of a plan take, and on what: asked before anything is changed, so that a run does not
//! stop half-way.

use crate::plan::wanted::with_site;
use crate::plan::{Action, Deed, Live, Plan};
use crate::policy::Desired;
use crate::resource::Principal;
use crate::resource::permissions::{Duty, Statement, Whereabouts, backup_statements, removes, writes};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The permissions that the steps at one storage, or for one entry of `access`, take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Needs {
    /// `storage/<name>` or `access/<name>`.
    pub of: String,
    /// ARN of who would carry them out; absent where nobody could be asked.
    pub caller: Option<String>,
    /// The permissions, by action.
    pub permissions: Vec<Permission>,
    /// What became of asking IAM which of them the caller has.
    pub asked: Asked,
}

/// One permission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Permission {
    /// The action, such as `s3:PutBucketPolicy`.
    pub action: String,
    /// ARNs of what it is done to; `*` stands for what is not known yet.
    pub resources: Vec<String>,
    /// What it is for: addresses of steps on settings and identities; `backups`, `copies`, `prune` for the rest.
    pub steps: Vec<String>,
    /// IAM says that the caller lacks it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_lacking: bool,
}

/// What became of asking IAM.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Asked {
    /// Nobody asked.
    #[default]
    No,
    /// IAM answered: permissions marked as lacking are, the others are there, as far as IAM knows. Policies of buckets
    /// are not part of its answer, and it was not asked about keys of KMS and about passing a role.
    Answered,
    /// It could not be asked.
    Failed {
        /// Why.
        problem: String,
    },
}

/// What is asked of IAM: actions on one set of resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The actions.
    pub actions: Vec<String>,
    /// The resources.
    pub resources: Vec<String>,
}

/// What one action is needed on, and for what.
#[derive(Debug, Default)]
struct Use {
    resources: BTreeSet<String>,
    steps: BTreeSet<String>,
}

/// The needs of the actions of a plan, by where they are carried out.
pub(super) fn needs(desired: &Desired, live: &Live, plan: &Plan) -> Vec<Needs> {
    let mut all: BTreeMap<String, BTreeMap<&'static str, Use>> = BTreeMap::new();
    for action in &plan.actions {
        for (of, statement) in statements(desired, live, action) {
            for name in &statement.actions {
                let used = all.entry(of.clone()).or_default().entry(name).or_default();
                used.resources.extend(statement.resources.iter().cloned());
                used.steps.insert(step(action));
            }
        }
    }
    let permission = |(action, used): (&str, Use)| Permission {
        action: action.to_owned(),
        resources: used.resources.into_iter().collect(),
        steps: used.steps.into_iter().collect(),
        is_lacking: false,
    };
    let needs = |(of, permissions): (String, BTreeMap<&'static str, Use>)| Needs {
        caller: live.callers.get(&of).map(|caller| caller.arn.clone()),
        of,
        permissions: permissions.into_iter().map(permission).collect(),
        asked: Asked::No,
    };
    all.into_iter().map(needs).collect()
}

fn step(action: &Action) -> String {
    match action.deed {
        Deed::Provision { .. }
        | Deed::Forget { .. }
        | Deed::RemovePolicy { .. }
        | Deed::ForgetBucket { .. }
        | Deed::CreateMarker { .. }
        | Deed::RemoveAlarm { .. } => action.address.clone(),
        _ => action.phase.word().to_owned(),
    }
}

fn statements(desired: &Desired, live: &Live, action: &Action) -> Vec<(String, Statement)> {
    let at_storage = |storage: &str, duty: Duty| -> Vec<(String, Statement)> {
        let statements = with_site(desired, live, storage, |site| backup_statements(duty, site)).unwrap_or_default();
        statements.into_iter().map(|statement| (format!("storage/{storage}"), statement)).collect()
    };
    match &action.deed {
        Deed::Provision { storage, access, resource } => {
            let of = match (storage, access) {
                (Some(storage), _) => format!("storage/{storage}"),
                (None, Some(access)) => format!("access/{access}"),
                (None, None) => "cloudwatch".to_owned(),
            };
            let place = storage.as_deref().and_then(|storage| live.read(storage)?.bucket.as_ref());
            let alarms = desired.alerts.cloudwatch.as_ref().filter(|_| of == "cloudwatch");
            let region = place.map_or(alarms.map_or("", |spec| &spec.region), |place| place.region.as_str());
            let at = Whereabouts { caller: live.callers.get(&of), region };
            let bucket = place.map_or("", |place| place.bucket.as_str());
            let path = access.as_ref().and_then(|access| Some(desired.access.get(access)?.path.as_str()));
            let statements = writes(resource, bucket, &at).into_iter();
            statements.map(|statement| (of.clone(), placed(statement, path))).collect()
        }
        Deed::Forget { storage, principal, arn } => {
            let takes = match principal {
                Principal::User(_) => ["iam:DeleteUserPolicy", "iam:UntagUser", "iam:ListAttachedUserPolicies"],
                Principal::Role(_) => ["iam:DeleteRolePolicy", "iam:UntagRole", "iam:ListAttachedRolePolicies"],
            };
            vec![(format!("storage/{storage}"), Statement::new("Forget", takes, [arn.clone()]))]
        }
        Deed::RemovePolicy { storage, arn, from } => {
            let of = format!("storage/{storage}");
            let at = Whereabouts { caller: live.callers.get(&of), region: "" };
            removes(arn, from, &at).into_iter().map(|statement| (of.clone(), statement)).collect()
        }
        Deed::ForgetBucket { storage, bucket } => {
            let takes = [
                "s3:GetBucketTagging",
                "s3:GetLifecycleConfiguration",
                "s3:PutBucketTagging",
                "s3:PutLifecycleConfiguration",
            ];
            let arn = format!("arn:aws:s3:::{}", bucket.bucket);
            vec![(format!("storage/{storage}"), Statement::new("Forget", takes, [arn]))]
        }
        Deed::RemoveAlarm { name } => {
            let region = desired.alerts.cloudwatch.as_ref().map_or("", |spec| &spec.region);
            let at = Whereabouts { caller: live.callers.get("cloudwatch"), region };
            let takes = ["cloudwatch:DeleteAlarms", "cloudwatch:DescribeAlarms"];
            vec![("cloudwatch".to_owned(), Statement::new("ProvisionAlarms", takes, [at.alarm(name)]))]
        }
        Deed::CreateMarker { storage } => at_storage(storage, Duty::Apply),
        Deed::TakeBackup { storages, .. } => {
            storages.iter().flat_map(|storage| at_storage(storage, Duty::Write)).collect()
        }
        Deed::CopyBackup { from, to, .. } | Deed::CopyWal { from, to, .. } => {
            let mut all = at_storage(to, Duty::Write);
            all.extend(at_storage(from, Duty::Read));
            all
        }
        Deed::PruneBackup { storage, .. } | Deed::PruneWal { storage, .. } | Deed::ClearLeftover { storage, .. } => {
            at_storage(storage, Duty::Prune)
        }
        _ => Vec::new(),
    }
}

/// Grants and keys name users and roles without their path; the policy knows it.
pub(super) fn placed(mut statement: Statement, path: Option<&str>) -> Statement {
    if let Some(path) = path {
        let with_path = |arn: String| {
            ["user", "role"].iter().fold(arn, |arn, kind| arn.replace(&format!(":{kind}/*"), &format!(":{kind}{path}")))
        };
        statement.resources = statement.resources.into_iter().map(with_path).collect();
    }
    statement
}

/// IAM wants resources that could exist: one key below a prefix stands for all of them.
fn sample(arn: &str) -> String {
    if arn == "*" { arn.to_owned() } else { arn.replace('*', "x") }
}

impl Needs {
    /// What to ask of IAM, in as few questions as there are sets of resources.
    pub fn questions(&self) -> Vec<Question> {
        let mut questions: BTreeMap<Vec<String>, Vec<String>> = BTreeMap::new();
        // Their grants hold under conditions on the request, which IAM cannot judge without one.
        let needs_request = |action: &str| {
            let attaches = ["iam:Attach", "iam:Detach"].iter().any(|start| action.starts_with(start));
            attaches || ["kms:Decrypt", "kms:GenerateDataKey", "iam:PassRole"].contains(&action)
        };
        for permission in self.permissions.iter().filter(|permission| !needs_request(&permission.action)) {
            let resources = permission.resources.iter().map(|arn| sample(arn)).collect();
            questions.entry(resources).or_default().push(permission.action.clone());
        }
        let question = |(resources, actions)| Question { actions, resources };
        questions.into_iter().map(question).collect()
    }

    /// Takes IAM's answer: the actions that the caller lacks.
    pub fn answered(&mut self, lacking: &BTreeSet<String>) {
        for permission in &mut self.permissions {
            permission.is_lacking = lacking.contains(&permission.action);
        }
        self.asked = Asked::Answered;
    }

    /// The permissions that the caller lacks.
    pub fn lacking(&self) -> impl Iterator<Item = &Permission> {
        self.permissions.iter().filter(|permission| permission.is_lacking)
    }
}
