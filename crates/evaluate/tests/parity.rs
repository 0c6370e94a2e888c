//! Every metric against scikit-learn, on the inputs that `cases.py` makes and scores.

use std::collections::BTreeMap;
use std::process::Command;

use modelyard_core::package::Predictions;
use modelyard_evaluate::{Sample, Truth, metric};
use serde::Deserialize;

/// Relative above 1. Sums of thousands of terms in another order differ by about this much.
const TOLERANCE: f64 = 1e-12;

#[derive(Deserialize)]
struct Cases {
    sklearn: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    truth: Vec<f64>,
    predicted: Vec<f64>,
    probabilities: Option<Vec<f64>>,
    n_classes: Option<usize>,
    positive: Option<usize>,
    wanted: BTreeMap<String, Option<f64>>,
}

fn cases() -> Cases {
    let python = std::env::var("MODELYARD_TEST_PYTHON").expect(
        "MODELYARD_TEST_PYTHON must name a Python with the packages of tests/requirements.txt; `make test` sets it",
    );
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases.py");
    let output = Command::new(python)
        .arg(script)
        .env("OMP_NUM_THREADS", "1")
        .output()
        .expect("the interpreter starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("the script prints JSON")
}

impl Case {
    fn inputs(&self) -> (Truth, Predictions) {
        let labels = |values: &[f64]| values.iter().map(|value| *value as usize).collect::<Vec<_>>();
        match self.n_classes {
            None => (Truth::Values(self.truth.clone()), Predictions::Values(self.predicted.clone())),
            Some(n_classes) => {
                let names = (0..n_classes).map(|class| format!("c{class}")).collect();
                let positive = self.positive.unwrap_or(n_classes - 1);
                let truth = Truth::Classes { labels: labels(&self.truth), names, positive };
                let probabilities = self.probabilities.clone();
                (truth, Predictions::Classes { labels: labels(&self.predicted), probabilities })
            }
        }
    }
}

#[test]
fn metrics_equal_those_of_scikit_learn() {
    let Cases { sklearn, cases } = cases();
    assert_eq!(sklearn, "1.9.1", "the version that tests/requirements.txt pins");
    let mut wrong = Vec::new();
    let mut compared = 0;
    for case in &cases {
        let (truth, predictions) = case.inputs();
        let sample = Sample::new(&truth, &predictions).expect("truth and answers fit");
        let names = metric::names(truth.task(), truth.n_classes());
        assert_eq!(names.len(), case.wanted.len(), "{}: {names:?}", case.name);
        for name in names {
            let found = metric::lookup(name).expect("a listed metric is found").score(&sample);
            let wanted = case.wanted[name];
            let equal = match (&found, wanted) {
                (Ok(found), Some(wanted)) => (found - wanted).abs() <= TOLERANCE * wanted.abs().max(1.0),
                (Err(_), None) => true,
                _ => false,
            };
            compared += 1;
            if !equal {
                wrong.push(format!("{}, {name}: wanted {wanted:?}, found {found:?}", case.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 500, "only {compared} values were compared");
}
