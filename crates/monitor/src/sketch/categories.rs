//! Counts of categories: exact up to a bound of different values.

use datasketches::frequencies::{ErrorType, FrequentItemsSketch};
use modelyard_evaluate::Undefined;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::bytes;
use crate::Categories;

/// A power of two; three quarters of it are different values that are counted exactly.
const MAP: usize = 4096;

/// How often each value occurs, in any number of rows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CategorySketch {
    #[serde(serialize_with = "write", deserialize_with = "read")]
    items: FrequentItemsSketch<String>,
    missing: u64,
}

/// A value that occurs often, with the bounds of how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frequent {
    pub value: String,
    pub at_least: u64,
    pub at_most: u64,
}

impl Default for CategorySketch {
    fn default() -> Self {
        let items = FrequentItemsSketch::new(MAP).expect("the size is a power of two");
        Self { items, missing: 0 }
    }
}

impl CategorySketch {
    pub(super) fn add(&mut self, categories: &Categories) -> Result<(), Undefined> {
        for (value, count) in categories.counts() {
            self.items.update_with_count_ref(value.as_str(), *count);
        }
        self.missing += categories.missing();
        Ok(())
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.items.merge(&other.items);
        self.missing += other.missing;
    }

    pub fn rows(&self) -> u64 {
        self.items.total_weight()
    }

    pub fn missing(&self) -> u64 {
        self.missing
    }

    /// All values with their counts; `None` where there were too many different ones to count them all.
    pub fn exact(&self) -> Option<Categories> {
        if self.items.maximum_error() > 0 {
            return None;
        }
        let rows = self.items.frequent_items_with_threshold(ErrorType::NoFalseNegatives, 0);
        let counts = rows.iter().map(|row| (row.item().clone(), row.estimate()));
        Some(Categories::from_counts(counts, self.missing))
    }

    /// The values that surely are among the frequent ones, the most frequent first.
    pub fn frequent(&self) -> Vec<Frequent> {
        let rows = self.items.frequent_items(ErrorType::NoFalsePositives);
        let mut found: Vec<Frequent> = rows
            .iter()
            .map(|row| Frequent {
                value: row.item().clone(),
                at_least: row.lower_bound(),
                at_most: row.upper_bound(),
            })
            .collect();
        found.sort_by(|a, b| b.at_least.cmp(&a.at_least).then_with(|| a.value.cmp(&b.value)));
        found
    }
}

fn write<S: Serializer>(items: &FrequentItemsSketch<String>, serializer: S) -> Result<S::Ok, S::Error> {
    bytes::write(&items.serialize(), serializer)
}

fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<FrequentItemsSketch<String>, D::Error> {
    FrequentItemsSketch::deserialize(&bytes::read(deserializer)?).map_err(de::Error::custom)
}
