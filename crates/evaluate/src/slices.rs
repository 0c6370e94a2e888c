//! The primary metric by the values of a column: where the model is good, and where it is not.
//!
//! Numbers and times are cut at the test rows' quartiles unless they have few values; texts go by
//! value, the rarest together. A missing value is a slice of its own.

use std::collections::BTreeMap;

use modelyard_core::Timestamp;
use modelyard_core::config::Goal;
use modelyard_core::table::{Column, Table, date_text};
use serde::{Deserialize, Serialize};

use crate::interval::{self, Interval};
use crate::metric::Metric;
use crate::numeric::{quantile, sorted};
use crate::sample::{Sample, Truth};
use crate::text;

/// Below so many rows a slice says little: it has no interval and is listed last.
pub const ENOUGH_ROWS: u64 = 30;
/// Values of a column that get a slice of their own; the others are one together.
const MOST_VALUES: usize = 20;
/// A number with at most so many different values is sliced by value.
const FEW_NUMBERS: usize = 8;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Slice {
    pub column: String,
    /// A value, a range (`10 to 25`), `missing`, or `12 other values`.
    pub value: String,
    pub rows: u64,
    /// The primary metric; `None` where it is undefined on these rows.
    pub score: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undefined: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
    /// Whether the whole interval is worse than the value over all rows.
    pub clearly_worse: bool,
}

/// Slices of all `columns` that `table` has, worst first; those of too few rows after them, those
/// where the metric is undefined last. `overall` is the metric's value over all rows.
pub fn slices(
    columns: &[String],
    table: &Table,
    sample: &Sample<'_>,
    metric: &dyn Metric,
    overall: Option<f64>,
    seed: u64,
) -> Vec<Slice> {
    let mut found = Vec::new();
    for name in columns {
        let Some(column) = table.column(name) else { continue };
        for (value, rows) in groups(column) {
            let mut slice = score(sample, &rows, metric, overall, seed);
            (slice.column, slice.value) = (name.clone(), value);
            found.push(slice);
        }
    }
    let badness = |slice: &Slice| match (slice.score, metric.goal()) {
        (None, _) => f64::NEG_INFINITY,
        (Some(score), Goal::Maximize) => -score,
        (Some(score), Goal::Minimize) => score,
    };
    let place = |slice: &Slice| (slice.score.is_none(), slice.rows < ENOUGH_ROWS);
    found.sort_by(|a, b| place(a).cmp(&place(b)).then(badness(b).total_cmp(&badness(a))));
    found
}

/// A slice without its names.
fn score(sample: &Sample<'_>, rows: &[usize], metric: &dyn Metric, overall: Option<f64>, seed: u64) -> Slice {
    let (truth, predictions) = sample.take(rows);
    let mut slice = Slice {
        column: String::new(),
        value: String::new(),
        rows: rows.len() as u64,
        score: None,
        undefined: None,
        interval: None,
        clearly_worse: false,
    };
    if let Some(class) = absent_class(&truth).filter(|_| metric.needs_every_class()) {
        slice.undefined = Some(format!("no row is of class `{class}`"));
        return slice;
    }
    let sample = match Sample::new(&truth, &predictions) {
        Ok(sample) => sample,
        Err(fault) => {
            slice.undefined = Some(fault.message().to_owned());
            return slice;
        }
    };
    match metric.score(&sample) {
        Ok(score) => slice.score = Some(score),
        Err(undefined) => slice.undefined = Some(undefined.to_string()),
    }
    if slice.score.is_some() && slice.rows >= ENOUGH_ROWS {
        slice.interval = interval::of(metric, &sample, seed).ok();
    }
    if let (Some(interval), Some(overall)) = (slice.interval, overall) {
        slice.clearly_worse = match metric.goal() {
            Goal::Maximize => interval.high < overall,
            Goal::Minimize => interval.low > overall,
        };
    }
    slice
}

fn absent_class(truth: &Truth) -> Option<&str> {
    let Truth::Classes { labels, names, .. } = truth else { return None };
    (0..names.len()).find(|class| !labels.contains(class)).map(|class| names[class].as_str())
}

