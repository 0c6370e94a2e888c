//! Estimates without labels against NannyML 0.13.1.
//!
//! Its answers and the rows that they are of, from data that its wheel ships, are stored in `nannyml/`, with the
//! script that made them.

use std::collections::BTreeMap;

use modelyard_core::package::Predictions;
use modelyard_evaluate::ClassSample;
use modelyard_monitor::estimate::{self, Estimator};
use serde::Deserialize;

/// NannyML rounds sums to 5 decimals.
const TOLERANCE: f64 = 1e-8;
/// NannyML takes rows of one score in any order, of which there are many where probabilities have two decimals; here
/// they count half. Relative.
const TIES: f64 = 0.01;

#[derive(Deserialize)]
struct Reference {
    versions: BTreeMap<String, String>,
    answers: BTreeMap<String, Vec<Case>>,
}

#[derive(Deserialize)]
struct Case {
    power: i32,
    calibrated: Vec<bool>,
    /// Value, sampling error and the metric with labels, by metric.
    chunks: Vec<BTreeMap<String, [f64; 3]>>,
}

/// Chunk, truth, answer, a probability each but for the negative class of two, how many such rows.
type Counted = Vec<Vec<f64>>;

/// The reference, and the chunks behind it.
#[derive(Default)]
struct Rows {
    truth: Vec<usize>,
    predicted: Vec<usize>,
    probabilities: Vec<f64>,
}

fn chunks(counted: &Counted, power: i32) -> Vec<Rows> {
    let mut chunks: Vec<Rows> = Vec::new();
    for row in counted {
        let [chunk, truth, answer, probabilities @ .., count] = row.as_slice() else { panic!("{row:?}") };
        let chunk = *chunk as usize;
        if chunks.len() <= chunk {
            chunks.resize_with(chunk + 1, Rows::default);
        }
        for _ in 0..*count as usize {
            let rows = &mut chunks[chunk];
            rows.truth.push(*truth as usize);
            rows.predicted.push(*answer as usize);
            match probabilities {
                [positive] => rows.probabilities.extend([1.0 - positive.powi(power), positive.powi(power)]),
                all => {
                    let raised: Vec<f64> = all.iter().map(|value| value.powi(power)).collect();
                    let total: f64 = raised.iter().sum();
                    rows.probabilities.extend(raised.iter().map(|value| value / total));
                }
            }
        }
    }
    chunks
}

#[test]
fn estimates_are_those_of_nannyml() {
    let counted: BTreeMap<String, Counted> =
        serde_json::from_str(include_str!("nannyml/rows.json")).expect("the rows");
    let reference: Reference =
        serde_json::from_str(include_str!("nannyml/reference.json")).expect("NannyML's answers");
    assert_eq!(reference.versions["nannyml"], "0.13.1");
    let mut wrong = Vec::new();
    let mut compared = 0;
    for (name, case) in
        reference.answers.iter().flat_map(|(name, cases)| cases.iter().map(move |case| (name, case)))
    {
        let mut parts = chunks(&counted[name], case.power).into_iter();
        let rows = parts.next().expect("the reference comes first");
        let n_classes = rows.probabilities.len() / rows.truth.len();
        let names: Vec<String> = (0..n_classes).map(|class| class.to_string()).collect();
        let sample = ClassSample {
            truth: &rows.truth,
            predicted: &rows.predicted,
            probabilities: Some(&rows.probabilities),
            names: &names,
            positive: n_classes - 1,
        };
        // Where calibrating is a close call, the rows on which it is tried decide, which are others in NannyML.
        let estimator = (1..100)
            .map(|seed| Estimator::fit(&sample, seed).expect("two rows of each class"))
            .find(|estimator| estimator.calibrated() == case.calibrated)
            .unwrap_or_else(|| {
                panic!("{name}, power {}: NannyML calibrates {:?}", case.power, case.calibrated)
            });
        for (chunk, (rows, wanted)) in parts.zip(&case.chunks).enumerate() {
            let answers =
                Predictions::Classes { labels: rows.predicted, probabilities: Some(rows.probabilities) };
            for metric in estimate::names(n_classes) {
                let found = estimator.estimate(metric, &answers).expect("it can be estimated");
                let [value, error, _] = wanted[metric.trim_end_matches("_macro").trim_end_matches("_ovr")];
                let ranks = metric.starts_with("roc_auc");
                // Of several classes, rows of one score have different probabilities once they sum to 1.
                let tolerance = if ranks && n_classes > 2 { 1e-3 } else { TOLERANCE };
                let error_tolerance = if ranks { TIES * error } else { TOLERANCE };
                if (found.value - value).abs() > tolerance
                    || (found.sampling_error - error).abs() > error_tolerance
                {
                    wrong.push(format!(
                        "{name}, power {}, chunk {chunk}, {metric}: {found:?}, NannyML {value} ± {error}",
                        case.power
                    ));
                }
                compared += 1;
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(compared, 45, "cases by chunks by metrics");
}
