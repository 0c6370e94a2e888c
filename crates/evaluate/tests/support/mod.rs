//! Reports of real models, from what `models.py` prints.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use modelyard_core::Digest;
use modelyard_core::config::{Gates, Task, Test};
use modelyard_core::package::Predictions;
use modelyard_core::table::{Column, Table};
use modelyard_evaluate::report::{DataFacts, ModelFacts, Packaging, Provenance, Report};
use modelyard_evaluate::{Baseline, Champion, Evidence, Importance, Truth, evaluate, gates, wanted_metrics};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
pub(crate) struct Case {
    pub(crate) name: String,
    target: String,
    classes: Vec<String>,
    truth: Vec<f64>,
    train: Vec<f64>,
    answers: Answers,
    champion: Option<Answers>,
    columns: BTreeMap<String, Values>,
    metrics: Vec<String>,
    slices: Vec<String>,
    gates: Gates,
}

#[derive(Deserialize)]
struct Answers {
    predicted: Vec<f64>,
    probabilities: Option<Vec<f64>>,
}

#[derive(Deserialize)]
#[serde(tag = "type", content = "values", rename_all = "lowercase")]
enum Values {
    Bool(Vec<Option<bool>>),
    Int(Vec<Option<i64>>),
    Float(Vec<Option<f64>>),
    String(Vec<Option<String>>),
}

/// What `script` prints; it is run by the interpreter that MODELYARD_TEST_PYTHON names.
pub(crate) fn cases(script: &Path) -> Vec<Case> {
    let python = std::env::var("MODELYARD_TEST_PYTHON").expect(
        "MODELYARD_TEST_PYTHON must name a Python with the packages of tests/requirements.txt; `make test` sets it",
    );
    // More threads than processors spin for each other, a hundred times slower on a busy machine.
    let output = Command::new(python)
        .arg(script)
        .env("OMP_NUM_THREADS", "1")
        .output()
        .expect("the interpreter starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("the script prints JSON")
}

impl Case {
    fn truth(&self, values: &[f64]) -> Truth {
        if self.classes.is_empty() {
            return Truth::Values(values.to_vec());
        }
        let labels = values.iter().map(|value| *value as usize).collect();
        Truth::Classes { labels, names: self.classes.clone(), positive: self.classes.len() - 1 }
    }

    fn predictions(&self, answers: &Answers) -> Predictions {
        if self.classes.is_empty() {
            return Predictions::Values(answers.predicted.clone());
        }
        let labels = answers.predicted.iter().map(|value| *value as usize).collect();
        Predictions::Classes { labels, probabilities: answers.probabilities.clone() }
    }

    pub(crate) fn report(&self) -> Report {
        let truth = self.truth(&self.truth);
        let predictions = self.predictions(&self.answers);
        let champion = self.champion.as_ref().map(|answers| self.predictions(answers));
        let mut table = Table::new();
        for (name, values) in &self.columns {
            let column = match values {
                Values::Bool(values) => Column::Bool(values.clone()),
                Values::Int(values) => Column::Int(values.clone()),
                Values::Float(values) => Column::Float(values.clone()),
                Values::String(values) => Column::String(values.clone()),
            };
            table.push(name, column);
        }
        let test = Test {
            data: None,
            metrics: self.metrics.clone(),
            gates: self.gates.clone(),
            slices: self.slices.clone(),
        };
        let task = if self.classes.is_empty() { Task::Regression } else { Task::Classification };
        let metrics = wanted_metrics(&test, task, self.classes.len()).expect("known metrics");
        let champion_name = format!("{}@1", self.name);
        let evaluation = evaluate(&Evidence {
            truth: &truth,
            predictions: &predictions,
            table: &table,
            metrics: &metrics,
            slices: &test.slices,
            baseline: Some(&Baseline::fit(&self.truth(&self.train)).expect("there are rows")),
            champion: match &champion {
                Some(predictions) => Champion::Answers { name: &champion_name, predictions },
                None => Champion::None,
            },
            seed: 1,
        })
        .expect("truth and answers fit");
        let verdicts =
            gates::judge(&test.gates, &evaluation.metrics, &evaluation.champion, false).expect("known gates");
        let digest = |of: &str| Some(Digest::of(of.as_bytes()));
        let mut report = Report::new(
            ModelFacts {
                name: self.name.clone(),
                number: Some(if champion.is_some() { 2 } else { 1 }),
                run: Some("01K2H0Q4X8V7R5N3M1JZ9YB6TQ".to_owned()),
                target: self.target.clone(),
                tested_at: Some(modelyard_core::Timestamp::from_micros(1_780_000_000_000_000)),
            },
            DataFacts {
                version: format!("{}@1", self.name),
                split: Some("random, 10 %".to_owned()),
                train_rows: Some(self.train.len() as u64),
                sealed: true,
                test_uses: if champion.is_some() { 3 } else { 1 },
            },
            evaluation,
            verdicts,
            Packaging {
                runtime: "onnx".to_owned(),
                origin: Some("exported, float64".to_owned()),
                library: Some("ONNX Runtime 1.32.0".to_owned()),
                reason: None,
                largest_difference: Some(2.2e-16),
                compared_rows: Some(3484),
                tolerance: Some(1e-9),
                size_bytes: Some(148_000),
            },
            Provenance {
                package: digest("package"),
                training: digest("training"),
                data: [("train", "a"), ("validation", "b"), ("test", "c")]
                    .map(|(name, of)| (name.to_owned(), Digest::of(of.as_bytes())))
                    .into(),
                code: digest("code"),
                environment: digest("environment"),
                commit: Some("4f1c2aa9 on main, changed since".to_owned()),
                command: Some("python train.py --train {data.train} --model {model}".to_owned()),
                params: BTreeMap::from([
                    ("learning_rate".to_owned(), Value::from(0.05)),
                    ("leaves".to_owned(), 15.into()),
                ]),
                program: Some("modelyard 0.1.0".to_owned()),
                reproduce: Some(format!("modelyard reproduce {}@1", self.name)),
            },
        );
        report.remarks.push("1 of 6 columns was constant in training.".to_owned());
        let worse = |(name, place): (&String, u32)| (name.clone(), vec![0.9 - 0.02 * f64::from(place); 2]);
        let shuffled = self.columns.keys().zip(0..).map(worse).collect();
        report.importance = Some(Importance::new(metrics[0], 0.9, 200, shuffled));
        report
    }
}
