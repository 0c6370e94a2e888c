//! The rows that were answered worst, for a person to look at.

use modelyard_core::config::Task;
use modelyard_core::table::Table;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::sample::Sample;

/// How many are kept.
pub(crate) const WORST_ROWS: usize = 12;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorstRow {
    /// Place in the test part, from 1.
    pub row: u64,
    pub truth: Value,
    pub prediction: Value,
    /// Regression: prediction less truth. Classification: the probability given to the true class,
    /// if the model gives any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measure: Option<f64>,
    /// Field to value, without private columns.
    pub values: Map<String, Value>,
}

/// The rows of the largest error, or of the lowest probability of the true class (without
/// probabilities: wrongly answered ones); of equals the first. `table` holds the columns to show.
pub(crate) fn worst(sample: &Sample<'_>, table: &Table) -> Vec<WorstRow> {
    let badness: Vec<f64> = match sample {
        Sample::Regression { truth, predicted } => {
            truth.iter().zip(*predicted).map(|(truth, predicted)| (predicted - truth).abs()).collect()
        }
        Sample::Classification(classes) => (0..classes.truth.len())
            .map(|row| match classes.probabilities {
                Some(all) => 1.0 - all[row * classes.n_classes() + classes.truth[row]],
                None => f64::from(u8::from(classes.truth[row] != classes.predicted[row])),
            })
            .collect(),
    };
    let mut order: Vec<usize> = (0..badness.len()).collect();
    order.sort_by(|&a, &b| badness[b].total_cmp(&badness[a]));
    order.retain(|&row| badness[row] > 0.0);
    order.truncate(WORST_ROWS);
    order.into_iter().map(|row| describe(sample, table, row)).collect()
}

fn describe(sample: &Sample<'_>, table: &Table, row: usize) -> WorstRow {
    let (truth, prediction, measure) = match sample {
        Sample::Regression { truth, predicted } => {
            (truth[row].into(), predicted[row].into(), Some(predicted[row] - truth[row]))
        }
        Sample::Classification(classes) => (
            classes.names[classes.truth[row]].clone().into(),
            classes.names[classes.predicted[row]].clone().into(),
            classes.probabilities.map(|all| all[row * classes.n_classes() + classes.truth[row]]),
        ),
    };
    let values = table
        .columns()
        .filter(|(_, column)| row < column.len())
        .map(|(name, column)| (name.to_owned(), column.json(row)))
        .collect();
    WorstRow { row: row as u64 + 1, truth, prediction, measure, values }
}

/// What [`WorstRow::measure`] is, as a column's title.
pub(crate) fn measure_title(task: Task) -> &'static str {
    match task {
        Task::Regression => "error",
        Task::Classification => "probability of the truth",
    }
}
