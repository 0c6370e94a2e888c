//! Permutation importance against scikit-learn's, on a model that both can ask.

use std::collections::BTreeMap;
use std::process::Command;

use modelyard_core::package::Predictions;
use modelyard_core::table::{Column, Table};
use modelyard_evaluate::importance::{Importance, shuffled};
use modelyard_evaluate::{Sample, Truth, metric};
use serde::Deserialize;

/// As `importance.py` has it.
const REPEATS: u64 = 50;

#[derive(Deserialize)]
struct Case {
    /// Coefficients, then the intercept.
    model: Vec<f64>,
    columns: Vec<Vec<f64>>,
    truth: Vec<usize>,
    /// Mean and standard deviation by column, by metric.
    found: BTreeMap<String, [Vec<f64>; 2]>,
}

fn case() -> Case {
    let python = std::env::var("MODELYARD_TEST_PYTHON").expect(
        "MODELYARD_TEST_PYTHON must name a Python with the packages of tests/requirements.txt; `make test` sets it",
    );
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/importance.py");
    let output = Command::new(python).arg(script).env("OMP_NUM_THREADS", "1").output();
    let output = output.expect("the interpreter starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("the script prints JSON")
}

fn predict(model: &[f64], table: &Table) -> Predictions {
    let columns: Vec<_> = table
        .columns()
        .map(|(_, column)| match column {
            Column::Float(values) => values,
            other => panic!("{other:?}"),
        })
        .collect();
    let mut labels = Vec::new();
    let mut probabilities = Vec::new();
    for row in 0..table.rows() {
        let terms = columns.iter().zip(model).map(|(column, weight)| column[row].expect("a value") * weight);
        let logit = terms.sum::<f64>() + model[columns.len()];
        let probability = 1.0 / (1.0 + (-logit).exp());
        labels.push(usize::from(probability > 0.5));
        probabilities.extend([1.0 - probability, probability]);
    }
    Predictions::Classes { labels, probabilities: Some(probabilities) }
}

#[test]
fn it_is_scikit_learns_within_the_noise_of_both() {
    let case = case();
    let mut table = Table::new();
    for (place, values) in case.columns.iter().enumerate() {
        table.push(place.to_string(), Column::Float(values.iter().copied().map(Some).collect()));
    }
    let truth = Truth::Classes { labels: case.truth, names: vec!["no".into(), "yes".into()], positive: 1 };
    for (name, [means, deviations]) in &case.found {
        let metric = metric::lookup(name).expect("a known metric");
        let score = |table: &Table| {
            let answers = predict(&case.model, table);
            metric.score(&Sample::new(&truth, &answers).expect("they fit")).expect("it is defined")
        };
        let columns = (0..case.columns.len())
            .map(|place| {
                let values = (0..REPEATS).map(|repeat| score(&shuffled(&table, place, repeat, 1))).collect();
                (place.to_string(), values)
            })
            .collect();
        let found = Importance::new(metric, score(&table), table.rows() as u64, columns);
        assert_eq!(found.columns.len(), means.len());
        for column in &found.columns {
            let place: usize = column.column.parse().expect("a place");
            // Five standard deviations of the difference of two means over the repeats.
            let noise = 5.0 * deviations[place] * (2.0 / REPEATS as f64).sqrt();
            let far = (column.mean - means[place]).abs();
            assert!(
                far <= noise,
                "{name}, {}: {}, scikit-learn {}",
                column.column,
                column.mean,
                means[place]
            );
            let ratio = column.standard_deviation / deviations[place];
            assert!((0.5..2.0).contains(&ratio), "{name}, {}: deviations by {ratio}", column.column);
        }
    }
}
