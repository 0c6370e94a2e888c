//! Requests become tables, by the signature's rules.
//!
//! Answered: columns of the data set that are no features, `1.0` for an integer, and, where the
//! input says so, nulls and missing fields. Everything else is an error that names the field:
//! a wrong type, a fraction for an integer, a name that is not known (the nearest one is
//! suggested), a null where the model can't. What the values are read from is in [`cell`].

mod cell;

use std::collections::BTreeSet;

use modelyard_core::package::{Input, Signature};
use modelyard_core::table::{Column, DataType, Table};
use serde_json::{Map, Value};

use crate::{ErrorCode, PredictError};
use cell::{Cell, Target};

/// A column of a request, in one of the forms in which requests carry it.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// JSON values.
    Values(Vec<Value>),
    /// Cells of a CSV file: read as the input's type, an empty one is missing.
    Texts(Vec<String>),
    /// A typed tensor, or a table's column. NaN is missing.
    Column(Column),
}

impl Data {
    pub fn len(&self) -> usize {
        match self {
            Self::Values(values) => values.len(),
            Self::Texts(texts) => texts.len(),
            Self::Column(column) => column.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What a request brings.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Question {
    /// What the model is asked with: the signature's inputs in their order.
    pub inputs: Table,
    /// The signature's `meta` columns, for the log alone; what has another type than its column is missing.
    pub meta: Table,
    /// Whether it is a list of rows, which have ids of their own, or one row.
    pub is_list: bool,
    /// What the body says that it is called, which comes before what a header says.
    pub id: Option<String>,
}

/// The question of JSON objects, a row each.
///
/// # Errors
/// As [`table`].
pub fn question(
    signature: &Signature,
    rows: &[Map<String, Value>],
    is_list: bool,
) -> Result<Question, PredictError> {
    let inputs = table(signature, rows)?;
    let mut meta = Table::new();
    for field in &signature.meta {
        let mut column = Column::empty(field.data_type);
        for row in rows {
            cell::put_or_null(&mut column, row.get(&field.name).map_or(Cell::Null, Cell::of_json));
        }
        meta.push(field.name.clone(), column);
    }
    Ok(Question { inputs, meta, is_list, id: None })
}

/// The question of named columns; of one row it is no list.
///
/// # Errors
/// As [`columns`].
pub fn question_of_columns(
    signature: &Signature,
    given: Vec<(String, Data)>,
) -> Result<Question, PredictError> {
    let mut meta = Table::new();
    let rows = given.first().map_or(0, |(_, data)| data.len());
    for field in &signature.meta {
        let mut column = Column::empty(field.data_type);
        let data = given.iter().find(|(name, data)| *name == field.name && data.len() == rows);
        for place in 0..rows {
            let cell = data.map_or(Cell::Null, |(_, data)| match data {
                Data::Values(values) => Cell::of_json(&values[place]),
                Data::Texts(texts) => Cell::of_text(&texts[place], field.data_type),
                Data::Column(column) => Cell::of_column(column, place),
            });
            cell::put_or_null(&mut column, cell);
        }
        meta.push(field.name.clone(), column);
    }
    Ok(Question { inputs: columns(signature, given)?, meta, is_list: rows != 1, id: None })
}

/// The table of JSON objects, a row each: the signature's inputs in their order.
///
/// # Errors
/// The first row's first field that breaks a rule.
pub fn table(signature: &Signature, rows: &[Map<String, Value>]) -> Result<Table, PredictError> {
    for (place, row) in rows.iter().enumerate() {
        check_names(signature, row).map_err(|error| in_row(error, place, rows.len()))?;
    }
    let mut table = Table::new();
    for input in &signature.inputs {
        let mut target = Target::new(input, rows.len());
        for (place, row) in rows.iter().enumerate() {
            let pushed = match row.get(&input.name) {
                Some(value) => target.push(Cell::of_json(value)),
                None if input.nullable => target.push(Cell::Null),
                None => Err(missing(input)),
            };
            pushed.map_err(|error| in_row(error, place, rows.len()))?;
        }
        table.push(input.name.clone(), target.finish());
    }
    Ok(table)
}

/// The table of named columns, with the same rules.
///
/// # Errors
/// As [`table`]; also columns of different lengths, and a name that is there twice.
pub fn columns(signature: &Signature, columns: Vec<(String, Data)>) -> Result<Table, PredictError> {
    let rows = columns.first().map_or(0, |(_, data)| data.len());
    let mut names = BTreeSet::new();
    for (name, data) in &columns {
        check_name(signature, name)?;
        if !names.insert(name) {
            return Err(
                PredictError::new(ErrorCode::BadValue, format!("column `{name}` is there twice")).field(name)
            );
        }
        if data.len() != rows {
            let message = format!("column `{name}` has {} values, the first column {rows}", data.len());
            return Err(PredictError::new(ErrorCode::BadValue, message).field(name));
        }
    }
    let mut columns: Vec<(String, Option<Data>)> =
        columns.into_iter().map(|(name, data)| (name, Some(data))).collect();
    let mut table = Table::new();
    for input in &signature.inputs {
        let given = columns.iter_mut().find(|(name, _)| *name == input.name);
        let column = match given.and_then(|(_, data)| data.take()) {
            Some(data) => column(input, data)?,
            None if input.nullable => {
                let mut target = Target::new(input, rows);
                (0..rows).try_for_each(|_| target.push(Cell::Null))?;
                target.finish()
            }
            None => return Err(missing(input)),
        };
        table.push(input.name.clone(), column);
    }
    Ok(table)
}

fn column(input: &Input, data: Data) -> Result<Column, PredictError> {
    let rows = data.len();
    let mut target = Target::new(input, rows);
    let placed = |error, place| in_row(error, place, rows);
    match data {
        Data::Values(values) => {
            for (place, value) in values.iter().enumerate() {
                target.push(Cell::of_json(value)).map_err(|error| placed(error, place))?;
            }
        }
        Data::Texts(texts) => {
            for (place, text) in texts.iter().enumerate() {
                target.push(Cell::of_text(text, input.data_type)).map_err(|error| placed(error, place))?;
            }
        }
        Data::Column(column) => {
            for place in 0..rows {
                target.push(Cell::of_column(&column, place)).map_err(|error| placed(error, place))?;
            }
        }
    }
    Ok(target.finish())
}

/// Counts the known names first: a row of known names alone costs no search through them.
fn check_names(signature: &Signature, row: &Map<String, Value>) -> Result<(), PredictError> {
    let inputs = signature.inputs.iter().filter(|input| row.contains_key(&input.name)).count();
    if inputs == row.len() {
        return Ok(());
    }
    row.keys().try_for_each(|name| check_name(signature, name))
}

fn check_name(signature: &Signature, name: &str) -> Result<(), PredictError> {
    let inputs = signature.inputs.iter().map(|input| &input.name);
    let mut known = inputs.chain(&signature.ignored);
    if known.clone().any(|known| known == name) {
        return Ok(());
    }
    let error = PredictError::new(ErrorCode::UnknownField, format!("the model knows no field `{name}`"));
    let nearest = known
        .by_ref()
        .map(|known| {
            (strsim::normalized_damerau_levenshtein(&known.to_lowercase(), &name.to_lowercase()), known)
        })
        .filter(|(likeness, _)| *likeness >= 0.6)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    Err(match nearest {
        Some((_, nearest)) => error.hint(format!("did you mean `{nearest}`?")),
        None => {
            let names: Vec<_> = signature.inputs.iter().map(|input| format!("`{}`", input.name)).collect();
            error.hint(format!("the model's fields are {}", names.join(", ")))
        }
    }
    .field(name))
}

fn missing(input: &Input) -> PredictError {
    let article = if input.data_type == DataType::Int { "an" } else { "a" };
    PredictError::new(ErrorCode::MissingField, format!("field `{}` is missing", input.name))
        .hint(format!("it takes {article} {}; this model does not answer without it", input.data_type.name()))
        .field(&input.name)
}

/// Says which row, where there are several.
fn in_row(mut error: PredictError, place: usize, rows: usize) -> PredictError {
    if rows > 1 {
        error.message = format!("row {place}: {}", error.message);
    }
    error
}

#[cfg(test)]
mod tests;