/// The rows of each slice of a column, named.
fn groups(column: &Column) -> Vec<(String, Vec<usize>)> {
    let rows = 0..column.len();
    let numbers: Option<Vec<Option<f64>>> = match column {
        Column::Bool(_) | Column::String(_) => None,
        Column::Int(values) | Column::Timestamp(values) => {
            Some(values.iter().map(|value| value.map(|value| value as f64)).collect())
        }
        Column::Float(values) => {
            Some(values.iter().map(|value| value.filter(|value| value.is_finite())).collect())
        }
        Column::Date(values) => Some(values.iter().map(|value| value.map(f64::from)).collect()),
    };
    let mut missing = Vec::new();
    let mut named: Vec<(String, Vec<usize>)> = match numbers.filter(|numbers| has_many(numbers)) {
        Some(numbers) => {
            let known = sorted(numbers.iter().flatten().copied().collect());
            let edges = [0.25, 0.5, 0.75].map(|share| quantile(&known, share));
            let mut bins = vec![Vec::new(); 4];
            for (row, number) in numbers.iter().enumerate() {
                match number {
                    None => missing.push(row),
                    // A value on an edge belongs below it, so that equal values stay together.
                    Some(number) => bins[edges.iter().filter(|edge| number > *edge).count()].push(row),
                }
            }
            bins.retain(|rows| !rows.is_empty());
            bins.into_iter().map(|rows| (range(column, &numbers, &rows), rows)).collect()
        }
        None => {
            let mut values: BTreeMap<String, Vec<usize>> = BTreeMap::new();
            for row in rows {
                let text = match column {
                    Column::Float(values) => values[row].filter(|value| value.is_finite()).map(text::plain),
                    _ => column.text(row),
                };
                match text {
                    None => missing.push(row),
                    Some(text) => values.entry(text).or_default().push(row),
                }
            }
            let mut values: Vec<_> = values.into_iter().collect();
            // The sort is stable: equally frequent values stay in their order.
            values.sort_by_key(|(_, rows)| std::cmp::Reverse(rows.len()));
            let others = values.split_off(values.len().min(MOST_VALUES));
            if !others.is_empty() {
                let name = format!("{} other values", others.len());
                values.push((name, others.into_iter().flat_map(|(_, rows)| rows).collect()));
            }
            values
        }
    };
    named.push(("missing".to_owned(), missing));
    named.retain(|(_, rows)| !rows.is_empty());
    named
}

fn has_many(numbers: &[Option<f64>]) -> bool {
    let mut different: Vec<f64> = Vec::new();
    for number in numbers.iter().flatten() {
        if !different.contains(number) {
            different.push(*number);
            if different.len() > FEW_NUMBERS {
                return true;
            }
        }
    }
    false
}

/// The least and the greatest of the numbers in `rows`, which is not empty.
fn range(column: &Column, numbers: &[Option<f64>], rows: &[usize]) -> String {
    let found = sorted(rows.iter().filter_map(|&row| numbers[row]).collect());
    let (low, high) = (known(column, found[0]), known(column, found[found.len() - 1]));
    if low == high { low } else { format!("{low} to {high}") }
}

fn known(column: &Column, value: f64) -> String {
    match column {
        Column::Timestamp(_) => {
            let text = Timestamp::from_micros(value as i64).to_string();
            text.get(..16).unwrap_or(&text).replace('T', " ")
        }
        Column::Date(_) => date_text(value as i32),
        Column::Int(_) => text::decimals(value, 0),
        _ => text::plain(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::lookup;
    use modelyard_core::package::Predictions;

    fn names(column: Column) -> Vec<(String, usize)> {
        groups(&column).into_iter().map(|(name, rows)| (name, rows.len())).collect()
    }

    #[test]
    fn numbers_are_cut_at_quartiles_and_missing_ones_are_apart() {
        let mut values: Vec<Option<i64>> = (1..=100).map(Some).collect();
        values.push(None);
        let wanted = [("1 to 25", 25), ("26 to 50", 25), ("51 to 75", 25), ("76 to 100", 25), ("missing", 1)];
        assert_eq!(names(Column::Int(values)), wanted.map(|(name, rows)| (name.to_owned(), rows)));
    }

    #[test]
    fn few_numbers_and_texts_go_by_value() {
        assert_eq!(names(Column::Int(vec![Some(3), Some(1), Some(3)])), [("3".into(), 2), ("1".into(), 1)]);
        let texts = (0..30).map(|value| Some(format!("{value:02}"))).collect();
        let found = names(Column::String(texts));
        assert_eq!(found.last(), Some(&("10 other values".to_owned(), 10)));
    }

    #[test]
    fn the_worst_slice_comes_first_and_small_ones_last() {
        let group: Vec<Option<String>> = [("a", 40), ("b", 40), ("c", 5)]
            .iter()
            .flat_map(|(name, rows)| vec![Some((*name).to_owned()); *rows])
            .collect();
        let mut table = Table::new();
        table.push("group", Column::String(group));
        let truth = Truth::Values(vec![0.0; 85]);
        let errors: Vec<f64> = (0..85).map(|row| match row { ..40 => 1.0, 40..80 => 3.0, _ => 9.0 } + f64::from(row % 2)).collect();
        let mae = lookup("mae").unwrap();
        let found = slices(
            &["group".into()],
            &table,
            &Sample::new(&truth, &Predictions::Values(errors)).unwrap(),
            mae,
            Some(2.5),
            1,
        );
        let order: Vec<_> = found
            .iter()
            .map(|slice| (slice.value.as_str(), slice.interval.is_some(), slice.clearly_worse))
            .collect();
        assert_eq!(order, [("b", true, true), ("a", true, false), ("c", false, false)]);
    }

    #[test]
    fn a_slice_without_a_class_is_undefined() {
        let mut table = Table::new();
        table.push("flag", Column::Bool(vec![Some(true), Some(true), Some(false)]));
        let names = vec!["n".to_owned(), "y".to_owned()];
        let truth = Truth::Classes { labels: vec![0, 1, 0], names, positive: 1 };
        let answers = Predictions::Classes { labels: vec![0, 1, 1], probabilities: None };
        let found = slices(
            &["flag".into()],
            &table,
            &Sample::new(&truth, &answers).unwrap(),
            lookup("f1").unwrap(),
            None,
            1,
        );
        assert_eq!(found[0].score, Some(1.0));
        assert_eq!(found[1].undefined.as_deref(), Some("no row is of class `y`"));
    }
}
