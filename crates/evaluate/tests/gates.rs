//! Gates, as sentences: what is wanted and scored in, the verdict out.

use std::collections::BTreeMap;

use modelyard_core::config::{Better, Bound, Gates, Goal};
use modelyard_evaluate::interval::{Interval, Method};
use modelyard_evaluate::{ChampionOutcome, Difference, MetricResult, gates};

fn metric(name: &str, goal: Goal, value: Option<f64>) -> MetricResult {
    MetricResult {
        name: name.to_owned(),
        goal,
        value,
        undefined: value.is_none().then(|| "all rows are of one class".to_owned()),
        interval: None,
        baseline: Some(0.5),
        champion: None,
    }
}

fn auc(value: f64) -> Vec<MetricResult> {
    vec![metric("roc_auc", Goal::Maximize, Some(value))]
}

fn rmse(value: f64) -> Vec<MetricResult> {
    vec![metric("rmse", Goal::Minimize, Some(value))]
}

fn bound(name: &str, min: Option<f64>, max: Option<f64>) -> Gates {
    Gates { bounds: BTreeMap::from([(name.to_owned(), Bound { min, max })]), ..Gates::default() }
}

fn baseline(better: Better) -> Gates {
    Gates { baseline: Some(better), ..Gates::default() }
}

fn champion(better: Better) -> Gates {
    Gates { champion: Some(better), ..Gates::default() }
}

fn against(candidate: f64, value: f64) -> ChampionOutcome {
    let interval = Interval { low: -0.001, high: 0.011, method: Method::Delong };
    let difference = Difference { value: candidate - value, interval: Some(interval) };
    ChampionOutcome::Compared { name: "m@1".to_owned(), value, difference }
}

fn unlike() -> ChampionOutcome {
    ChampionOutcome::NotComparable {
        name: "m@1".to_owned(),
        reason: "it learnt from 12 % of these rows".to_owned(),
    }
}

#[track_caller]
fn check(gates: &Gates, metrics: &[MetricResult], champion: &ChampionOutcome, accept: bool, wanted: &str) {
    let found = match gates::judge(gates, metrics, champion, accept) {
        Err(fault) => format!("fault: {fault}"),
        Ok(verdicts) => verdicts
            .iter()
            .map(|gate| {
                let note = gate.note.as_deref().map(|note| format!(" ({note})")).unwrap_or_default();
                let word = if gate.passed { "passed" } else { "failed" };
                format!("{} {word}: wanted {}, got {}{note}", gate.name, gate.wanted, gate.got)
            })
            .collect::<Vec<_>>()
            .join("; "),
    };
    assert_eq!(found, wanted);
}

#[test]
fn no_gates_have_no_verdicts() {
    check(&Gates::default(), &auc(0.7), &ChampionOutcome::None, false, "");
    check(&Gates::default(), &[], &ChampionOutcome::None, false, "");
}

#[test]
fn bounds_include_their_ends() {
    let none = ChampionOutcome::None;
    let at_least = bound("roc_auc", Some(0.65), None);
    check(&at_least, &auc(0.693), &none, false, "roc_auc passed: wanted at least 0.650, got 0.693");
    check(&at_least, &auc(0.65), &none, false, "roc_auc passed: wanted at least 0.650, got 0.650");
    check(&at_least, &auc(0.6499), &none, false, "roc_auc failed: wanted at least 0.6500, got 0.6499");
    let at_most = bound("rmse", None, Some(50.0));
    check(&at_most, &rmse(53.42), &none, false, "rmse failed: wanted at most 50.00, got 53.42");
    let between = bound("roc_auc", Some(0.6), Some(0.9));
    check(&between, &auc(0.95), &none, false, "roc_auc failed: wanted 0.600 to 0.900, got 0.950");
}

#[test]
fn a_metric_without_a_value_fails_and_says_why() {
    let undefined = [metric("roc_auc", Goal::Maximize, None)];
    let note = "(roc_auc is undefined: all rows are of one class)";
    let wanted = format!("roc_auc failed: wanted at least 0.600, got no value {note}");
    check(&bound("roc_auc", Some(0.6), None), &undefined, &ChampionOutcome::None, false, &wanted);
    let wanted = format!("baseline failed: wanted better than the baseline, got no value {note}");
    check(&baseline(Better::Better), &undefined, &ChampionOutcome::None, false, &wanted);
    let wanted = format!("champion failed: wanted better than the champion, got no value {note}");
    check(&champion(Better::Better), &undefined, &ChampionOutcome::None, false, &wanted);
}

