//! `run`: who starts the scheduled work.

use super::written::Written;
use crate::base::{Period, Size};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who starts the scheduled work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "by", rename_all = "kebab-case")]
pub enum Run {
    /// Timers of systemd.
    Systemd(Systemd),
    /// A file of cron.
    Cron(CronFile),
    /// A workflow of GitHub Actions.
    GithubActions(GithubActions),
    /// Cron jobs of Kubernetes.
    Kubernetes(Kubernetes),
    /// A process of this tool that stays.
    Agent(Agent),
    /// Nobody: something else calls `apply`.
    None(Nobody),
}

/// Timers of systemd.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Systemd {
    /// Directory of the units; `/etc/systemd/system` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[^\r\n]+$"))]
    pub directory: Option<String>,
    /// User that the work runs as; root unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^\S+$"))]
    pub user: Option<String>,
    /// File of environment variables that references read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[^\r\n]+$"))]
    pub environment_file: Option<String>,
}

/// A file of cron.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CronFile {
    /// The file; `/etc/cron.d/backstay-<policy>` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[^\r\n]+$"))]
    pub file: Option<String>,
    /// File that runs keep their log in, as lines of JSON; turned over at 10 MiB, five old ones stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^/[^\r\n]+$"))]
    pub log_file: Option<String>,
    /// User that the work runs as; root unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^\S+$"))]
    pub user: Option<String>,
}

/// A workflow of GitHub Actions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GithubActions {
    /// File of the workflow; `.github/workflows/backstay.yml` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[^\r\n]+$"))]
    pub file: Option<String>,
    /// Label of the machines that run it; `ubuntu-latest` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^\S+$"))]
    pub runs_on: Option<String>,
    /// Environment whose secrets it uses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^\S+$"))]
    pub environment: Option<String>,
    /// The action that brings this tool, at a version, such as `acme/backstay@v0.1.0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^(\./\S*|[^\s/@]+/[^\s@]+@\S+)$"))]
    pub uses: Option<String>,
    /// ARN of the role of AWS that it takes on by OIDC; without one AWS is reached by secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^arn:\S+$"))]
    pub role: Option<String>,
    /// Region of AWS that it works in; needed with `role`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[a-z0-9-]+$"))]
    pub region: Option<String>,
    /// Major version of PostgreSQL whose programs are installed; what the machine has unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 10, max = 99))]
    pub postgresql: Option<u32>,
}

/// Cron jobs of Kubernetes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Kubernetes {
    /// Directory that receives the manifests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[^\r\n]+$"))]
    pub directory: Option<String>,
    /// Namespace of the jobs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^\S+$"))]
    pub namespace: Option<String>,
    /// Container image with this tool and the client programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^\S+$"))]
    pub image: Option<String>,
    /// Service account of the jobs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^\S+$"))]
    pub service_account: Option<String>,
    /// Secret whose keys become environment variables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^\S+$"))]
    pub environment_secret: Option<String>,
    /// Volumes that folders of the policy lie in; none are needed when every storage is S3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volumes: Option<Vec<Volume>>,
}

/// A volume of Kubernetes, by its claim.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Volume {
    /// Name of the claim.
    #[schemars(regex(pattern = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"))]
    pub claim: String,
    /// Folder that it is mounted at.
    #[schemars(regex(pattern = r"^/[^\r\n:]*$"))]
    pub path: String,
    /// Size to ask for: the claim is written, too. Without it the claim is one that exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Written<Size>>,
    /// Storage class of a claim that is written; the cluster's own choice unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^\S+$"))]
    pub storage_class: Option<String>,
}

/// A process of this tool that stays: `backstay agent`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    /// How many jobs run at once; 2 unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 64))]
    pub concurrency: Option<u32>,
    /// Work starts at most so long after it is due, each job at its own moment; `1m` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter: Option<Written<Period>>,
    /// How long running work may take to end when the process is stopped, before it is stopped, too; `5m` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_within: Option<Written<Period>>,
}

/// Nobody; nothing to set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nobody {}
