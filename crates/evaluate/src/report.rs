//! The report: the evidence a gate saw, as one document. Stored as JSON, shown by [`crate::html`].
//!
//! An example of each released version lies in `tests/formats/`.

use std::collections::BTreeMap;

use modelyard_core::{Digest, Fault, Kind, Result, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::evaluation::Evaluation;
use crate::gates::GateVerdict;
use crate::importance::Importance;
use crate::verdict::{self, Verdict};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Format version, 1.
    pub version: u32,
    pub model: ModelFacts,
    pub data: DataFacts,
    pub verdict: Verdict,
    pub gates: Vec<GateVerdict>,
    #[serde(flatten)]
    pub evaluation: Evaluation,
    /// Which columns the model leans on; absent in reports from before it was looked at, and where it can't be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub importance: Option<Importance>,
    pub packaging: Packaging,
    pub provenance: Provenance,
    /// What a reader should know besides, a sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
}

/// Which model was tested.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelFacts {
    /// Under which it is, or would be, registered.
    pub name: String,
    /// Its number; absent before it is registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u32>,
    /// Id of the pipeline run that tested it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    pub target: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tested_at: Option<Timestamp>,
}

/// On which rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataFacts {
    /// `flights@1`.
    pub version: String,
    /// How the test rows were chosen: `the last 10 % by time_hour`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<String>,
    /// Rows the model learnt from, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train_rows: Option<u64>,
    /// False where a step could have read the test rows.
    pub sealed: bool,
    /// How many different packages were scored on this test split, this one included.
    pub test_uses: u64,
}

/// How the trained model became what serves.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Packaging {
    /// `onnx` or `python`.
    pub runtime: String,
    /// `exported` or `given`, of an ONNX graph.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// `ONNX Runtime 1.32.0`, `Python 3.11.7`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub library: Option<String>,
    /// Why it is not `onnx`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Between the trained model's answers and the package's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub largest_difference: Option<f64>,
    /// Rows on which the two were compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compared_rows: Option<u64>,
    /// Accepted up to this difference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
}

/// Where all of it comes from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<Digest>,
    /// Key of the training action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training: Option<Digest>,
    /// Logical digests of the parts it learnt from and was tested on, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub data: BTreeMap<String, Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Digest>,
    /// The commit, with `, changed since` where the working folder differed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The training command as configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, Value>,
    /// `modelyard 0.1.0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// The command that makes it again: `modelyard reproduce late-flights@1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reproduce: Option<String>,
}

impl Report {
    pub const VERSION: u32 = 1;

    /// A report with its verdict, computed from evaluation and gates.
    pub fn new(
        model: ModelFacts,
        data: DataFacts,
        evaluation: Evaluation,
        gates: Vec<GateVerdict>,
        packaging: Packaging,
        provenance: Provenance,
    ) -> Self {
        let verdict = verdict::verdict(&evaluation, &gates, &data);
        Self {
            version: Self::VERSION,
            model,
            data,
            verdict,
            gates,
            evaluation,
            importance: None,
            packaging,
            provenance,
            remarks: Vec::new(),
        }
    }

    /// `late-flights@3`, or the name alone before it is registered.
    pub fn title(&self) -> String {
        match self.model.number {
            Some(number) => format!("{}@{number}", self.model.name),
            None => self.model.name.clone(),
        }
    }

    /// Reads a stored report.
    ///
    /// # Errors
    /// If it is none, or of a later version than this program knows.
    pub fn from_json(bytes: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let broken =
            |error: serde_json::Error| Fault::new(Kind::Store, "cannot read a test report").because(error);
        let found: Versioned = serde_json::from_slice(bytes).map_err(broken)?;
        if found.version != Self::VERSION {
            let found = found.version;
            return Err(Fault::new(
                Kind::Store,
                format!("the test report has version {found}, this program knows version {}", Self::VERSION),
            )
            .hint("use a newer modelyard"));
        }
        serde_json::from_slice(bytes).map_err(broken)
    }
}