#[test]
fn a_metric_that_is_not_a_number_fails() {
    let none = ChampionOutcome::None;
    let broken = auc(f64::NAN);
    for gates in [bound("roc_auc", Some(0.1), None), baseline(Better::NotWorse), champion(Better::NotWorse)] {
        let verdicts = gates::judge(&gates, &broken, &none, false).unwrap();
        assert!(!verdicts[0].passed, "{verdicts:?}");
    }
}

#[test]
fn a_gate_on_a_metric_that_is_not_scored_is_a_fault() {
    let gates = bound("happiness", Some(1.0), None);
    check(
        &gates,
        &auc(0.7),
        &ChampionOutcome::None,
        false,
        "fault: the gate `happiness` has no metric to judge",
    );
}

#[test]
fn the_baseline_must_be_beaten() {
    let none = ChampionOutcome::None;
    let better = baseline(Better::Better);
    check(&better, &auc(0.7), &none, false, "baseline passed: wanted better than 0.500, got 0.700");
    check(&better, &auc(0.5), &none, false, "baseline failed: wanted better than 0.500, got 0.500");
    check(&better, &rmse(0.4), &none, false, "baseline passed: wanted better than 0.500, got 0.400");
    check(&better, &rmse(0.6), &none, false, "baseline failed: wanted better than 0.500, got 0.600");
}

#[test]
fn the_first_model_passes_as_such() {
    let wanted = "champion passed: wanted better than the champion, got 0.693 (first model)";
    check(&champion(Better::Better), &auc(0.693), &ChampionOutcome::None, false, wanted);
}

#[test]
fn the_champion_itself_passes() {
    let same = ChampionOutcome::Same { name: "m@1".to_owned() };
    let wanted = "champion passed: wanted better than m@1, got 0.693 (this package is the champion, m@1)";
    check(&champion(Better::Better), &auc(0.693), &same, false, wanted);
}

#[test]
fn better_is_strict_and_not_worse_is_not() {
    let equal = |better, wanted: &str| check(&champion(better), &auc(0.7), &against(0.7, 0.7), false, wanted);
    let note = "(difference 0.000, 95 % interval −0.001 to +0.011)";
    equal(Better::Better, &format!("champion failed: wanted better than 0.700, got 0.700 {note}"));
    equal(Better::NotWorse, &format!("champion passed: wanted not worse than 0.700, got 0.700 {note}"));
    let note = "(difference +0.000, 95 % interval −0.001 to +0.011)";
    let wanted = format!("champion passed: wanted better than 0.7000, got 0.7001 {note}");
    check(&champion(Better::Better), &auc(0.7001), &against(0.7001, 0.7), false, &wanted);
}

#[test]
fn a_gain_is_counted_in_the_metrics_direction() {
    let by = champion(Better::By(0.005));
    let passes = |metrics: &[MetricResult], value: f64, other: f64| {
        gates::judge(&by, metrics, &against(value, other), false).unwrap()[0].passed
    };
    assert!(passes(&auc(0.698), 0.698, 0.693), "0.698 − 0.693 is 0.005 to a person");
    assert!(!passes(&auc(0.6979), 0.6979, 0.693));
    assert!(passes(&rmse(0.693), 0.693, 0.698));
    assert!(!passes(&rmse(0.698), 0.698, 0.693));
    let note = "(difference +0.003, 95 % interval −0.001 to +0.011)";
    let wanted = format!("champion failed: wanted better than 0.693 by 0.005, got 0.696 {note}");
    check(&by, &auc(0.696), &against(0.696, 0.693), false, &wanted);
}

#[test]
fn a_champion_that_is_not_comparable_fails_until_accepted() {
    let wanted =
        "champion failed: wanted better than m@1, got not comparable (it learnt from 12 % of these rows)";
    check(&champion(Better::Better), &auc(0.7), &unlike(), false, wanted);
    let wanted = "champion passed: wanted better than m@1, got not comparable \
                  (it learnt from 12 % of these rows; passed by --accept-champion)";
    check(&champion(Better::Better), &auc(0.7), &unlike(), true, wanted);
}

#[test]
fn accepting_the_champion_does_not_pass_a_worse_model() {
    let verdicts = gates::judge(&champion(Better::Better), &auc(0.6), &against(0.6, 0.7), true).unwrap();
    assert!(!verdicts[0].passed);
}
