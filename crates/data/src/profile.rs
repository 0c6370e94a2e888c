//! Statistics of a table, a column each; exact and the same on every machine.
//!
//! The rows are in memory anyway, so the number of distinct values is counted, not estimated.
//! Missing values count as such and nowhere else; infinite ones only as distinct values. Mean and
//! standard deviation are computed with compensated sums, in the order of the rows.

use std::collections::HashMap;

use modelyard_core::data::{ColumnProfile, NumberProfile, Profile, ValueCount};
use modelyard_core::table::{Column, DataType, Table};

/// Shares at which quantiles are given, as [`NumberProfile::quantiles`] says.
const QUANTILES: [f64; 7] = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99];
/// Bins of a histogram.
const BINS: usize = 20;
/// Values in [`ColumnProfile::top`].
const TOP: usize = 20;

/// The profile of `table`. Columns in `private` have counts alone: no value of theirs appears.
pub fn profile(table: &Table, private: &[String]) -> Profile {
    let columns =
        table.columns().map(|(name, column)| column_profile(name, column, private.iter().any(|p| p == name)));
    Profile { version: 1, rows: table.rows() as u64, columns: columns.collect() }
}

/// The profile of one column.
pub(crate) fn column_profile(name: &str, column: &Column, private: bool) -> ColumnProfile {
    let counts = counts(column);
    let nulls = column.len() as u64 - counts.values().sum::<u64>();
    let distinct = counts.len() as u64;
    let top = if private || column.data_type() == DataType::Float { Vec::new() } else { top(counts) };
    let numbers = if private { None } else { numbers(column).and_then(number_profile) };
    ColumnProfile { name: name.to_owned(), data_type: column.data_type(), nulls, distinct, numbers, top }
}

/// A value that can be counted. Floats by their bits, which are canonical.
#[derive(PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Key<'a> {
    Bool(bool),
    Int(i64),
    Bits(u64),
    Text(&'a str),
    Day(i32),
    Instant(i64),
}

impl Key<'_> {
    fn text(&self) -> String {
        match self {
            Self::Bool(value) => value.to_string(),
            Self::Int(value) => value.to_string(),
            Self::Bits(bits) => f64::from_bits(*bits).to_string(),
            Self::Text(text) => (*text).to_owned(),
            Self::Day(days) => modelyard_core::table::date_text(*days),
            Self::Instant(micros) => modelyard_core::Timestamp::from_micros(*micros).to_string(),
        }
    }
}

fn counts(column: &Column) -> HashMap<Key<'_>, u64> {
    fn tally<'a>(keys: impl Iterator<Item = Key<'a>>) -> HashMap<Key<'a>, u64> {
        let mut counts = HashMap::new();
        for key in keys {
            *counts.entry(key).or_insert(0) += 1;
        }
        counts
    }
    match column {
        Column::Bool(values) => tally(values.iter().flatten().map(|value| Key::Bool(*value))),
        Column::Int(values) => tally(values.iter().flatten().map(|value| Key::Int(*value))),
        Column::Float(values) => {
            let canonical = values.iter().filter_map(|value| value.and_then(crate::cell::canonical_float));
            tally(canonical.map(|value| Key::Bits(value.to_bits())))
        }
        Column::String(values) => tally(values.iter().flatten().map(|value| Key::Text(value))),
        Column::Date(values) => tally(values.iter().flatten().map(|value| Key::Day(*value))),
        Column::Timestamp(values) => tally(values.iter().flatten().map(|value| Key::Instant(*value))),
    }
}

