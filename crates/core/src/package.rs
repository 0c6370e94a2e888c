//! The manifest of a package: the content-addressed folder that is tested, deployed and served.
//!
//! A package refers outside itself by digest only: no number, commit, clock, path or host is in it.
//!
//! ```text
//! manifest.json      this document
//! model/…            the model's files as training left them, and `model.onnx` where exported
//! code/…             the project's code the model needs, on the worker's path
//! requirements.lock  the Python environment the model was trained in
//! golden.json        rows with the answers the model must give, everywhere
//! profile.json       inputs and outputs as seen in training
//! files.json         the tree of all files above, so that a folder proves itself without a home
//! ```
//!
//! The package's digest is that of the tree of *all* its files, `files.json` included: what a
//! store gives the same folder.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::Task;
use crate::data::ColumnProfile;
use crate::table::{DataType, Field};
use crate::tree::Tree;
use crate::{Digest, Fault, Kind};

/// Names of the documents at the top of a package.
pub const MANIFEST: &str = "manifest.json";
pub const GOLDEN: &str = "golden.json";
pub const PROFILE: &str = "profile.json";
pub const FILES: &str = "files.json";

/// A package folder that was read and found to hold exactly what its `files.json` lists.
#[derive(Clone, Debug)]
pub struct Package {
    pub folder: PathBuf,
    pub manifest: Manifest,
    pub golden: Golden,
    /// Of all files, `files.json` included.
    pub tree: Tree,
}

impl Package {
    /// What names the package everywhere.
    pub fn digest(&self) -> Digest {
        self.tree.digest()
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Format version, 1.
    pub version: u32,
    pub task: Task,
    pub target: String,
    /// Stages in the order a request passes them; one in this version.
    pub stages: Vec<Stage>,
    pub signature: Signature,
    /// Classes in the order of the probabilities; empty for regression.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// What the classes are in the data: `1` is a text here, and a number to whoever asks as MLflow does.
    #[serde(default = "text", skip_serializing_if = "is_text")]
    pub class_type: DataType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub positive: Option<String>,
    /// Equal answers differ by at most this, relative above 1.
    pub tolerance: f64,
    pub provenance: Provenance,
}

fn text() -> DataType {
    DataType::String
}

fn is_text(data_type: &DataType) -> bool {
    *data_type == DataType::String
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    pub name: String,
    pub runtime: Runtime,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Runtime {
    /// An ONNX graph, asked in process.
    Onnx {
        /// Within the package: `model/model.onnx`.
        file: String,
        /// Whether Modelyard exported it in float64 (`exported`) or the user's code wrote it (`given`).
        origin: OnnxOrigin,
        /// The ONNX Runtime it was tested with.
        library_version: String,
        library_digest: Digest,
    },
    /// A worker process in the model's own Python environment.
    Python {
        /// Within the package: `model/model.joblib` or `model/predict.py`.
        entry: String,
        /// `3.11.7`, as the environment's interpreter calls itself.
        python: String,
        environment: Digest,
    },
}

impl Runtime {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Onnx { .. } => "onnx",
            Self::Python { .. } => "python",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnnxOrigin {
    Exported,
    Given,
}

/// What a request must look like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Signature {
    /// What the model is asked with, in its order.
    pub inputs: Vec<Input>,
    /// True where the model takes a single Series (`[package] features = "name"`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub series: bool,
    /// Columns of the data set that are no inputs: accepted in a request and not scored.
    pub ignored: Vec<String>,
    /// Those of them that are logged where a request brings them: neither the target nor private.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub meta: Vec<Field>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Input {
    pub name: String,
    #[serde(rename = "type")]
    pub data_type: DataType,
    /// The pandas dtype that reading the training split gives: `float64`, `int64`, `object`, `str`, `bool`,
    /// `datetime64[us]`.
    pub dtype: String,
    /// Whether the model answers a null or missing field; tried at packaging.
    pub nullable: bool,
    /// Whether the model answers a category (a text, or a whole number) it has not seen; tried at packaging,
    /// true for other types.
    pub unseen: bool,
    /// Where it does not: every category it answers, as text, sorted by bytes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
}

/// Where the model comes from, by digest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// Key of the training action whose model this is.
    pub training: Digest,
    /// Logical digests of the parts it learnt from, by placeholder.
    pub data: BTreeMap<String, Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Digest>,
    pub params: BTreeMap<String, Value>,
}

/// `golden.json`: rows of the validation part and what the model answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Golden {
    /// Format version, 1.
    pub version: u32,
    /// A row each: field to value, as a request would send it.
    pub rows: Vec<serde_json::Map<String, Value>>,
    pub answers: Vec<Answer>,
}

/// What a model says of one row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// A number, or a class's name.
    pub prediction: Value,
    /// In the order of `classes`; absent for regression and for a classifier without them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probabilities: Option<Vec<f64>>,
}

