//! `column`: as a column of the data says.

use datafusion::arrow::array::RecordBatch;
use modelyard_core::data::Part;
use modelyard_core::table::Column;
use modelyard_core::{Fault, Kind, Result};

use crate::{bridge, names};

pub(super) fn assign(table: &RecordBatch, name: &str) -> Result<Vec<Part>> {
    let array = table.column_by_name(name).ok_or_else(|| {
        Fault::new(Kind::Config, format!("the split's column `{name}` is no column of the data set"))
    })?;
    let Column::String(values) = bridge::column(array) else {
        return Err(unclear(name, bridge::column(array).data_type().name()));
    };
    let part =
        |value: &Option<String>| Part::ALL.into_iter().find(|part| value.as_deref() == Some(part.name()));
    let mut parts = Vec::with_capacity(values.len());
    for value in &values {
        match part(value) {
            Some(part) => parts.push(part),
            None => {
                let same = values.iter().filter(|other| *other == value).count() as u64;
                let shown = value.as_ref().map_or_else(|| "nothing".to_owned(), |value| format!("`{value}`"));
                return Err(unclear(name, &format!("{shown} in {}", names::rows(same))));
            }
        }
    }
    Ok(parts)
}

fn unclear(name: &str, found: &str) -> Fault {
    Fault::new(Kind::Data, format!("cannot split by column `{name}`: it says {found}"))
        .hint("each row says `train`, `validation` or `test`")
}