fn top(counts: HashMap<Key<'_>, u64>) -> Vec<ValueCount> {
    let mut counts: Vec<(Key<'_>, u64)> = counts.into_iter().collect();
    counts.sort_unstable_by(|(key, count), (other_key, other)| {
        other.cmp(count).then_with(|| key.cmp(other_key))
    });
    counts.truncate(TOP);
    counts.into_iter().map(|(key, count)| ValueCount { value: key.text(), count }).collect()
}

/// The finite values of a numeric or temporal column; `None` for others.
fn numbers(column: &Column) -> Option<Vec<f64>> {
    Some(match column {
        Column::Int(values) | Column::Timestamp(values) => {
            values.iter().flatten().map(|v| *v as f64).collect()
        }
        Column::Date(values) => values.iter().flatten().map(|value| f64::from(*value)).collect(),
        Column::Float(values) => values.iter().flatten().copied().filter(|value| value.is_finite()).collect(),
        Column::Bool(_) | Column::String(_) => return None,
    })
}

/// `None` where there is no value.
fn number_profile(values: Vec<f64>) -> Option<NumberProfile> {
    let count = values.len() as f64;
    let mean = sum(values.iter().copied()) / count;
    let squares = sum(values.iter().map(|value| (value - mean) * (value - mean)));
    let standard_deviation = if values.len() > 1 { (squares / (count - 1.0)).sqrt() } else { 0.0 };
    let mut sorted = values;
    sorted.sort_unstable_by(f64::total_cmp);
    let (min, max) = (*sorted.first()?, *sorted.last()?);
    let edges = edges(min, max);
    Some(NumberProfile {
        min,
        max,
        mean,
        standard_deviation,
        quantiles: QUANTILES.iter().map(|share| quantile(&sorted, *share)).collect(),
        counts: histogram(&sorted, &edges),
        edges,
    })
}

/// Neumaier's compensated sum. (Neumaier, "Rundungsfehleranalyse einiger Verfahren zur Summation
/// endlicher Summen", 1974.)
fn sum(values: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut lost) = (0.0_f64, 0.0);
    for value in values {
        let next = sum + value;
        lost += if sum.abs() >= value.abs() { (sum - next) + value } else { (value - next) + sum };
        sum = next;
    }
    sum + lost
}

/// Linear interpolation between the two nearest of `sorted`, as NumPy's default does it, to the
/// last bit.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let below = place.floor();
    let (low, high) = (sorted[below as usize], sorted[(below as usize + 1).min(sorted.len() - 1)]);
    let weight = place - below;
    let step = high - low;
    if weight >= 0.5 { high - step * (1.0 - weight) } else { low + step * weight }
}

/// Edges of equal bins between `min` and `max`; around a single value a bin of width 1 in all.
fn edges(min: f64, max: f64) -> Vec<f64> {
    let (first, last) = if min == max { (min - 0.5, max + 0.5) } else { (min, max) };
    let span = last - first;
    let width = if span.is_finite() { span / BINS as f64 } else { last / BINS as f64 - first / BINS as f64 };
    let mut edges: Vec<f64> = (0..=BINS).map(|bin| first + width * bin as f64).collect();
    edges[BINS] = last;
    edges
}

/// Values from an edge up to the next one; the last bin includes its right edge.
fn histogram(sorted: &[f64], edges: &[f64]) -> Vec<u64> {
    let below = |edge: f64| sorted.partition_point(|value| *value < edge) as u64;
    let mut starts: Vec<u64> = edges[..BINS].iter().map(|edge| below(*edge)).collect();
    starts[0] = 0;
    starts.push(sorted.len() as u64);
    starts.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_column_has_counts_alone() {
        let mut table = Table::new();
        table.push("name", Column::String(vec![Some("Ada".into()), None, Some("Ada".into())]));
        table.push("age", Column::Int(vec![Some(36), Some(36), Some(41)]));
        let found = profile(&table, &["name".to_owned(), "age".to_owned()]);
        assert_eq!((found.columns[0].nulls, found.columns[0].distinct), (1, 1));
        assert_eq!((found.columns[1].nulls, found.columns[1].distinct), (0, 2));
        assert!(found.columns.iter().all(|column| column.top.is_empty() && column.numbers.is_none()));
    }

    #[test]
    fn ties_of_the_most_frequent_are_in_order() {
        let column = Column::Int(vec![Some(10), Some(9), Some(10), Some(9), Some(3)]);
        let top = column_profile("x", &column, false).top;
        let pairs: Vec<_> = top.iter().map(|entry| (entry.value.as_str(), entry.count)).collect();
        assert_eq!(pairs, [("9", 2), ("10", 2), ("3", 1)]);
    }

    #[test]
    fn one_value_has_a_histogram_and_infinity_none() {
        let profile = column_profile("x", &Column::Float(vec![Some(3.0), Some(f64::INFINITY), None]), false);
        let numbers = profile.numbers.expect("numbers");
        assert_eq!((numbers.min, numbers.max, numbers.standard_deviation), (3.0, 3.0, 0.0));
        assert_eq!((numbers.edges[0], numbers.edges[20], numbers.counts.iter().sum::<u64>()), (2.5, 3.5, 1));
        assert_eq!((profile.nulls, profile.distinct), (1, 2));
        let none = column_profile("x", &Column::Float(vec![Some(f64::INFINITY)]), false);
        assert_eq!(none.numbers, None);
    }
}