/// `profile.json`: what the model saw and said in training; facts for monitoring, not rules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainingProfile {
    /// Format version, 1.
    pub version: u32,
    pub inputs: Vec<ColumnProfile>,
    /// Of the answers on the validation part.
    pub outputs: Vec<ColumnProfile>,
}

impl Answer {
    /// How far two answers are apart, relative above 1; infinitely if one is of another kind, or another
    /// class whose probability is not the same within `tolerance`. Probabilities are in the order of
    /// `classes`.
    pub fn distance(&self, wanted: &Self, classes: &[String], tolerance: f64) -> f64 {
        let numbers = match (&self.probabilities, &wanted.probabilities) {
            (Some(got), Some(wanted)) if got.len() == wanted.len() => {
                got.iter().zip(wanted).map(|(a, b)| difference(*a, *b)).fold(0.0, f64::max)
            }
            (None, None) => 0.0,
            _ => return f64::INFINITY,
        };
        match (self.prediction.as_f64(), wanted.prediction.as_f64()) {
            (Some(got), Some(wanted)) => numbers.max(difference(got, wanted)),
            _ if self.prediction == wanted.prediction => numbers,
            // A tie: two classes of one probability, of which the last bit chose another.
            _ => match (self.probability(classes), wanted.probability(classes)) {
                (Some(a), Some(b)) if difference(a, b) <= tolerance => numbers,
                _ => f64::INFINITY,
            },
        }
    }

    /// Of the class that was chosen.
    fn probability(&self, classes: &[String]) -> Option<f64> {
        let name = self.prediction.as_str()?;
        let place = classes.iter().position(|class| class == name)?;
        self.probabilities.as_ref()?.get(place).copied()
    }
}

/// Many answers, by column: what a runtime gives and metrics take.
#[derive(Clone, Debug, PartialEq)]
pub enum Predictions {
    /// A number a row.
    Values(Vec<f64>),
    Classes {
        /// Index into the manifest's classes, one a row.
        labels: Vec<usize>,
        /// Row by row, one number a class; `None` where the model gives none.
        probabilities: Option<Vec<f64>>,
    },
}

impl Predictions {
    pub fn rows(&self) -> usize {
        match self {
            Self::Values(values) => values.len(),
            Self::Classes { labels, .. } => labels.len(),
        }
    }

    /// The answer of `row`, classes named.
    pub fn answer(&self, row: usize, classes: &[String]) -> Answer {
        match self {
            Self::Values(values) => Answer { prediction: values[row].into(), probabilities: None },
            Self::Classes { labels, probabilities } => Answer {
                prediction: classes[labels[row]].clone().into(),
                probabilities: probabilities
                    .as_ref()
                    .map(|all| all[row * classes.len()..(row + 1) * classes.len()].to_vec()),
            },
        }
    }
}

/// Whether `a` and `b` are equal answers: within `tolerance`, relative above 1.
pub fn close(a: f64, b: f64, tolerance: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan()) || difference(a, b) <= tolerance
}

/// `|a − b|`, divided by the larger magnitude where that exceeds 1.
pub fn difference(a: f64, b: f64) -> f64 {
    (a - b).abs() / a.abs().max(b.abs()).max(1.0)
}

impl Manifest {
    /// The class at `place` with the type it has in the data.
    ///
    /// # Panics
    /// If there is none at `place`.
    pub fn class_value(&self, place: usize) -> Value {
        let name = &self.classes[place];
        value_of(name, self.class_type).unwrap_or_else(|| name.clone().into())
    }

    /// Reads `manifest.json`.
    ///
    /// # Errors
    /// If it is no manifest, or of a later version than this program knows.
    pub fn from_json(bytes: &[u8]) -> crate::Result<Self> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let broken = |error: serde_json::Error| {
            Fault::new(Kind::Package, "cannot read the package's `manifest.json`").because(error)
        };
        let found: Versioned = serde_json::from_slice(bytes).map_err(broken)?;
        if found.version != 1 {
            return Err(Fault::new(
                Kind::Package,
                format!("the package's manifest has version {}, this program knows version 1", found.version),
            )
            .hint("use a newer modelyard"));
        }
        serde_json::from_slice(bytes).map_err(broken)
    }
}

/// `text` as a value of `data_type`; `None` if it is none. Times stay text.
pub fn value_of(text: &str, data_type: DataType) -> Option<Value> {
    match data_type {
        DataType::Bool => text.parse::<bool>().ok().map(Value::from),
        DataType::Int => text.parse::<i64>().ok().map(Value::from),
        DataType::Float => text.parse::<f64>().ok().filter(|value| value.is_finite()).map(Value::from),
        DataType::String | DataType::Timestamp | DataType::Date => Some(text.into()),
    }
}
