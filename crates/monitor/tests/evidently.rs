//! Every test's value and every decision of the preset against Evidently 0.7.23.
//!
//! Its answers are stored in `evidently/reference.json`, with the script that asked for them; the columns
//! are made anew by `evidently/datasets.py`, so that they need not be stored too.

use std::collections::BTreeMap;
use std::process::Command;

use modelyard_core::table::Column;
use modelyard_monitor::{Kind, Pair, Sample, drift, evidently};
use serde::Deserialize;
use serde_json::Value;

/// Relative above 1. Sums of thousands of terms in another order differ by less.
const TOLERANCE: f64 = 1e-9;
/// Of distances that are the root of what is left of 1: a rounding error of 1e-16 there is 1e-8 here, and
/// Evidently makes larger ones, dividing by the widths of bins far from 0.
const ROOT_TOLERANCE: f64 = 1e-7;

#[derive(Deserialize)]
struct Reference {
    versions: BTreeMap<String, String>,
    answers: BTreeMap<String, BTreeMap<String, Answer>>,
}

#[derive(Deserialize)]
struct Answer {
    kind: String,
    test: String,
    score: Option<f64>,
    threshold: f64,
    drift: bool,
    scores: BTreeMap<String, Option<f64>>,
}

/// Columns by data set and name, as (values of the reference, values now).
type Data = BTreeMap<String, BTreeMap<String, (Vec<Value>, Vec<Value>)>>;

fn data() -> Data {
    let python = std::env::var("MODELYARD_TEST_PYTHON").expect(
        "MODELYARD_TEST_PYTHON must name a Python with the packages of tests/requirements.txt; `make test` sets it",
    );
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/evidently/datasets.py");
    let output = Command::new(python).arg(script).output().expect("the interpreter starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("the script prints JSON")
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("evidently/reference.json")).expect("Evidently's answers")
}

fn column(values: &[Value]) -> Column {
    let is_infinite = |value: &Value| value == "inf" || value == "-inf";
    if values.iter().any(Value::is_boolean) {
        Column::Bool(values.iter().map(Value::as_bool).collect())
    } else if values.iter().any(|value| value.is_string() && !is_infinite(value)) {
        Column::String(values.iter().map(|value| value.as_str().map(str::to_owned)).collect())
    } else if values.iter().all(|value| value.is_null() || value.is_i64()) {
        Column::Int(values.iter().map(Value::as_i64).collect())
    } else {
        let number = |value: &Value| match value {
            Value::String(text) => text.parse().ok(),
            value => value.as_f64(),
        };
        Column::Float(values.iter().map(number).collect())
    }
}

#[test]
fn every_value_and_every_decision_is_that_of_evidently() {
    let (data, reference) = (data(), reference());
    assert_eq!(reference.versions["evidently"], "0.7.23");
    assert!(data.keys().eq(reference.answers.keys()), "reference.py and datasets.py differ: run the first");
    let mut wrong = Vec::new();
    let mut compared = 0;
    let mut decisions = BTreeMap::new();
    for (name, columns) in &data {
        for (label, (before, now)) in columns {
            let (before, now) = (column(before), column(now));
            let answer = reference.answers[name].get(label);
            let kind = evidently::kind(&now).map(Kind::name);
            let wanted = answer.map(|answer| answer.kind.as_str());
            if kind != wanted {
                wrong.push(format!("{name}, {label}: kind {kind:?}, Evidently {wanted:?}"));
            }
            let Some(answer) = answer else { continue };
            let (before, now) = (Sample::of(&before).expect("a kind"), Sample::of(&now).expect("a kind"));
            let mut pair = Pair::new(&before, &now).expect("Evidently compared them");
            if answer.kind == "categorical" {
                pair = pair.as_categories();
            }
            let faults = values(&pair, answer).into_iter().chain(decision(&pair, answer));
            wrong.extend(faults.map(|fault| format!("{name}, {label}: {fault}")));
            compared += 1;
            *decisions.entry((&answer.test, answer.drift)).or_insert(0) += 1;
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(compared > 500, "only {compared} columns were compared");
    assert_eq!(
        decisions.len(),
        10,
        "each of the preset's five tests found and found no drift: {decisions:?}"
    );
}

fn values(pair: &Pair<'_>, answer: &Answer) -> Vec<String> {
    let tests: Vec<_> = drift::ALL.iter().filter(|test| test.fits(pair.kind())).collect();
    let mut wrong = Vec::new();
    if tests.len() != answer.scores.len() {
        wrong.push(format!("Evidently has the tests {:?}", answer.scores.keys()));
    }
    for test in tests {
        let (found, wanted) = (test.score(pair), answer.scores[test.name()]);
        if !found.as_ref().is_ok_and(|found| is_equal(test.name(), *found, wanted)) {
            wrong.push(format!("{} is {found:?}, Evidently {wanted:?}", test.name()));
        }
    }
    wrong
}

fn decision(pair: &Pair<'_>, answer: &Answer) -> Option<String> {
    let found = evidently::judge(pair).expect("a verdict");
    let is_same = found.test == answer.test
        && found.drift == answer.drift
        && found.threshold == answer.threshold
        && is_equal(found.test, found.score, answer.score);
    let Answer { test, score, threshold, drift, .. } = answer;
    (!is_same).then(|| format!("{found:?}, Evidently {test} {score:?} under {threshold}: {drift}"))
}

/// Where SciPy has no p-value for one category, ours is 1.
fn is_equal(test: &str, found: f64, wanted: Option<f64>) -> bool {
    let wanted = wanted.unwrap_or(1.0);
    let is_root = test == "jensenshannon" || test == "hellinger";
    let tolerance = if is_root { ROOT_TOLERANCE } else { TOLERANCE };
    (found - wanted).abs() <= tolerance * wanted.abs().max(1.0)
}
