//! Columns and answers of a window against the reference, by the own rule or by Evidently's preset.

use modelyard_core::Timestamp;
use modelyard_core::monitor::{ColumnFound, ColumnRule, MonitorSpec, Preset, WindowRecord, log};
use modelyard_core::table::{Column, Table};
use modelyard_evaluate::Undefined;
use modelyard_monitor::drift::{self, Measure};
use modelyard_monitor::rule::{NoiseFloor, Observation, Rule, State};
use modelyard_monitor::{Kind, Pair, Sample, evidently};

use super::Case;
use crate::monitor::memory::States;
use crate::monitor::reference::{Reference, Watched};

/// Of what is judged by yes and no: a distance of 1 or 0.
const NO_NOISE: NoiseFloor = NoiseFloor { mean: 0.0, standard_deviation: 0.0, chunks: 0 };

pub(super) fn columns(
    case: &Case<'_>,
    reference: &Reference,
    rows: &Table,
    record: &mut WindowRecord,
    after: &mut States,
) {
    for watched in &reference.columns {
        let rule = case.spec.drift.columns.get(&watched.name);
        let is_watched = rule.is_none_or(|rule| rule.watch);
        let Some(column) = rows.column(&log::stored_name(&watched.name)).filter(|_| is_watched) else {
            continue;
        };
        let state = after.columns.entry(watched.name.clone()).or_default();
        match judged(case.spec, rule, watched, column, case.start, state) {
            Ok(found) => {
                record.columns.insert(watched.name.clone(), found);
            }
            Err(reason) if record.rows > 0 => record.remarks.push(format!("`{}`: {reason}", watched.name)),
            Err(_) => {}
        }
    }
    if let Some(watched) = &reference.output
        && let Some(column) = rows.column(&watched.name)
    {
        match judged(case.spec, None, watched, column, case.start, &mut after.output) {
            Ok(found) => record.output = Some(found),
            Err(reason) if record.rows > 0 => record.remarks.push(format!("answers: {reason}")),
            Err(_) => {}
        }
    }
}

fn judged(
    spec: &MonitorSpec,
    own: Option<&ColumnRule>,
    watched: &Watched,
    column: &Column,
    start: Timestamp,
    state: &mut State,
) -> Result<ColumnFound, Undefined> {
    let current = Sample::of(column).ok_or_else(|| Undefined::new("times are not compared"))?;
    let pair = Pair::new(&watched.sample, &current)?;
    let has_test = own.is_some_and(|own| own.test.is_some());
    if spec.drift.preset == Preset::Evidently && !has_test {
        return evidently_judged(spec, own, pair, column, start, state);
    }
    let test = watched.test;
    let distance = test.score(&pair)?;
    let rows = current.rows();
    let rule = Rule {
        effect: own.and_then(|own| own.threshold).unwrap_or(spec.drift.effect),
        deviations: spec.drift.deviations,
        min_rows: spec.drift.min_rows,
        windows: spec.drift.windows as usize,
        of: spec.drift.of as usize,
    };
    if test.measure() == Measure::PValue {
        // How improbable a difference is says nothing of its size, and has no noise to be above.
        let threshold = own.and_then(|own| own.threshold).unwrap_or(test.threshold());
        let is_drift = test.is_drift(distance, threshold);
        return Ok(decided(&rule, test.name(), distance, threshold, is_drift, rows, start, state));
    }
    let floor =
        watched.floor.ok_or_else(|| Undefined::new("too few chunks of what was learnt from have values"))?;
    let (judgement, next) = rule.judge(&floor, &Observation { start, rows, distance }, state);
    *state = next;
    Ok(ColumnFound {
        test: test.name().to_owned(),
        value: distance,
        threshold: judgement.threshold,
        above: judgement.above,
        moved: judgement.moved,
        since: judgement.since,
        error: 0.0,
    })
}

/// As the preset decides: this window by itself.
fn evidently_judged(
    spec: &MonitorSpec,
    own: Option<&ColumnRule>,
    pair: Pair<'_>,
    column: &Column,
    start: Timestamp,
    state: &mut State,
) -> Result<ColumnFound, Undefined> {
    let kind = evidently::kind(column)
        .ok_or_else(|| Undefined::new("Evidently's preset compares no such column"))?;
    let pair = if kind == Kind::Categorical { pair.as_categories() } else { pair };
    let verdict = evidently::judge(&pair)?;
    let threshold = own.and_then(|own| own.threshold).unwrap_or(verdict.threshold);
    let is_drift = match drift::lookup(verdict.test) {
        Some(test) => test.is_drift(verdict.score, threshold),
        None => verdict.drift,
    };
    let rule = Rule { min_rows: spec.drift.min_rows, windows: 1, of: 1, ..Rule::default() };
    Ok(decided(&rule, verdict.test, verdict.score, threshold, is_drift, pair.rows().1, start, state))
}

/// What a window that was judged by yes and no comes to among the last ones.
#[expect(clippy::too_many_arguments, reason = "they are one judgement, taken apart")]
fn decided(
    rule: &Rule,
    test: &str,
    value: f64,
    threshold: f64,
    is_drift: bool,
    rows: u64,
    start: Timestamp,
    state: &mut State,
) -> ColumnFound {
    let rule = Rule { effect: 0.5, ..*rule };
    let distance = f64::from(u8::from(is_drift));
    let (judgement, next) = rule.judge(&NO_NOISE, &Observation { start, rows, distance }, state);
    *state = next;
    ColumnFound {
        test: test.to_owned(),
        value,
        threshold,
        above: judgement.above,
        moved: judgement.moved,
        since: judgement.since,
        error: 0.0,
    }
}
