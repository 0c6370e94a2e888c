//! Runs: the record of an execution, in MLflow's sense of the word.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::Digest;
use crate::action::{ActionKey, Trust, Usage, metrics};
use crate::clock::Timestamp;
use crate::id::RunId;

/// Where a run's snapshot keeps the checked configuration, as the run saw it: a
/// [`Project`](crate::config::Project) as JSON.
pub const SNAPSHOT_CONFIG: &str = ".modelyard/project.json";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Run {
    /// Format version, 1.
    pub version: u32,
    pub id: RunId,
    pub project: String,
    pub kind: RunKind,
    /// The step, as in the graph: `flights`, `train`, `package`.
    pub name: String,
    /// The pipeline run that this is a part of.
    pub parent: Option<RunId>,
    pub status: RunStatus,
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub params: BTreeMap<String, Value>,
    #[serde(default, with = "metrics")]
    pub metrics: BTreeMap<String, f64>,
    pub tags: BTreeMap<String, String>,
    /// Whether the result came from the cache.
    pub cached: bool,
    pub key: Option<ActionKey>,
    pub usage: Option<Usage>,
    pub trust: Option<Trust>,
    /// Blob of what the command printed.
    pub log: Option<Digest>,
    /// The report of the fault that ended it.
    pub error: Option<String>,
    /// Tree of configuration, declared code and lock: of pipeline runs.
    pub snapshot: Option<Digest>,
    pub source: Option<Commit>,
    /// What a pipeline run came to: versions, gates, package (see `lifecycle`).
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub outcome: Value,
}

impl Run {
    /// The record of a run that begins.
    pub fn begun(
        id: RunId,
        project: &str,
        kind: RunKind,
        name: &str,
        parent: Option<RunId>,
        at: Timestamp,
    ) -> Self {
        Self {
            version: 1,
            id,
            project: project.to_owned(),
            kind,
            name: name.to_owned(),
            parent,
            status: RunStatus::Running,
            started_at: at,
            ended_at: None,
            params: BTreeMap::new(),
            metrics: BTreeMap::new(),
            tags: BTreeMap::new(),
            cached: false,
            key: None,
            usage: None,
            trust: None,
            log: None,
            error: None,
            snapshot: None,
            source: None,
            outcome: Value::Null,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    Pipeline,
    Step,
    Trial,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    Running,
    Finished,
    Failed,
    /// Ended by the user.
    Cancelled,
    /// Its process died; found so by a later command.
    Interrupted,
}

/// The lock that a pipeline run holds while it lives; its steps live with it.
pub fn lock_name(run: RunId) -> String {
    format!("run-{run}")
}

/// The commit a run started from, and what was not committed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Commit {
    pub id: String,
    pub branch: Option<String>,
    /// Blob of `git diff HEAD`, where the working folder differed.
    pub difference: Option<Digest>,
}

/// Which runs to list; newest first.
#[derive(Clone, Debug, Default)]
pub struct RunFilter {
    pub project: Option<String>,
    pub kind: Option<RunKind>,
    pub parent: Option<RunId>,
    /// Ids that begin so, upper case.
    pub id_prefix: Option<String>,
    pub limit: Option<u32>,
}
