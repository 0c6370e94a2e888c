//! What can be said of a window without a drift test: columns that came, went or changed their type, more
//! missing values than before, numbers beyond those seen, categories never seen.
//!
//! A window of many rows sees something new even where nothing has changed. So whatever is counted is found
//! only if it is improbable (below 0.001) for rows of the reference's kind; each kind of finding says how
//! that is computed. Schema changes need no probability.

use std::collections::BTreeMap;

use modelyard_core::table::{Column, DataType, Table};
use serde::{Deserialize, Serialize};

use crate::numeric::{normal_two_sided, poisson_at_least};
use crate::{Categories, Numbers, Sample};

/// What happens by chance more often than this is no finding.
const CHANCE: f64 = 0.001;
/// A rise of missing values below this share is none, however many rows show it.
const MIN_RISE: f64 = 0.01;
/// So many of the unseen values are named.
const NAMED: usize = 20;

/// What is known of a column in the reference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    pub name: String,
    #[serde(rename = "type")]
    pub data_type: DataType,
    pub rows: u64,
    /// Infinite numbers count as missing.
    pub missing: u64,
    /// Lowest and highest value of a column of numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<(f64, f64)>,
    /// Counts by value, of a column of texts or truth values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, u64>,
}

impl Facts {
    pub fn of(name: &str, column: &Column) -> Self {
        let (missing, range, values) = match Sample::of(column) {
            Some(Sample::Numbers(numbers)) => (numbers.missing() as u64, numbers.range(), BTreeMap::new()),
            Some(Sample::Categories(categories)) => (categories.missing(), None, categories.counts().clone()),
            None => (Categories::from_column(column).missing(), None, BTreeMap::new()),
        };
        let (data_type, rows) = (column.data_type(), column.len() as u64);
        Self { name: name.to_owned(), data_type, rows, missing, range, values }
    }
}

/// Something to tell people about a column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Finding {
    /// The window lacks the column.
    Vanished {
        column: String,
    },
    /// The reference lacks it.
    Appeared {
        column: String,
    },
    TypeChanged {
        column: String,
        reference: DataType,
        window: DataType,
    },
    /// Its share of missing values rose by at least 0.01, and a Z test says that this is no chance.
    Missing {
        column: String,
        reference: f64,
        window: f64,
    },
    /// Rows below and above all of the reference. The probability that so many of the lowest (or highest)
    /// rows of both together are the window's: an exact exceedance test (Gumbel and von Schelling, 1950).
    OutOfRange {
        column: String,
        below: u64,
        above: u64,
        low: f64,
        high: f64,
    },
    /// Rows with values that the reference lacks, the most frequent of these first. As many as expected: a new
    /// value is as probable as one that the reference has just once (Good, 1953), the count is Poisson's.
    Unseen {
        column: String,
        rows: u64,
        values: Vec<String>,
    },
}

/// All findings: columns in the order of the reference, then those that appeared.
pub fn find(reference: &[Facts], window: &Table) -> Vec<Finding> {
    let mut found = Vec::new();
    for facts in reference {
        match window.column(&facts.name) {
            Some(column) => found.extend(of_column(facts, column)),
            None => found.push(Finding::Vanished { column: facts.name.clone() }),
        }
    }
    for name in window.names() {
        if !reference.iter().any(|facts| facts.name == *name) {
            found.push(Finding::Appeared { column: name.clone() });
        }
    }
    found
}

fn of_column(facts: &Facts, column: &Column) -> Vec<Finding> {
    let now = Facts::of(&facts.name, column);
    let mut found: Vec<Finding> = missing(facts, &now).into_iter().collect();
    let is_empty = now.missing == now.rows;
    if now.data_type != facts.data_type {
        // What has no values has no type worth a word.
        if !is_empty {
            let (reference, window) = (facts.data_type, now.data_type);
            found.push(Finding::TypeChanged { column: facts.name.clone(), reference, window });
        }
        return found;
    }
    if let (Some(range), Some(numbers)) = (facts.range, Numbers::from_column(column)) {
        found.extend(out_of_range(facts, range, &numbers));
    }
    if !facts.values.is_empty() {
        found.extend(unseen(facts, &now.values));
    }
    found
}

