//! How far answers move when inputs move a little, or go missing: a report, with a limit where one is
//! declared.
//!
//! Each numeric column is moved by a hundredth of its standard deviation in training, up and down; a whole
//! number by at least 1, and not at all where that is more than a tenth of it. The limit is on the share of
//! changed answers of the most sensitive column.

use async_trait::async_trait;
use modelyard_core::Result;
use modelyard_core::package::{Answer, Input};
use modelyard_core::table::DataType;
use modelyard_evaluate::application::{Outcome, Robustness, Sensitivity};
use serde_json::{Map, Value, json};

use super::endpoint::Reply;
use super::{Bench, Check, Found};

pub(super) struct RobustnessCheck;

/// Rows that are changed, of the test part.
const ROWS: usize = 200;

/// Share of a column's standard deviation.
const SMALL: f64 = 0.01;

/// Above this share of the standard deviation a step of 1 is not small.
const STEP: f64 = 0.1;

/// Share of the answers' standard deviation above which a number counts as changed.
const MOVED: f64 = 0.1;

type Row = Map<String, Value>;

#[async_trait]
impl Check for RobustnessCheck {
    fn name(&self) -> &'static str {
        "robustness"
    }

    async fn run(&self, bench: &Bench<'_>) -> Result<Found> {
        let limit = bench.environment.spec.tests.robustness;
        let rows = bench.subject.some_rows(ROWS);
        let base = match ask(bench, &rows).await {
            Ok(base) => base,
            Err(why) => {
                let outcome = if limit.is_some() { Outcome::Failed } else { Outcome::Skipped };
                return Ok(Found::new(outcome, format!("unchanged rows were not answered: {why}")));
            }
        };
        let measure = Measure::of(&base);
        let inputs = &bench.subject.manifest.signature.inputs;
        let mut columns = Vec::new();
        for (place, input) in inputs.iter().enumerate() {
            bench.done(place, inputs.len());
            if let Some(step) = step(bench, input) {
                let up = moved(&rows, input, step);
                let down = moved(&rows, input, -step);
                let change = format!("± {}", short(step));
                let name = &input.name;
                columns.push(sensitivity(bench, name, change, true, &base, &measure, [up, down]).await);
            }
            if input.nullable {
                let without = |row: &Row| {
                    let mut row = row.clone();
                    let before = row.insert(input.name.clone(), Value::Null);
                    (before != Some(Value::Null)).then_some(row)
                };
                let missing = [rows.iter().map(without).collect(), Vec::new()];
                let change = "missing".to_owned();
                columns.push(sensitivity(bench, &input.name, change, false, &base, &measure, missing).await);
            }
        }
        bench.done(inputs.len(), inputs.len());
        columns.sort_by(|a, b| {
            b.small.cmp(&a.small).then(b.changed.unwrap_or(0.0).total_cmp(&a.changed.unwrap_or(0.0)))
        });
        let small = columns.iter().filter(|column| column.small);
        let worst_share = small.clone().filter_map(|column| column.changed).fold(0.0, f64::max);
        let cases = columns.iter().map(|column| column.answered).sum();
        let sentence = match small.clone().find(|column| column.changed == Some(worst_share)) {
            Some(column) if worst_share > 0.0 => format!(
                "moving {} by {} changes {:.1} % of {} answers; no other small move changes more",
                column.column,
                column.change,
                worst_share * 100.0,
                column.answered,
            ),
            Some(_) => "no small move of a number changes an answer".to_owned(),
            None => "no column holds numbers that can be moved a little".to_owned(),
        };
        let outcome = match limit {
            None => Outcome::Reported,
            Some(limit) if worst_share <= limit => Outcome::Passed,
            Some(_) => Outcome::Failed,
        };
        let mut found = Found::new(outcome, sentence);
        found.wanted = limit.map(|limit| format!("at most {} % changed", limit * 100.0));
        found.cases = cases;
        found.robustness =
            Some(Robustness { rows: rows.len() as u64, measure: measure.text(), worst_share, columns });
        Ok(found)
    }
}

/// When an answer counts as changed.
enum Measure {
    Class,
    Number { above: f64 },
}

