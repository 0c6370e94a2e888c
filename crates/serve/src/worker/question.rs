//! A table as the worker reads it: a list a column, missing values null.

use modelyard_core::table::{Column, Table};
use serde::ser::{Serialize, SerializeSeq, SerializeStruct, Serializer};

use super::channel::{Failure, Refusal};

pub(super) fn predict(table: &Table) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(&Question(table)).map_err(|error| {
        Failure::Refused(Refusal {
            kind: "internal".to_owned(),
            message: error.to_string(),
            hint: None,
            field: None,
            trace: None,
        })
    })
}

struct Question<'a>(&'a Table);

impl Serialize for Question<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut question = serializer.serialize_struct("Question", 3)?;
        question.serialize_field("op", "predict")?;
        question.serialize_field("rows", &self.0.rows())?;
        question.serialize_field("columns", &Columns(self.0))?;
        question.end()
    }
}

struct Columns<'a>(&'a Table);

impl Serialize for Columns<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut columns = serializer.serialize_seq(Some(self.0.names().len()))?;
        for (_, column) in self.0.columns() {
            match column {
                Column::Bool(values) => columns.serialize_element(values)?,
                Column::Int(values) | Column::Timestamp(values) => columns.serialize_element(values)?,
                Column::Float(values) => columns.serialize_element(values)?,
                Column::String(values) => columns.serialize_element(values)?,
                Column::Date(values) => columns.serialize_element(values)?,
            }
        }
        columns.end()
    }
}