fn missing(facts: &Facts, now: &Facts) -> Option<Finding> {
    if facts.rows == 0 || now.rows == 0 {
        return None;
    }
    let (rows, others) = (facts.rows as f64, now.rows as f64);
    let (reference, window) = (facts.missing as f64 / rows, now.missing as f64 / others);
    let pooled = (facts.missing + now.missing) as f64 / (rows + others);
    let deviation = (pooled * (1.0 - pooled) * (1.0 / rows + 1.0 / others)).sqrt();
    let rise = window - reference;
    (rise >= MIN_RISE && normal_two_sided(rise / deviation) < CHANCE).then(|| Finding::Missing {
        column: facts.name.clone(),
        reference,
        window,
    })
}

fn out_of_range(facts: &Facts, (low, high): (f64, f64), numbers: &Numbers) -> Option<Finding> {
    let count =
        |is_out: &dyn Fn(f64) -> bool| numbers.values().iter().filter(|value| is_out(**value)).count();
    let (below, above) = (count(&|value| value < low) as u64, count(&|value| value > high) as u64);
    let (rows, others) = ((facts.rows - facts.missing) as f64, numbers.len() as f64);
    // Two sides are looked at.
    let is_found = exceedance(below.max(above), rows, others) * 2.0 < CHANCE;
    is_found.then(|| Finding::OutOfRange { column: facts.name.clone(), below, above, low, high })
}

/// Probability that the `count` lowest of `rows` + `others` values in random order are all among the `others`.
fn exceedance(count: u64, rows: f64, others: f64) -> f64 {
    let mut probability = 1.0;
    for row in 0..count {
        probability *= (others - row as f64) / (rows + others - row as f64);
        if probability < CHANCE * 1e-3 {
            break;
        }
    }
    probability
}

fn unseen(facts: &Facts, now: &BTreeMap<String, u64>) -> Option<Finding> {
    let mut new: Vec<(&String, u64)> = now
        .iter()
        .filter(|(value, _)| !facts.values.contains_key(*value))
        .map(|(value, count)| (value, *count))
        .collect();
    let rows: u64 = new.iter().map(|(_, count)| count).sum();
    let (before, others) = (facts.values.values().sum::<u64>() as f64, now.values().sum::<u64>() as f64);
    let once = facts.values.values().filter(|count| **count == 1).count() as f64;
    let expected = others * (once + 1.0) / (before + 1.0);
    if rows == 0 || poisson_at_least(rows, expected) >= CHANCE {
        return None;
    }
    new.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let values = new.into_iter().take(NAMED).map(|(value, _)| value.clone()).collect();
    Some(Finding::Unseen { column: facts.name.clone(), rows, values })
}

#[cfg(test)]
mod tests {
    use modelyard_evaluate::random::Random;
    use proptest::prelude::*;

    use super::*;

    fn numbers(values: impl IntoIterator<Item = f64>) -> Column {
        Column::Float(values.into_iter().map(|value| value.is_finite().then_some(value)).collect())
    }

