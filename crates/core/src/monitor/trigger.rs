//! What starts continuous training.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::clock::Timestamp;
use crate::id::{CauseId, ReleaseId, RunId};

/// `[[triggers]]`, with every default filled in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TriggerSpec {
    /// Default: the words of `on`, joined with `-`.
    pub name: String,
    pub on: Vec<Origin>,
    pub then: Then,
    /// Other values for parameters of training.
    pub set: BTreeMap<String, Value>,
    /// Of `schedule`: five fields as cron writes them.
    pub cron: Option<String>,
    /// Time zone of `cron`, `Europe/Berlin`; default UTC.
    pub zone: String,
    pub missed: Missed,
    /// Of `new-data`: rows that must be new since the champion's data version.
    pub min_rows: u64,
    /// Of `registry`: a model of the home, `NAME` or `NAME@ALIAS`.
    pub model: Option<String>,
    /// Of `request`: environment variable of the server with the secret that signs webhooks.
    pub secret: Option<String>,
    /// Least time between two trainings, seconds; counts arrival.
    pub cool_down_secs: f64,
    /// Most trainings within `budget_secs`; `None`: any number.
    pub budget: Option<u32>,
    /// Counts arrival.
    pub budget_secs: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    Schedule,
    NewData,
    Drift,
    Decay,
    Code,
    Registry,
    Request,
}

impl Origin {
    pub const ALL: [Self; 7] =
        [Self::Schedule, Self::NewData, Self::Drift, Self::Decay, Self::Code, Self::Registry, Self::Request];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Schedule => "schedule",
            Self::NewData => "new-data",
            Self::Drift => "drift",
            Self::Decay => "decay",
            Self::Code => "code",
            Self::Registry => "registry",
            Self::Request => "request",
        }
    }
}

/// What becomes of a version that was trained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Then {
    /// A person releases it.
    #[default]
    Register,
    /// Through the environments that `production` requires, by its strategy.
    Release,
}

/// What becomes of scheduled moments at which no server ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Missed {
    /// One training for all of them.
    #[default]
    Once,
    Skip,
}

/// One cause of training: (trigger, what set it off) is unique in the home, so nothing is trained twice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Cause {
    /// Format version, 1.
    pub version: u32,
    pub id: CauseId,
    pub project: String,
    /// The trigger's name.
    pub trigger: String,
    pub origin: Origin,
    /// `window 2013-05-14T00:00:00Z`, `data 1f0c…`, `commit 4f1c2aa…`, `tick 2013-05-14T02:00:00Z`.
    pub key: String,
    pub state: CauseState,
    /// One sentence: why it was skipped, for what it waits, what came of it.
    pub reason: String,
    pub actor: String,
    pub at: Timestamp,
    pub changed_at: Timestamp,
    pub run: Option<RunId>,
    /// `late-flights@2`, where a version was registered.
    pub model: Option<String>,
    pub release: Option<ReleaseId>,
    /// Raised by every change.
    pub revision: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CauseState {
    /// To be trained for as soon as nothing is in the way.
    Pending,
    /// The sources have not changed since the champion's data version.
    WaitingForData,
    Training,
    /// A release of what was trained is under way.
    Releasing,
    /// The candidate was better and is registered, or released.
    Done,
    /// The candidate was not better: nothing changed.
    Kept,
    Failed,
    Skipped,
}
