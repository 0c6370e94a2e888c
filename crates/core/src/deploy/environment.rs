//! Environments: where packages are deployed.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{EnvironmentState, ReleaseId, Strategy};
use crate::clock::Timestamp;
use crate::{Fault, Kind};

/// An environment is named inside its project.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub struct EnvironmentId {
    pub project: String,
    pub name: String,
}

impl fmt::Display for EnvironmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.project, self.name)
    }
}

impl FromStr for EnvironmentId {
    type Err = Fault;

    /// `PROJECT/NAME`.
    fn from_str(text: &str) -> Result<Self, Fault> {
        match text.split_once('/') {
            Some((project, name)) if !project.is_empty() && !name.is_empty() => {
                Ok(Self { project: project.to_owned(), name: name.to_owned() })
            }
            _ => Err(Fault::new(Kind::Usage, format!("`{text}` names no environment"))
                .hint("write PROJECT/ENVIRONMENT")),
        }
    }
}

/// `[environments.NAME]`, with every default filled in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EnvironmentSpec {
    pub runs_on: TargetKind,
    /// `127.0.0.1:8101`; default port 8100 + place in the file, from 0.
    pub listen: String,
    pub replicas: u32,
    /// The environment whose tests a package must have passed.
    pub requires: Option<String>,
    pub approvals: Approvals,
    pub strategy: Strategy,
    pub tests: Tests,
    pub limits: Limits,
    /// Interpreter that Python packages run with, `3.11`; default each package's own.
    pub python: Option<String>,
    /// False where workers may open what they like (`sandbox = "off"`).
    pub sandbox: bool,
    pub batch: Batch,
    /// Environment variables of the models' workers.
    pub env: BTreeMap<String, String>,
}

/// What kind of thing runs the replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TargetKind {
    /// Processes on this machine.
    Process,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Approvals {
    /// How many different people must approve a version before it is released here.
    pub count: u32,
    /// Whether one of them must be somebody else than who registered the version.
    pub independent: bool,
}

/// What one replica may use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Limits {
    /// Of one Python worker; it is ended and replaced above that. `None`: half of the machine's.
    pub memory_bytes: Option<u64>,
    /// Requests that may be under way in one replica; further ones are refused as overloaded.
    pub requests: u32,
    /// How long a Python model may take over one batch before its worker is ended.
    pub timeout_secs: f64,
    /// How long a version may take to be opened and to prove its golden rows. What was written before it could
    /// be set has the default.
    #[serde(default = "Limits::start_secs", skip_serializing_if = "Limits::is_usual_start")]
    pub start_secs: f64,
}

impl Limits {
    fn start_secs() -> f64 {
        60.0
    }

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde asks")]
    fn is_usual_start(secs: &f64) -> bool {
        *secs == Self::start_secs()
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory_bytes: None, requests: 10_000, timeout_secs: 30.0, start_secs: Self::start_secs() }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Batch {
    /// Most rows that waiting requests are joined to, 1 to 1,024.
    pub rows: u32,
}

impl Default for Batch {
    fn default() -> Self {
        Self { rows: 256 }
    }
}

/// Application tests of an environment. Golden rows, parity and hostile input are always tested, where
/// anything is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Tests {
    /// Whether a release into this environment is tested: declared, or another one `requires` it.
    pub on: bool,
    pub load: Option<Load>,
    /// Highest time from start to a proven first answer, seconds.
    pub startup_secs: Option<f64>,
    /// Highest share of answers that may change under small perturbations; `None`: reported only.
    pub robustness: Option<f64>,
    /// The project's own: words, with `{url}`, `{model}` and `{version}`.
    pub command: Option<Vec<String>>,
    /// Files and folders the command needs, as for steps.
    pub code: Vec<String>,
    /// When the command is ended; `None`: after ten minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_secs: Option<f64>,
}

/// An open-loop load: requests are sent when they are due, however slow the answers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Load {
    /// Requests a second.
    pub rate: f64,
    pub seconds: f64,
    pub p95_ms: Option<f64>,
    pub p99_ms: Option<f64>,
    /// Highest share of requests that may fail, in [0, 1].
    pub errors: f64,
}

/// The record of an environment: specification and desired state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Environment {
    /// Format version, 1.
    pub version: u32,
    pub id: EnvironmentId,
    pub spec: EnvironmentSpec,
    /// Raised by every change; a change made from an older one is refused.
    pub revision: u64,
    /// Cleared by `environments stop`: no replica is wanted.
    pub running: bool,
    /// Set where the project's file no longer has the environment.
    #[serde(default)]
    pub removed: bool,
    pub frozen: Option<Freeze>,
    pub state: EnvironmentState,
    /// The release under way.
    pub release: Option<ReleaseId>,
    /// The state before the last release ended, for `rollback`; its versions are kept warm.
    pub previous: Option<EnvironmentState>,
}

/// No release may begin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Freeze {
    pub until: Option<Timestamp>,
    pub by: String,
    pub comment: Option<String>,
}

impl Environment {
    /// One that nothing was deployed to.
    pub fn new(id: EnvironmentId, spec: EnvironmentSpec) -> Self {
        Self {
            version: 1,
            id,
            spec,
            revision: 0,
            running: true,
            removed: false,
            frozen: None,
            state: EnvironmentState::default(),
            release: None,
            previous: None,
        }
    }

    /// Whether releases are held off at `now`.
    pub fn is_frozen(&self, now: Timestamp) -> bool {
        self.frozen.as_ref().is_some_and(|freeze| freeze.until.is_none_or(|until| now < until))
    }
}
