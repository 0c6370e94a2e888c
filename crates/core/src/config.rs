//! What `modelyard.toml` says, after it was checked: every name refers to something, every
//! default is filled in. The parser, with places and suggestions, lives in the binary.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::data::Roles;
use crate::deploy::EnvironmentSpec;
use crate::monitor::{MonitorSpec, TriggerSpec, lenient};
use crate::table::DataType;

/// A whole project file. Maps keep the file's names sorted; `order` of steps follows from their
/// placeholders, never from the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Project {
    pub name: String,
    pub task: Task,
    pub target: String,
    /// `[project] classes`, in the order wanted.
    pub classes: Option<Vec<String>>,
    /// `[project] positive`.
    pub positive: Option<String>,
    pub python: Python,
    pub data: BTreeMap<String, DataSet>,
    pub steps: BTreeMap<String, Step>,
    pub train: Option<Train>,
    pub test: Test,
    pub package: Package,
    /// `[register] name`; default the project's name.
    pub register: String,
    #[serde(default)]
    pub environments: BTreeMap<String, EnvironmentSpec>,
    #[serde(default, deserialize_with = "lenient")]
    pub monitor: Option<MonitorSpec>,
    #[serde(default, deserialize_with = "lenient")]
    pub triggers: Vec<TriggerSpec>,
}

