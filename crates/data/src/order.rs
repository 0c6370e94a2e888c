//! Canonical order: the time first where there is one, then all columns from left to right;
//! missing values before others, strings by their UTF-8 bytes.
//!
//! It holds for every data set, whatever `order by` its query ends in: rows that compare equal
//! are equal, so the same rows have one order, and what training reads never depends on how a
//! query happened to run.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, UInt64Array};
use datafusion::arrow::compute::take_record_batch;
use datafusion::arrow::row::{RowConverter, SortField};
use modelyard_core::fault::Attempt;
use modelyard_core::{Kind, Result};

/// `batch` in canonical order, `time` first. The batch is canonical.
pub(crate) fn sort(batch: &RecordBatch, time: Option<&str>) -> Result<RecordBatch> {
    let failed = || "cannot sort the table".to_owned();
    if batch.num_columns() == 0 {
        return Ok(batch.clone());
    }
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(batch.num_columns() + 1);
    columns.extend(time.and_then(|time| batch.column_by_name(time)).cloned());
    columns.extend(batch.columns().iter().cloned());
    let fields = columns.iter().map(|column| SortField::new(column.data_type().clone())).collect();
    let converter = RowConverter::new(fields).attempt(Kind::Internal, failed)?;
    let rows = converter.convert_columns(&columns).attempt(Kind::Data, failed)?;
    let mut order: Vec<u64> = (0..batch.num_rows() as u64).collect();
    // Equal keys are equal rows, so the order among them is no order.
    order.sort_unstable_by(|a, b| rows.row(*a as usize).cmp(&rows.row(*b as usize)));
    let order = UInt64Array::from(order);
    take_record_batch(batch, &(Arc::new(order) as ArrayRef)).attempt(Kind::Data, failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bridge;
    use modelyard_core::table::{Column, Table};

    #[test]
    fn time_leads_and_missing_values_come_first() {
        let mut table = Table::new();
        table.push("a", Column::Int(vec![Some(2), Some(1), None, Some(-1)]));
        table.push("t", Column::Timestamp(vec![Some(5), Some(9), Some(5), Some(5)]));
        let sorted = |time| {
            let batch = bridge::batch(&table).expect("a batch");
            bridge::table(&sort(&batch, time).expect("sorted")).column("a").cloned()
        };
        assert_eq!(sorted(Some("t")), Some(Column::Int(vec![None, Some(-1), Some(2), Some(1)])));
        assert_eq!(sorted(None), Some(Column::Int(vec![None, Some(-1), Some(1), Some(2)])));
    }
}
