//! `time`: the latest instants are tested, those before them validate, the rest trains.

use datafusion::arrow::array::RecordBatch;
use modelyard_core::data::Part;
use modelyard_core::table::Column;
use modelyard_core::{Fault, Kind, Result};

use crate::{bridge, names};

/// All rows of one instant are in one part; of the possible cuts the one nearest to the share of
/// rows is taken, the later of two equally near.
pub(super) fn assign(table: &RecordBatch, column: &str, test: f64, validation: f64) -> Result<Vec<Part>> {
    let values = instants(table, column)?;
    let mut sorted = values.clone();
    sorted.sort_unstable();
    let test_from = cut(&sorted, test * values.len() as f64);
    let rest = &sorted[..sorted.partition_point(|value| *value < test_from)];
    let validation_from = cut(rest, validation * values.len() as f64).min(test_from);
    Ok(values
        .into_iter()
        .map(|value| {
            if value >= test_from {
                Part::Test
            } else if value >= validation_from {
                Part::Validation
            } else {
                Part::Train
            }
        })
        .collect())
}

/// The instant from which on about `wanted` of the `sorted` values lie; above all where none are
/// wanted.
fn cut(sorted: &[i64], wanted: f64) -> i64 {
    if wanted <= 0.0 {
        return i64::MAX;
    }
    let mut best = (f64::INFINITY, i64::MAX);
    let mut end = sorted.len();
    while end > 0 {
        let instant = sorted[end - 1];
        let start = sorted.partition_point(|value| *value < instant);
        let distance = ((sorted.len() - start) as f64 - wanted).abs();
        if distance >= best.0 {
            break;
        }
        best = (distance, instant);
        end = start;
    }
    best.1
}

fn instants(table: &RecordBatch, name: &str) -> Result<Vec<i64>> {
    let array = table.column_by_name(name).ok_or_else(|| {
        Fault::new(Kind::Config, format!("the split's column `{name}` is no column of the data set"))
    })?;
    let values: Vec<Option<i64>> = match bridge::column(array) {
        Column::Timestamp(values) | Column::Int(values) => values,
        Column::Date(values) => values.into_iter().map(|days| days.map(i64::from)).collect(),
        other => {
            return Err(Fault::new(
                Kind::Config,
                format!("cannot split by time: column `{name}` is {}", other.data_type().name()),
            )
            .hint("a time is a timestamp, a date or an int; `cast` or `to_timestamp` it in `sql`, or declare its type"));
        }
    };
    let missing = values.iter().filter(|value| value.is_none()).count() as u64;
    if missing > 0 {
        return Err(Fault::new(
            Kind::Data,
            format!("cannot split by time: column `{name}` is missing in {}", names::rows(missing)),
        )
        .hint(format!("leave them out in `sql`: `where {name} is not null`")));
    }
    Ok(values.into_iter().flatten().collect())
}
