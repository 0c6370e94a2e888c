//! A version that is as it was when it was tested.

use modelyard_core::deploy::environment::Tests;
use modelyard_evaluate::application::Outcome;

use super::bench::{Bench, Mode, failed, load, text};

#[test]
fn a_good_version_passes_every_check() {
    let bench = Bench::new();
    let tests = Tests { on: true, load: Some(load()), robustness: Some(0.5), ..Tests::default() };
    let (report, told) = bench.test(Mode::Good, tests);
    assert_eq!(failed(&report), Vec::<&str>::new(), "{}", text(&report));
    assert!(report.verdict.passed);
    assert!(
        report.verdict.sentence.starts_with("buyers@1 may leave staging: "),
        "{}",
        report.verdict.sentence
    );
    let outcome =
        |name: &str| report.checks.iter().find(|check| check.name == name).map(|check| check.outcome);
    for name in ["golden", "parity", "hostile", "robustness", "load"] {
        assert_eq!(outcome(name), Some(Outcome::Passed), "{name}\n{}", text(&report));
    }
    // A plain `serve` reports nothing.
    assert_eq!(outcome("startup"), Some(Outcome::Skipped));
    assert_eq!(outcome("command"), None);
    let told: Vec<_> = told.iter().map(|test| (&test.test, &test.sentence)).collect();
    let checks: Vec<_> = report.checks.iter().map(|check| (&check.name, &check.sentence)).collect();
    assert_eq!(told, checks);

    let load = report.load.as_ref().unwrap();
    assert_eq!((load.sent, load.answered), (80, 80));
    assert!(load.p50_ms > 0.0 && load.p50_ms <= load.p95_ms && load.p95_ms <= load.p99_ms, "{load:?}");
    assert_eq!(load.histogram.iter().map(|(_, count)| count).sum::<u64>(), 80);
    let robustness = report.robustness.as_ref().unwrap();
    assert!(robustness.columns.iter().any(|column| column.column == "price" && column.small));
    let stored = serde_json::to_string(&report).unwrap();
    assert!(!stored.contains("visitor-"), "no private value is in a report");
}

#[test]
fn without_a_declared_load_a_mild_one_is_run_and_nothing_required_of_it() {
    let bench = Bench::new();
    let (report, _) = bench.test(Mode::Slow, Tests { on: true, ..Tests::default() });
    assert!(report.verdict.passed, "{}", text(&report));
    let load = report.load.as_ref().unwrap();
    assert!(!load.declared && load.p50_ms >= 350.0, "{load:?}");
}