impl Project {
    /// Every command of the user's: those that make data sets, custom steps, training.
    pub fn commands(&self) -> impl Iterator<Item = &Step> {
        let made = self.data.values().filter_map(|data| match &data.make {
            Make::Run(step) => Some(&**step),
            Make::AsIs | Make::Sql { .. } => None,
        });
        made.chain(self.steps.values()).chain(self.train.as_ref().map(|train| &train.step))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    Regression,
    Classification,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Python {
    /// Relative to the project; `None` where the project uses no packages.
    pub requirements: Option<String>,
    /// `"3.11"`; default the `python3` on the path.
    pub version: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataSet {
    pub sources: BTreeMap<String, Source>,
    /// How the one table comes from the sources.
    pub make: Make,
    pub checks: Checks,
    pub split: Split,
    pub roles: Roles,
    pub format: TableFormat,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Make {
    /// The one source as it is.
    AsIs,
    /// SQL, and the file it came from (`None`: in `modelyard.toml`).
    Sql { text: String, file: Option<String> },
    /// A command: the sources in as `{sources.NAME}`, one table out as `{output}`.
    Run(Box<Step>),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// A path or glob relative to the project, or absolute.
    pub path: String,
    /// One byte; default a comma, a tab for `.tsv`.
    pub delimiter: Option<char>,
    /// Whether the first line names the columns; default true.
    pub header: bool,
    /// Texts that stand for a missing value, besides the empty one.
    pub nulls: Vec<String>,
    /// Declared types, by column.
    pub types: BTreeMap<String, DataType>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TableFormat {
    Parquet,
    Csv,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Checks {
    /// `checks.rows`.
    pub min_rows: Option<u64>,
    pub max_rows: Option<u64>,
    pub columns: BTreeMap<String, ColumnChecks>,
}

/// The lowest or highest value allowed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Limit {
    /// Of numbers.
    Number(f64),
    /// Of dates and timestamps: ISO 8601, UTC where it has no zone. As `max`, a day without a time of
    /// day counts as a whole.
    Time(String),
}

/// Rules of one column; absent ones hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ColumnChecks {
    pub min: Option<Limit>,
    pub max: Option<Limit>,
    /// Highest share of missing values, in [0, 1].
    pub nulls: Option<f64>,
    pub unique: bool,
    /// The only values allowed, as text.
    pub values: Option<Vec<String>>,
    #[serde(rename = "type")]
    pub data_type: Option<DataType>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "lowercase")]
pub enum Split {
    /// Keyed hash of `key`, else of the whole row and its occurrence number.
    Random { seed: u64, key: Vec<String>, test: f64, validation: f64 },
    /// The latest instants; all rows of one instant on one side.
    Time { column: String, test: f64, validation: f64 },
    /// By a column that says `train`, `validation` or `test`; it is dropped from the parts.
    Column { column: String },
}

/// A command of the user's: a custom step, or what training and data steps have in common.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The words of `run`, placeholders not yet substituted.
    pub run: Vec<String>,
    /// Files, folders and globs, relative to the project.
    pub code: Vec<String>,
    /// Declared outputs of a custom step, name to kind; a name that ends in `/` is a folder.
    pub outputs: BTreeMap<String, crate::action::OutputKind>,
    pub params: BTreeMap<String, Value>,
    pub env: BTreeMap<String, String>,
    pub secrets: Vec<String>,
    pub threads: u32,
    pub seed: u64,
    /// Seconds; `None`: as long as it takes.
    pub timeout_secs: Option<f64>,
    pub sandbox: SandboxConfig,
    /// A failure of this step stops the line before registering.
    pub gate: bool,
}

impl Step {
    pub const DEFAULT_THREADS: u32 = 2;

    /// A step of these words, everything else at its default.
    pub fn new(run: Vec<String>) -> Self {
        Self {
            run,
            code: Vec::new(),
            outputs: BTreeMap::new(),
            params: BTreeMap::new(),
            env: BTreeMap::new(),
            secrets: Vec::new(),
            threads: Self::DEFAULT_THREADS,
            seed: 0,
            timeout_secs: None,
            sandbox: SandboxConfig::default(),
            gate: false,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SandboxConfig {
    /// `sandbox = "off"` clears it.
    pub on: bool,
    pub network: bool,
    /// `sandbox.read`: what a step may read besides, relative to the project or absolute.
    pub read: Vec<String>,
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self { on: true, network: false, read: Vec::new() }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Train {
    pub step: Step,
    /// The winner once more, on train and validation.
    pub refit: bool,
    pub search: Option<Search>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Search {
    pub method: SearchMethod,
    /// As training reports it: `validation.roc_auc`.
    pub metric: String,
    pub goal: Goal,
    pub space: BTreeMap<String, Space>,
    /// Of `random`; a grid has as many as it has points.
    pub trials: Option<u32>,
    pub seed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SearchMethod {
    Grid,
    Random,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Goal {
    Maximize,
    Minimize,
}

/// The values a parameter may take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Space {
    Choices(Vec<Value>),
    /// Both ends included; `log` draws uniformly in the logarithm, `step` on a lattice from `min`.
    Float {
        min: f64,
        max: f64,
        log: bool,
        step: Option<f64>,
    },
    Int {
        min: i64,
        max: i64,
        log: bool,
        step: Option<i64>,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Test {
    /// The data set whose test part is scored.
    pub data: Option<String>,
    /// The first decides.
    pub metrics: Vec<String>,
    pub gates: Gates,
    /// Columns by whose values the metrics are broken down.
    pub slices: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Gates {
    /// Bounds by metric.
    pub bounds: BTreeMap<String, Bound>,
    pub baseline: Option<Better>,
    pub champion: Option<Better>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Bound {
    pub min: Option<f64>,
    pub max: Option<f64>,
}

/// How a candidate must compare on the primary metric.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Better {
    /// Strictly.
    Better,
    NotWorse,
    /// By at least this much.
    By(f64),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Package {
    pub runtime: RuntimeChoice,
    /// Relative above 1, absolute below.
    pub tolerance: f64,
    pub features: Option<Features>,
    /// The model file or `predict.py` that is asked, relative to the model's folder.
    pub entry: Option<String>,
    /// Default: the training step's.
    pub code: Option<Vec<String>>,
    /// Seconds that the model may take over one question while it is packaged and tested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_secs: Option<f64>,
}

impl Package {
    pub const DEFAULT_TOLERANCE: f64 = 1e-9;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuntimeChoice {
    Auto,
    Onnx,
    Python,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Features {
    /// A single name: the model takes a Series.
    One(String),
    Many(Vec<String>),
}
