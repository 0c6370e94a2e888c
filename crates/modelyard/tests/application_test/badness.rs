//! Versions that are no longer what was tested, each bad in its own way.

use modelyard_core::deploy::environment::Tests;

use super::bench::{Bench, Mode, failed, load, text};

#[track_caller]
fn caught(bench: &Bench, mode: Mode, by: &[&str], words: &[&str]) {
    let tests = Tests { on: true, load: Some(load()), ..Tests::default() };
    let (report, _) = bench.test(mode, tests);
    let text = text(&report);
    assert!(!report.verdict.passed, "{mode:?}\n{text}");
    for check in by {
        assert!(failed(&report).contains(check), "{mode:?} is not caught by {check}\n{text}");
    }
    for word in words {
        assert!(text.contains(word), "{mode:?}: no {word}\n{text}");
    }
    assert!(!serde_json::to_string(&report).unwrap().contains("visitor-"), "no private value is in a report");
}

#[test]
fn answers_that_are_not_those_that_were_tested_are_caught() {
    let bench = Bench::new();
    caught(
        &bench,
        Mode::SwappedClasses,
        &["golden", "parity"],
        &["of the test part, by itself", "answered otherwise than at packaging"],
    );
    caught(&bench, Mode::Constant, &["golden", "parity"], &["got no, probabilities 0.75, 0.25"]);
    caught(&bench, Mode::Nan, &["golden", "parity"], &["refused as bad_value"]);
}

#[test]
fn a_version_that_dies_on_a_certain_row_is_caught() {
    let bench = Bench::new();
    caught(&bench, Mode::CrashesOnARow, &["parity"], &["the model's process ended"]);
}

#[test]
fn a_version_that_fails_on_what_it_never_saw_is_caught() {
    let bench = Bench::new();
    caught(&bench, Mode::FailsOnWhatItNeverSaw, &["hostile"], &["unseen category, kind: never seen"]);
}

#[test]
fn a_slow_version_is_caught_by_the_load() {
    let bench = Bench::new();
    caught(&bench, Mode::Slow, &["load"], &["p95 ", "at most 350 ms wanted"]);
}

#[test]
fn a_version_that_hangs_is_caught_and_not_waited_for_for_ever() {
    let bench = Bench::new();
    caught(&bench, Mode::HangsOnARow, &["parity", "load"], &["no answer within 6 s", " requests hung"]);
}
