//! The project's metrics on labelled rows, and whether answers have got worse.
//!
//! Worse means: by at least `decay.by` than on the version's own sealed test rows, the last honest number that was
//! known of it before it answered anybody; and so that the whole 95 % interval of the window is on the worse side of
//! that number, since a window of few rows is worse by chance. A version without such a number is compared with its
//! first labelled window.

use modelyard_core::config::Goal;
use modelyard_core::monitor::{ColumnFound, MetricFound, WindowRecord, log};
use modelyard_core::package::{Manifest, Predictions};
use modelyard_core::table::{Column, Table};
use modelyard_evaluate::{Sample, Truth, interval};
use modelyard_monitor::rule::{NoiseFloor, Observation, Rule};
use serde_json::Value;

use super::Case;
use crate::monitor::memory::States;
use crate::monitor::reference::Reference;

/// Of resampling.
const SEED: u64 = 0;

pub(super) fn metrics(
    case: &Case<'_>,
    reference: &Reference,
    rows: &Table,
    record: &mut WindowRecord,
    after: &mut States,
) {
    let manifest = &reference.manifest;
    let Some((truth, predictions)) = labelled(case, manifest, rows) else { return };
    record.labelled = truth.rows() as u64;
    if record.labelled == 0 {
        return;
    }
    let sample = match Sample::new(&truth, &predictions) {
        Ok(sample) => sample,
        Err(fault) => {
            record.remarks.push(format!("not scored: {}", fault.message()));
            return;
        }
    };
    for metric in case.metrics {
        let value = match metric.score(&sample) {
            Ok(value) => value,
            Err(reason) => {
                record.remarks.push(format!("{}: {reason}", metric.name()));
                continue;
            }
        };
        let (low, high) = match interval::of(*metric, &sample, SEED) {
            Ok(interval) => (interval.low, interval.high),
            Err(reason) => {
                record.remarks.push(format!("{} has no interval: {reason}", metric.name()));
                (value, value)
            }
        };
        let found = MetricFound { value, low, high, rows: record.labelled };
        record.metrics.insert(metric.name().to_owned(), found);
    }
    decay(case, reference, record, after);
}

fn decay(case: &Case<'_>, reference: &Reference, record: &mut WindowRecord, after: &mut States) {
    let Some(first) = case.metrics.first() else { return };
    let Some(found) = record.metrics.get(first.name()) else { return };
    let tested = reference.tested.as_ref().filter(|(name, _)| name == first.name()).map(|(_, value)| *value);
    let Some(before) = tested.or(after.first_metric) else {
        after.first_metric = Some(found.value);
        return;
    };
    let (worse, surely) = match first.goal() {
        Goal::Maximize => (before - found.value, found.high < before),
        Goal::Minimize => (found.value - before, found.low > before),
    };
    let spec = &case.spec.decay;
    let rule = Rule {
        effect: spec.by,
        deviations: 0.0,
        min_rows: spec.min_labels,
        windows: spec.windows as usize,
        of: spec.of as usize,
    };
    let floor = NoiseFloor { mean: 0.0, standard_deviation: 0.0, chunks: 0 };
    let window =
        Observation { start: case.start, rows: record.labelled, distance: if surely { worse } else { 0.0 } };
    let (judgement, next) = rule.judge(&floor, &window, &after.decay);
    after.decay = next;
    record.decay = Some(ColumnFound {
        test: first.name().to_owned(),
        value: worse,
        threshold: spec.by,
        above: judgement.above,
        moved: judgement.moved,
        since: judgement.since,
        error: 0.0,
    });
}

/// Truth and answers of the rows that have a label which is one of the model's classes, or a number.
fn labelled(case: &Case<'_>, manifest: &Manifest, rows: &Table) -> Option<(Truth, Predictions)> {
    let Some(Column::String(ids)) = rows.column("prediction_id") else { return None };
    let answers = rows.column(log::PREDICTION)?;
    let label = |row: usize| case.labels.get(ids[row].as_ref()?);
    if manifest.classes.is_empty() {
        let mut truth = Vec::new();
        let mut predicted = Vec::new();
        let Column::Float(values) = answers else { return None };
        for (row, value) in values.iter().enumerate() {
            if let (Some(label), Some(value)) = (label(row).and_then(Value::as_f64), value) {
                truth.push(label);
                predicted.push(*value);
            }
        }
        return Some((Truth::Values(truth), Predictions::Values(predicted)));
    }
    let classes = &manifest.classes;
    let positive = manifest.positive.as_deref();
    let place = |text: &str| classes.iter().position(|class| class == text);
    let probabilities = probabilities(rows, classes, positive);
    let mut truth = Vec::new();
    let mut labels = Vec::new();
    let mut kept = probabilities.as_ref().map(|_| Vec::new());
    for row in 0..rows.rows() {
        let Some(known) = label(row).and_then(text).and_then(|text| place(&text)) else { continue };
        let Some(answer) = answers.text(row).and_then(|text| place(&text)) else { continue };
        if let (Some(kept), Some(all)) = (&mut kept, &probabilities) {
            let Some(of_row) = all.iter().map(|of_class| of_class[row]).collect::<Option<Vec<f64>>>() else {
                continue;
            };
            kept.extend(of_row);
        }
        truth.push(known);
        labels.push(answer);
    }
    let positive = positive.and_then(place).unwrap_or(classes.len() - 1);
    let truth = Truth::Classes { labels: truth, names: classes.clone(), positive };
    Some((truth, Predictions::Classes { labels, probabilities: kept }))
}

/// A column a class; `None` where the log has none.
fn probabilities(rows: &Table, classes: &[String], positive: Option<&str>) -> Option<Vec<Vec<Option<f64>>>> {
    let column = |class: &String| {
        let name = log::probability(class, classes, positive)?;
        match rows.column(&name) {
            Some(Column::Float(values)) => Some(values.clone()),
            _ => None,
        }
    };
    let mut all: Vec<Option<Vec<Option<f64>>>> = classes.iter().map(column).collect();
    if let [first, second] = &mut all[..] {
        // Of two classes the log has that of the positive one alone.
        let rest = |of: &Vec<Option<f64>>| of.iter().map(|value| value.map(|value| 1.0 - value)).collect();
        match (&first, &second) {
            (None, Some(known)) => *first = Some(rest(known)),
            (Some(known), None) => *second = Some(rest(known)),
            _ => {}
        }
    }
    all.into_iter().collect()
}

/// A class as labels write it: `1` and `1.0` are the class `1`.
fn text(label: &Value) -> Option<String> {
    match label {
        Value::String(text) => Some(text.clone()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => match number.as_f64() {
            Some(value) if value.fract() == 0.0 && value.abs() < 9e15 => Some((value as i64).to_string()),
            _ => Some(number.to_string()),
        },
        _ => None,
    }
}
