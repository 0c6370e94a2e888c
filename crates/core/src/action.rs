//! The one idea: an action is everything that can change a step's result; its key is the digest
//! of that, and the result is stored under the key.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::clock::Timestamp;
use crate::{Digest, canonical};

/// Everything that can change what a step yields, and nothing else: never the clock, the host, an
/// absolute path, a core count or an address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Action {
    /// Format version, 1.
    pub version: u32,
    pub kind: ActionKind,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, Value>,
    /// Name of the input as the step sees it (`data.flights.train`) to its identity: for data the
    /// logical digest of the rows, else the digest of the content.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, Digest>,
    /// Declared code files, as a tree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Digest>,
    /// The Python environment's digest: wheels installed, interpreter, platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Digest>,
}

/// What an action does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ActionKind {
    /// A step of Modelyard's own. `result_version` is raised when its results may change.
    Builtin { name: String, result_version: u32 },
    /// A user's command, in its sandbox.
    Command(Command),
}

/// A user's command and all that is declared about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// Raised when the way commands are run may change their results.
    pub result_version: u32,
    /// The words, placeholders not yet substituted.
    pub words: Vec<String>,
    /// Names and kinds of the declared outputs.
    pub outputs: BTreeMap<String, OutputKind>,
    pub variables: BTreeMap<String, String>,
    /// Names alone; values are kept nowhere.
    pub secrets: Vec<String>,
    pub sandbox: Sandbox,
    pub threads: u32,
    pub seed: u64,
    /// The winner of a search once more, on train and validation; the step's context says so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refit: bool,
}

/// What a step may open, as declared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sandbox {
    pub mode: SandboxMode,
    pub network: bool,
    /// Added by `sandbox.read`: the path as written, and the digest of what lies there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub read: BTreeMap<String, Digest>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SandboxMode {
    On,
    Off,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputKind {
    File,
    Folder,
}

/// The digest of an [`Action`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = Digest)]
pub struct ActionKey(pub Digest);

impl fmt::Display for ActionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Action {
    pub fn key(&self) -> ActionKey {
        ActionKey(canonical::digest("modelyard action v1", self))
    }
}

/// What an action yielded; only successful results are stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActionResult {
    /// Format version, 1.
    pub version: u32,
    pub key: ActionKey,
    /// The action itself, so that it can be repeated.
    pub action: Action,
    pub outputs: BTreeMap<String, Output>,
    /// Reported by the step; NaN and infinities are stored by name.
    #[serde(default, with = "metrics")]
    pub metrics: BTreeMap<String, f64>,
    /// What a built-in step found out, in its own shape.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub facts: Value,
    /// Standard output and error, interleaved as they came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<Digest>,
    pub usage: Usage,
    pub trust: Trust,
    /// Worth telling whoever takes this result.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
    pub finished_at: Timestamp,
}

/// An output of an action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    pub kind: OutputKind,
    /// What keys and lineage use: the logical digest of a table, else the same as `content`.
    pub identity: Digest,
    /// The blob (a file) or the tree (a folder).
    pub content: Digest,
    pub size_bytes: u64,
}

/// What an execution cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Usage {
    pub wall_ms: u64,
    /// User and system time of the whole process tree.
    pub cpu_ms: u64,
    pub peak_memory_bytes: u64,
}

/// How far the execution can be relied on; inherited by whoever takes the result from the cache.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Trust {
    /// Whether the kernel enforced what the step may open.
    pub enforced: bool,
    /// Why not, or what was not (`/dev/shm` shared with the machine).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// False where the step may have read what it did not declare.
    pub inputs_complete: bool,
    /// False where the step could have read the test rows.
    pub sealed: bool,
}

impl Trust {
    /// What a built-in step's result deserves: it reads nothing but its inputs.
    pub fn full() -> Self {
        Self { enforced: true, reasons: Vec::new(), inputs_complete: true, sealed: true }
    }
}

/// Metrics in JSON: finite numbers as they are, others as `"nan"`, `"inf"`, `"-inf"`.
pub mod metrics {
    use super::*;
    use serde::{Deserializer, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Number {
        Finite(f64),
        Named(String),
    }

    pub fn serialize<S: Serializer>(
        metrics: &BTreeMap<String, f64>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_map(metrics.iter().map(|(name, value)| {
            let number = if value.is_finite() {
                Number::Finite(*value)
            } else {
                Number::Named(value.to_string().to_lowercase())
            };
            (name, number)
        }))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<String, f64>, D::Error> {
        let numbers = BTreeMap::<String, Number>::deserialize(deserializer)?;
        numbers
            .into_iter()
            .map(|(name, number)| match number {
                Number::Finite(value) => Ok((name, value)),
                Number::Named(text) => {
                    text.parse().map(|value| (name, value)).map_err(serde::de::Error::custom)
                }
            })
            .collect()
    }
}
