//! What answers are compared with: the rows of the sealed test part, what the build stored as its
//! model's answers to them, and what the model of the package answers in Python by itself.

use std::sync::Arc;

use modelyard_core::action::ActionKind;
use modelyard_core::data::Part;
use modelyard_core::model::ModelVersion;
use modelyard_core::outcome::Outcome;
use modelyard_core::{Clock, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Project, python};

/// What the exporter keeps to on every example: sums of floats come out in another order.
pub(crate) const TOLERANCE: f64 = 1e-9;

#[derive(Deserialize)]
pub(crate) struct Truth {
    /// Every column but the target, as a request would send it.
    pub(crate) rows: Vec<Map<String, Value>>,
    /// Of the build: the kept output of scoring.
    pub(crate) stored: Vec<Expected>,
    /// Of Python, all rows at once.
    pub(crate) python: Vec<Expected>,
}

/// An answer: a number, or a class with the probability of each.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Expected {
    pub(crate) prediction: Value,
    /// A class with the type it has in the data.
    #[serde(default)]
    pub(crate) own: Option<Value>,
    #[serde(default)]
    pub(crate) probabilities: Map<String, Value>,
}

impl Expected {
    /// Whether `answer` of `/predict` says the same.
    #[track_caller]
    pub(crate) fn check(&self, answer: &Value) {
        assert_close(&answer["prediction"], &self.prediction);
        let empty = Map::new();
        let probabilities = answer["probabilities"].as_object().unwrap_or(&empty);
        assert_eq!(probabilities.len(), self.probabilities.len(), "{answer}");
        for (class, wanted) in &self.probabilities {
            assert_close(&probabilities[class], wanted);
        }
    }
}

/// Numbers within [`TOLERANCE`], relative above 1, and everything else as it is.
#[track_caller]
pub(crate) fn assert_close(got: &Value, wanted: &Value) {
    match (got.as_f64(), wanted.as_f64()) {
        (Some(a), Some(b)) => {
            let difference = modelyard_core::package::difference(a, b);
            assert!(difference <= TOLERANCE, "{a} is not {b}");
        }
        _ => assert_eq!(got, wanted),
    }
}

impl Truth {
    /// Of version 1 of `project`, which was built.
    pub(crate) fn of(project: &Project) -> Self {
        let folder = project.beside("truth");
        std::fs::create_dir_all(&folder).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(fetch(project, &folder));
        let example = project.example;
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/common/line/truth.py");
        let told = python(&[script, folder.to_str().unwrap(), example.target()]);
        serde_json::from_str(&told).unwrap_or_else(|error| panic!("{error} in {told}"))
    }
}

/// Writes `rows.parquet`, `predictions.parquet` and `package/` into `folder`.
async fn fetch(project: &Project, folder: &std::path::Path) {
    let example = project.example;
    let home = modelyard_store::open_existing(&project.home(), Arc::new(NoClock)).await.unwrap();
    let model = format!("{}@1", example.model()).parse().unwrap();
    let version: ModelVersion = home.models.resolve(&model).await.unwrap().unwrap();
    let run = home.runs.get(version.run.unwrap()).await.unwrap().unwrap();
    let outcome = Outcome::of(&run).unwrap();
    let mut predictions = None;
    for (_, key) in &outcome.actions {
        let result = home.results.get(*key).await.unwrap().unwrap();
        let scores = matches!(&result.action.kind, ActionKind::Builtin { name, .. } if name == "score");
        if scores && result.action.inputs["package"] == version.package {
            predictions = Some(result.outputs["predictions"].content);
        }
    }
    let data = home.data.get(example.folder(), example.data(), None).await.unwrap().unwrap();
    home.blobs.fetch_file(data.data.split[&Part::Test].content, &folder.join("rows.parquet")).await.unwrap();
    home.blobs.fetch_file(predictions.unwrap(), &folder.join("predictions.parquet")).await.unwrap();
    home.blobs.fetch_folder(version.package, &folder.join("package")).await.unwrap();
}

/// Reading a home needs no time.
struct NoClock;

impl Clock for NoClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(0)
    }

    fn entropy(&self) -> u128 {
        0
    }
}