impl Measure {
    fn of(base: &[Answer]) -> Self {
        let values: Vec<f64> = base.iter().filter_map(|answer| answer.prediction.as_f64()).collect();
        if values.is_empty() {
            return Self::Class;
        }
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
        Self::Number { above: MOVED * variance.sqrt() }
    }

    fn text(&self) -> String {
        match self {
            Self::Class => "another class".to_owned(),
            Self::Number { above } => {
                format!("by more than {} (a tenth of the answers' standard deviation)", short(*above))
            }
        }
    }

    fn has_changed(&self, before: &Answer, after: &Answer) -> bool {
        match self {
            Self::Class => before.prediction != after.prediction,
            Self::Number { above } => distance(before, after) > *above,
        }
    }
}

/// Largest change of a value or probability; 1 of a class without probabilities.
fn distance(before: &Answer, after: &Answer) -> f64 {
    match (&before.probabilities, &after.probabilities) {
        (Some(a), Some(b)) => a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max),
        _ => match (before.prediction.as_f64(), after.prediction.as_f64()) {
            (Some(a), Some(b)) => (a - b).abs(),
            _ => f64::from(u8::from(before.prediction != after.prediction)),
        },
    }
}

/// A small move of the column, where it holds numbers.
fn step(bench: &Bench<'_>, input: &Input) -> Option<f64> {
    let profile = bench.subject.profile.inputs.iter().find(|column| column.name == input.name)?;
    let spread = profile.numbers.as_ref()?.standard_deviation;
    match input.data_type {
        DataType::Float if spread > 0.0 => Some(SMALL * spread),
        DataType::Int if input.unseen && STEP * spread >= 1.0 => Some((SMALL * spread).round().max(1.0)),
        _ => None,
    }
}

/// `rows` with the column moved; `None` where it has no value.
fn moved(rows: &[Row], input: &Input, by: f64) -> Vec<Option<Row>> {
    let changed = |row: &Row| {
        let value = match (input.data_type, row.get(&input.name)?) {
            (DataType::Int, value) => json!(value.as_i64()?.checked_add(by as i64)?),
            (_, value) => json!(value.as_f64()? + by),
        };
        let mut row = row.clone();
        row.insert(input.name.clone(), value);
        Some(row)
    };
    rows.iter().map(changed).collect()
}

/// Asks each of `variants` of the rows; those that are refused are not counted.
async fn sensitivity(
    bench: &Bench<'_>,
    column: &str,
    change: String,
    small: bool,
    base: &[Answer],
    measure: &Measure,
    variants: [Vec<Option<Row>>; 2],
) -> Sensitivity {
    let (mut answered, mut changed, mut largest) = (0_u64, 0_u64, 0.0_f64);
    for variant in variants {
        let (places, rows): (Vec<_>, Vec<_>) =
            variant.into_iter().enumerate().filter_map(|(place, row)| Some((place, row?))).unzip();
        if rows.is_empty() {
            continue;
        }
        let Ok(answers) = ask(bench, &rows).await else { continue };
        for (place, after) in places.into_iter().zip(&answers) {
            answered += 1;
            changed += u64::from(measure.has_changed(&base[place], after));
            largest = largest.max(distance(&base[place], after));
        }
    }
    Sensitivity {
        column: column.to_owned(),
        change,
        small,
        answered,
        changed: (answered > 0).then(|| changed as f64 / answered as f64),
        largest: (answered > 0).then_some(largest),
    }
}

async fn ask(bench: &Bench<'_>, rows: &[Row]) -> Result<Vec<Answer>, String> {
    let body = serde_json::to_vec(rows).map_err(|error| error.to_string())?;
    match bench.endpoint.predict(body, bench.patience).await {
        Reply::Answered(answers) if answers.len() == rows.len() => Ok(answers),
        other => Err(other.text()),
    }
}

/// Three significant digits.
fn short(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let places = (2 - value.abs().log10().floor() as i32).max(0) as usize;
    if places > 8 {
        return format!("{value:.2e}");
    }
    let text = format!("{value:.places$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}
