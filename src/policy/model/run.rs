//! `run`: who starts the scheduled work.

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
}

/// A process of this tool that stays; nothing to set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Agent {}

/// Nobody; nothing to set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nobody {}
