//! Releases: a record whose next move is a pure function of it, the observations and the time.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{Counts, EnvironmentId, EnvironmentState, Strategy};
use crate::Digest;
use crate::clock::Timestamp;
pub use crate::id::ReleaseId;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Release {
    /// Format version, 1.
    pub version: u32,
    pub id: ReleaseId,
    pub environment: EnvironmentId,
    pub kind: ReleaseKind,
    pub model: String,
    pub number: u32,
    pub package: Digest,
    pub strategy: Strategy,
    pub status: ReleaseStatus,
    /// Place in the strategy's weights, from 0.
    pub step: u32,
    pub step_since: Timestamp,
    /// Cumulative counts when the step began, by package: what is judged is what came after.
    #[serde(default)]
    pub step_counts: BTreeMap<Digest, Counts>,
    /// What counts as slow in this step; `None` until the incumbent has answered enough.
    #[serde(default)]
    pub slow: Option<Slow>,
    /// What is restored when it is rolled back.
    pub before: EnvironmentState,
    pub by: String,
    /// Why: `asked for`, a trigger's name.
    pub cause: String,
    pub began_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    #[serde(default)]
    pub decisions: Vec<Decision>,
    /// Blob of the application test's report, where the environment tests.
    pub report: Option<Digest>,
    /// Whether that report passed.
    pub passed: Option<bool>,
    /// Why it failed, was rolled back or refused.
    pub reason: Option<String>,
    /// A person's wish that the reconciler has not yet acted upon.
    pub wish: Option<Wish>,
    /// Whose it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wished_by: Option<String>,
    /// What of the environment must equal production's, as it was when this package was tested here.
    pub facts: Option<super::Facts>,
}

/// The latency above which a request counts as slow: the incumbent's 95 % quantile before what is compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Slow {
    /// One of [`LATENCY_ENDS_US`](super::LATENCY_ENDS_US).
    pub above_us: u64,
    /// Cumulative counts when it was fixed, by package: what is compared is what came after.
    pub since: BTreeMap<Digest, Counts>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReleaseKind {
    /// `modelyard deploy`: all at once, whatever the environment's strategy.
    Deploy,
    Release,
    Rollback,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReleaseStatus {
    /// Approvals are missing.
    Waiting,
    /// Replicas load and prove the version.
    Loading,
    /// Application tests run against it.
    Testing,
    /// Traffic moves as the strategy says.
    Rolling,
    /// A person paused it.
    Paused,
    /// Undecided for too long: a person decides.
    Held,
    /// It has all the traffic.
    Done,
    RolledBack,
    /// A person ended it.
    Aborted,
    /// It never got traffic: not ready, tests failed.
    Failed,
}

impl ReleaseStatus {
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Done | Self::RolledBack | Self::Aborted | Self::Failed)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Loading => "loading",
            Self::Testing => "testing",
            Self::Rolling => "rolling",
            Self::Paused => "paused",
            Self::Held => "held",
            Self::Done => "done",
            Self::RolledBack => "rolled_back",
            Self::Aborted => "aborted",
            Self::Failed => "failed",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    Pause,
    Resume,
    /// All traffic now, whatever was observed.
    Promote,
    Abort,
}

/// A move of a release, and what it was made on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Decision {
    pub at: Timestamp,
    /// `step 2 of 3: 25 %`, `rolled back`.
    pub what: String,
    pub why: String,
    /// A person, or `modelyard`.
    pub by: String,
    /// Numbers it was made on: samples, bounds, margins.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub saw: Value,
}
