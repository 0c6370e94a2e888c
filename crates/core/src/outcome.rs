//! What a pipeline run came to: the links from a model version back to its sources. Stored with
//! the run, as its `outcome`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::action::ActionKey;
use crate::run::Run;
use crate::{Digest, Fault, Kind, Result};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Format version, 1.
    pub version: u32,
    #[serde(default)]
    pub data: BTreeMap<String, DataOutcome>,
    /// Keys of all actions that were needed, by the node they belong to, in the order of the graph.
    #[serde(default)]
    pub actions: Vec<(String, ActionKey)>,
    /// The action whose model was packaged, and its parameters.
    pub training: Option<ActionKey>,
    #[serde(default)]
    pub params: BTreeMap<String, Value>,
    pub package: Option<Digest>,
    pub runtime: Option<String>,
    /// Blob of the test report.
    pub report: Option<Digest>,
    #[serde(default)]
    pub gates: Vec<GateOutcome>,
    /// `late-flights@2`.
    pub model: Option<String>,
}

impl Default for Outcome {
    fn default() -> Self {
        Self {
            version: 1,
            data: BTreeMap::new(),
            actions: Vec::new(),
            training: None,
            params: BTreeMap::new(),
            package: None,
            runtime: None,
            report: None,
            gates: Vec::new(),
            model: None,
        }
    }
}

impl Outcome {
    /// What `run` came to; of a run that has no outcome (a step's, one that was interrupted)
    /// nothing at all.
    ///
    /// # Errors
    /// If it was written by a newer program.
    pub fn of(run: &Run) -> Result<Self> {
        if run.outcome.is_null() {
            return Ok(Self::default());
        }
        serde_json::from_value(run.outcome.clone()).map_err(|error| {
            Fault::new(Kind::Store, format!("cannot read what the run {} came to", run.id))
                .because(error)
                .hint("was it recorded by a newer modelyard?")
        })
    }
}

/// A data version that the run used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataOutcome {
    pub number: u32,
    pub digest: Digest,
    pub rows: u64,
    /// How many.
    pub sources: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GateOutcome {
    pub name: String,
    pub wanted: String,
    pub got: String,
    pub passed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}
