//! Which columns a model leans on: by how much its primary metric falls when the values of one are shuffled.
//!
//! Permutation importance, as scikit-learn's `permutation_importance` has it (`tests/importance.rs`): a column that
//! the model doesn't need costs nothing; of two that say the same, each looks less important than it is, since the
//! other still says it. Whoever calls this asks the model; here it is decided which rows, in which order, and what
//! follows from the answers.
//!
//! Source: Breiman (2001), 10; Fisher, Rudin and Dominici (2019).

use std::collections::BTreeMap;

use modelyard_core::config::Goal;
use modelyard_core::table::Table;
use serde::{Deserialize, Serialize};

use crate::metric::Metric;
use crate::random::Random;
use crate::text::score;

/// How often each column is shuffled.
pub const REPEATS: u64 = 5;
/// More rows tell the columns apart no better.
const MOST_ROWS: usize = 2_000;
/// Of wide tables fewer rows are asked, so that the answers in all stay below this …
const MOST_ANSWERS: usize = 500_000;
/// … but not fewer than these: a metric of a handful of rows says nothing.
const LEAST_ROWS: usize = 200;

/// How the model's primary metric takes the loss of each column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Importance {
    pub metric: String,
    /// Its value on these rows as they are.
    pub value: f64,
    /// Rows of the validation part that were asked.
    pub rows: u64,
    pub repeats: u64,
    /// The most important first.
    pub columns: Vec<ColumnImportance>,
    /// Columns that were not reached in the time there was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ColumnImportance {
    pub column: String,
    /// By how much the metric gets worse when the column is shuffled: the mean over the repeats. Below 0 by chance,
    /// or where the model is better off without it.
    pub mean: f64,
    /// Between the repeats (population).
    pub standard_deviation: f64,
}

/// The rows to ask, of `rows` that there are and `columns` to shuffle, ascending.
pub fn chosen_rows(rows: usize, columns: usize, seed: u64) -> Vec<usize> {
    let affordable = MOST_ANSWERS / (columns.max(1) * REPEATS as usize);
    let count = affordable.clamp(LEAST_ROWS, MOST_ROWS).min(rows);
    Random::new(seed).choose(count, rows)
}

/// `table` with the values of the column at `place` in another order, for one of the repeats.
pub fn shuffled(table: &Table, place: usize, repeat: u64, seed: u64) -> Table {
    let mut random = Random::new(seed ^ (((place as u64) << 32) | (repeat + 1)));
    let mut order: Vec<usize> = (0..table.rows()).collect();
    for last in (1..order.len()).rev() {
        order.swap(last, random.below(last + 1));
    }
    let mut found = Table::new();
    for (number, (name, column)) in table.columns().enumerate() {
        found.push(name, if number == place { column.pick(&order) } else { column.clone() });
    }
    found
}

impl Importance {
    /// Of what the metric was on `rows` rows as they are, and each time a column was shuffled.
    pub fn new(metric: &dyn Metric, value: f64, rows: u64, shuffled: Vec<(String, Vec<f64>)>) -> Self {
        let mut columns: Vec<ColumnImportance> = shuffled
            .into_iter()
            .filter(|(_, values)| !values.is_empty())
            .map(|(column, values)| {
                let worse = |found: &f64| match metric.goal() {
                    Goal::Maximize => value - found,
                    Goal::Minimize => found - value,
                };
                let count = values.len() as f64;
                let mean = values.iter().map(worse).sum::<f64>() / count;
                let squares: f64 = values.iter().map(|found| (worse(found) - mean).powi(2)).sum();
                ColumnImportance { column, mean, standard_deviation: (squares / count).sqrt() }
            })
            .collect();
        columns.sort_by(|a, b| b.mean.total_cmp(&a.mean).then_with(|| a.column.cmp(&b.column)));
        Self {
            metric: metric.name().to_owned(),
            value,
            rows,
            repeats: REPEATS,
            columns,
            left_out: Vec::new(),
        }
    }

    /// By how much the metric gets worse without each column; never below 0.
    pub fn by_column(&self) -> BTreeMap<&str, f64> {
        self.columns.iter().map(|found| (found.column.as_str(), found.mean.max(0.0))).collect()
    }

    /// The sentence that says what is seen.
    pub fn headline(&self) -> String {
        match self.columns.first() {
            Some(first) if first.mean > first.standard_deviation => {
                let metric = &self.metric;
                format!(
                    "Leans most on {}: shuffled, it costs {} of {metric}",
                    first.column,
                    score(first.mean)
                )
            }
            _ => "Leans on no single column".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use modelyard_core::table::Column;

    use super::*;
    use crate::metric;

    #[test]
    fn a_shuffle_moves_one_column_and_loses_no_value() {
        let numbers: Vec<i64> = (0..50).collect();
        let column = || Column::Int(numbers.iter().copied().map(Some).collect());
        let mut table = Table::new();
        table.push("a", column());
        table.push("b", column());
        let found = shuffled(&table, 1, 0, 7);
        assert_eq!(found, shuffled(&table, 1, 0, 7));
        assert_ne!(found, shuffled(&table, 1, 1, 7));
        assert_eq!(found.column("a"), table.column("a"));
        let Some(Column::Int(values)) = found.column("b") else { panic!("{found:?}") };
        assert_ne!(values, &numbers.iter().copied().map(Some).collect::<Vec<_>>());
        let mut sorted: Vec<i64> = values.iter().flatten().copied().collect();
        sorted.sort_unstable();
        assert_eq!(sorted, numbers);
    }

    #[test]
    fn wide_tables_are_asked_fewer_rows() {
        assert_eq!(chosen_rows(10_000, 11, 0).len(), 2_000);
        assert_eq!(chosen_rows(10_000, 200, 0).len(), 500);
        assert_eq!(chosen_rows(10_000, 5_000, 0).len(), 200);
        assert_eq!(chosen_rows(30, 5_000, 0).len(), 30);
    }

    #[test]
    fn worse_is_up_for_scores_and_for_losses() {
        let of = |name: &str, values: Vec<f64>| {
            let metric = metric::lookup(name).unwrap();
            Importance::new(metric, 0.8, 100, vec![("a".into(), values), ("b".into(), vec![0.8, 0.8])])
        };
        let found = of("roc_auc", vec![0.6, 0.7]);
        assert_eq!((found.columns[0].column.as_str(), found.columns[1].mean), ("a", 0.0));
        assert!((found.columns[0].mean - 0.15).abs() < 1e-12);
        assert!((found.columns[0].standard_deviation - 0.05).abs() < 1e-12);
        assert_eq!(found.headline(), "Leans most on a: shuffled, it costs 0.150 of roc_auc");
        let found = of("log_loss", vec![0.6, 0.7]);
        assert_eq!(found.columns[0].column, "b");
        assert_eq!(found.by_column()["a"], 0.0);
        assert_eq!(found.headline(), "Leans on no single column");
    }
}
