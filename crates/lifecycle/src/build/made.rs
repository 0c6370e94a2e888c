//! What each kind of node makes.

use std::collections::BTreeMap;

use modelyard_core::Digest;
use modelyard_core::action::ActionResult;
use modelyard_core::data::NumberedVersion;
use modelyard_core::model::ModelVersion;
use modelyard_core::package::Manifest;
use modelyard_evaluate::report::Report;
use modelyard_pipeline::InputFile;
use serde_json::Value;

use crate::outcome::GateOutcome;

#[derive(Clone, Debug)]
pub enum Made {
    Data(Box<DataMade>),
    Step(Box<StepMade>),
    Train(Box<TrainMade>),
    Package(Box<PackageMade>),
    Test(Box<TestMade>),
    Register(Box<RegisterMade>),
}

#[derive(Clone, Debug)]
pub struct DataMade {
    pub version: NumberedVersion,
    pub result: ActionResult,
}

#[derive(Clone, Debug)]
pub struct StepMade {
    pub outcome: StepOutcome,
}

#[derive(Clone, Debug)]
pub enum StepOutcome {
    Done(Box<ActionResult>),
    /// It failed, is no gate, and nothing needs it: the line goes on.
    Failed {
        report: String,
        log: Option<Digest>,
    },
}

#[derive(Clone, Debug)]
pub struct TrainMade {
    /// The action whose model is packaged.
    pub result: ActionResult,
    pub params: BTreeMap<String, Value>,
    pub trials: u32,
    /// What it learnt from, by placeholder.
    pub learnt_from: BTreeMap<String, InputFile>,
}

#[derive(Clone, Debug)]
pub struct PackageMade {
    pub result: ActionResult,
    /// The package's tree.
    pub digest: Digest,
    pub manifest: Manifest,
    pub facts: super::package::Facts,
}

#[derive(Clone, Debug)]
pub struct TestMade {
    /// Blob of the report.
    pub report_digest: Digest,
    pub report: Report,
    pub gates: Vec<GateOutcome>,
    /// The primary metric and its value.
    pub metric: Option<(String, f64)>,
}

#[derive(Clone, Debug)]
pub struct RegisterMade {
    pub version: ModelVersion,
    /// Whether this build registered it.
    pub new: bool,
    /// Those that the command asked for, which name it now.
    pub aliases: Vec<String>,
}