    fn words<'a>(values: impl IntoIterator<Item = &'a str>) -> Column {
        Column::String(values.into_iter().map(|value| Some(value.to_owned())).collect())
    }

    fn table(columns: Vec<(&str, Column)>) -> Table {
        let mut table = Table::new();
        for (name, column) in columns {
            table.push(name, column);
        }
        table
    }

    #[track_caller]
    fn check(reference: Vec<(&str, Column)>, window: Vec<(&str, Column)>, wanted: &[&str]) {
        let facts: Vec<Facts> = reference.iter().map(|(name, column)| Facts::of(name, column)).collect();
        let stored = serde_json::to_string(&facts).unwrap();
        let facts: Vec<Facts> = serde_json::from_str(&stored).unwrap();
        let found = find(&facts, &table(window));
        let found: Vec<String> =
            found.iter().map(|finding| serde_json::to_string(finding).unwrap().replace('"', "")).collect();
        assert_eq!(found, wanted);
    }

    fn count(rows: u32) -> Column {
        numbers((0..rows).map(f64::from))
    }

    #[test]
    fn a_schema_that_changes_is_found() {
        check(
            vec![("gone", count(9)), ("size", count(9)), ("same", count(9))],
            vec![("same", count(9)), ("size", words(["large"; 9])), ("new", count(9))],
            &[
                "{kind:vanished,column:gone}",
                "{kind:type-changed,column:size,reference:float,window:string}",
                "{kind:appeared,column:new}",
            ],
        );
    }

    #[test]
    fn missing_values_are_found_where_they_are_more_than_chance() {
        let with = |missing: usize, rows: usize| {
            numbers((0..rows).map(move |row| if row < missing { f64::NAN } else { 0.5 }))
        };
        check(vec![("a", with(50, 1000))], vec![("a", with(30, 500))], &[]);
        check(
            vec![("a", with(50, 1000))],
            vec![("a", with(60, 500))],
            &["{kind:missing,column:a,reference:0.05,window:0.12}"],
        );
        let all = Column::String(vec![None; 500]);
        check(
            vec![("a", with(0, 1000))],
            vec![("a", all)],
            &["{kind:missing,column:a,reference:0.0,window:1.0}"],
        );
    }

    #[test]
    fn numbers_beyond_those_seen_are_found_where_they_are_more_than_chance() {
        let above = |rows: u32| numbers((0..300).map(move |row| if row < rows { 1000.0 } else { 5.0 }));
        check(vec![("a", count(1000))], vec![("a", above(4))], &[]);
        check(
            vec![("a", count(1000))],
            vec![("a", above(6))],
            &["{kind:out-of-range,column:a,below:0,above:6,low:0.0,high:999.0}"],
        );
    }

    #[test]
    fn values_never_seen_are_found_where_they_are_more_than_chance() {
        let before = || words(["a", "b"].into_iter().cycle().take(1000));
        check(vec![("a", before())], vec![("a", words(["a", "a", "c"]))], &[]);
        check(
            vec![("a", before())],
            vec![("a", words(["a", "d", "c", "c"]))],
            &["{kind:unseen,column:a,rows:3,values:[c,d]}"],
        );
        // Where every value is new anyway, another is no news.
        let names: Vec<String> = (0..600).map(|row| format!("name {row}")).collect();
        let (first, second) = names.split_at(400);
        let of = |names: &[String]| Column::String(names.iter().cloned().map(Some).collect());
        check(vec![("a", of(first))], vec![("a", of(second))], &[]);
    }

    #[test]
    fn rows_of_the_same_kind_seldom_have_findings() {
        let mut random = Random::new(3);
        let mut found = 0;
        for _ in 0..400 {
            let mut uniform = || random.bits() as f64 / 2.0_f64.powi(64);
            let reference: Vec<f64> = (0..3000).map(|_| uniform().powi(-2)).collect();
            let window: Vec<f64> = (0..500).map(|_| uniform().powi(-2)).collect();
            let category = |value: f64| Some(format!("{:.0}", value.sqrt()));
            let facts = [
                Facts::of("number", &numbers(reference.clone())),
                Facts::of("word", &Column::String(reference.iter().map(|value| category(*value)).collect())),
            ];
            let window = table(vec![
                ("number", numbers(window.clone())),
                ("word", Column::String(window.iter().map(|value| category(*value)).collect())),
            ]);
            found += find(&facts, &window).len();
        }
        assert!(found <= 4, "{found} findings in 400 windows of 2 columns");
    }

    proptest! {
        #[test]
        fn the_reference_has_no_findings(
            values in prop::collection::vec(prop::option::of(-1e6..1e6f64), 0..200),
            texts in prop::collection::vec(prop::option::of("[a-c]{0,2}"), 0..200),
        ) {
            let rows = values.len().min(texts.len());
            let table = table(vec![
                ("number", Column::Float(values[..rows].to_vec())),
                ("text", Column::String(texts[..rows].to_vec())),
            ]);
            let facts: Vec<Facts> = table.columns().map(|(name, column)| Facts::of(name, column)).collect();
            prop_assert_eq!(find(&facts, &table), []);
        }
    }
}
