//! How often each value of a categorical column occurs in some rows.

use std::collections::{BTreeMap, HashMap};

use modelyard_core::table::Column;
use serde::{Deserialize, Serialize};

/// Counts by value; missing ones apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Categories {
    counts: BTreeMap<String, u64>,
    missing: u64,
}

impl Categories {
    /// Of a column's values, `None` where missing.
    pub fn new<'a>(values: impl IntoIterator<Item = Option<&'a str>>) -> Self {
        // The map's order is random and leaves no trace: what is kept is sorted.
        let mut counts: HashMap<&str, u64, foldhash::fast::RandomState> = HashMap::default();
        let mut missing = 0;
        for value in values {
            match value {
                Some(value) => *counts.entry(value).or_default() += 1,
                None => missing += 1,
            }
        }
        Self::from_counts(counts.into_iter().map(|(value, count)| (value.to_owned(), count)), missing)
    }

    /// Of counts by value, as a dictionary-encoded column gives them. Values that occur nowhere are left out.
    pub fn from_counts(counts: impl IntoIterator<Item = (String, u64)>, missing: u64) -> Self {
        let mut sorted = BTreeMap::new();
        for (value, count) in counts {
            if count > 0 {
                *sorted.entry(value).or_default() += count;
            }
        }
        Self { counts: sorted, missing }
    }

    /// Of a column of any type, a value being what [`Column::text`] says.
    pub fn from_column(column: &Column) -> Self {
        if let Column::String(values) = column {
            return Self::new(values.iter().map(Option::as_deref));
        }
        let mut found = Self::default();
        for row in 0..column.len() {
            match column.text(row) {
                Some(value) => *found.counts.entry(value).or_default() += 1,
                None => found.missing += 1,
            }
        }
        found
    }

    /// By value, in the order of their bytes.
    pub fn counts(&self) -> &BTreeMap<String, u64> {
        &self.counts
    }

    /// How many rows have a value.
    pub fn rows(&self) -> u64 {
        self.counts.values().sum()
    }

    pub fn missing(&self) -> u64 {
        self.missing
    }

    pub fn distinct(&self) -> usize {
        self.counts.len()
    }
}
