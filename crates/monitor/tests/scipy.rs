//! p-values and distances against SciPy 1.17.1, the whole against scikit-learn 1.9.1, on the inputs that `cases.py`
//! makes.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::LazyLock;

use modelyard_core::table::{Column, Table};
use modelyard_monitor::{Categories, Numbers, Pair, Sample, drift, whole};
use serde::Deserialize;

#[derive(Deserialize)]
struct Cases {
    versions: BTreeMap<String, String>,
    numbers: Vec<Case<f64>>,
    counts: Vec<Case<u64>>,
    wholes: Vec<Whole>,
}

#[derive(Deserialize)]
struct Case<T> {
    name: String,
    before: Vec<T>,
    now: Vec<T>,
    wanted: BTreeMap<String, f64>,
}

#[derive(Deserialize)]
struct Whole {
    name: String,
    before: Vec<Vec<f64>>,
    now: Vec<Vec<f64>>,
    auc: f64,
    components: usize,
    errors: [f64; 2],
}

static CASES: LazyLock<Cases> = LazyLock::new(|| {
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
});

/// Relative, and absolute for what is nearly 0. Logarithms of gamma functions of large samples lose digits.
fn is_equal(test: &str, found: f64, wanted: f64) -> bool {
    let absolute = if test == "jensenshannon" { 5e-8 } else { 1e-14 };
    (found - wanted).abs() <= 1e-8 * wanted.abs() + absolute
}

fn compare(name: &str, before: &Sample, now: &Sample, wanted: &BTreeMap<String, f64>) -> Vec<String> {
    let pair = Pair::new(before, now).expect("values");
    let mut wrong = Vec::new();
    for (test, wanted) in wanted {
        let found = drift::lookup(test).expect("a test").score(&pair).expect("a value");
        if !is_equal(test, found, *wanted) {
            wrong.push(format!("{name}, {test}: {found:e}, SciPy {wanted:e}"));
        }
    }
    wrong
}

#[test]
fn values_are_those_of_scipy() {
    let cases = &*CASES;
    assert_eq!(cases.versions["scipy"], "1.17.1", "the version that tests/requirements.txt pins");
    let mut wrong = Vec::new();
    for case in &cases.numbers {
        let sample = |values: &Vec<f64>| Sample::Numbers(Numbers::new(values.clone()));
        let (before, now) = (sample(&case.before), sample(&case.now));
        wrong.extend(compare(&case.name, &before, &now, &case.wanted));
        wrong.extend(compare(&case.name, &before.prepare(), &now.prepare(), &case.wanted));
    }
    for case in &cases.counts {
        let sample = |counts: &Vec<u64>| {
            let named = counts.iter().enumerate().map(|(value, count)| (format!("{value:04}"), *count));
            Sample::Categories(Categories::from_counts(named, 0))
        };
        wrong.extend(compare(&case.name, &sample(&case.before), &sample(&case.now), &case.wanted));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(cases.numbers.len() > 150, "only {} samples", cases.numbers.len());
}

fn table(columns: &[Vec<f64>]) -> Table {
    let mut table = Table::new();
    for (number, values) in columns.iter().enumerate() {
        table.push(format!("c{number}"), Column::Float(values.iter().copied().map(Some).collect()));
    }
    table
}

#[test]
fn the_whole_is_that_of_scikit_learn() {
    for case in &CASES.wholes {
        let (before, now) = (table(&case.before), table(&case.now));
        let found = whole::tell_apart(&before, &now, 0).expect("an area");
        // Two optimisers stop at slightly different weights, which may swap a few pairs of rows.
        assert!((found.auc - case.auc).abs() < 1e-4, "{}: {found:?}, scikit-learn {}", case.name, case.auc);
        assert!(found.low <= found.auc && found.auc <= found.high, "{}: {found:?}", case.name);

        let pca = whole::Pca::fit(&before).expect("directions");
        assert_eq!(pca.components(), case.components, "{}", case.name);
        for (table, wanted) in [(&before, case.errors[0]), (&now, case.errors[1])] {
            let found = pca.error(table).expect("an error");
            assert!((found - wanted).abs() < 1e-9 * wanted, "{}: {found}, scikit-learn {wanted}", case.name);
        }
    }
}
