//! One value of a request, and the column it goes to.

use chrono::{DateTime, NaiveDate, NaiveDateTime};
use modelyard_core::package::Input;
use modelyard_core::table::{Column, DataType, date_text};
use serde_json::Value;

use crate::{ErrorCode, PredictError};

/// A value as it came, before the input's type is asked of it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cell<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(&'a str),
    /// Microseconds since the epoch.
    Timestamp(i64),
    /// Days since the epoch.
    Date(i32),
    /// What no column holds: `a list`, `an object`.
    Other(&'static str),
}

impl<'a> Cell<'a> {
    pub(super) fn of_json(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(number) => match number.as_i64() {
                Some(value) => Self::Int(value),
                None => number.as_f64().map_or(Self::Other("a number out of range"), Self::Float),
            },
            Value::String(text) => Self::Text(text),
            Value::Array(_) => Self::Other("a list"),
            Value::Object(_) => Self::Other("an object"),
        }
    }

    /// A cell of a CSV file. What does not read as `data_type` stays a text, and is refused as one.
    pub(super) fn of_text(text: &'a str, data_type: DataType) -> Self {
        if text.is_empty() {
            return Self::Null;
        }
        let trimmed = text.trim();
        let read = match data_type {
            DataType::Bool => match trimmed {
                "true" | "True" | "TRUE" => Some(Self::Bool(true)),
                "false" | "False" | "FALSE" => Some(Self::Bool(false)),
                _ => None,
            },
            DataType::Int => match trimmed.parse() {
                Ok(value) => Some(Self::Int(value)),
                Err(_) => trimmed.parse().ok().map(Self::Float),
            },
            DataType::Float => trimmed.parse().ok().map(Self::Float),
            DataType::String | DataType::Timestamp | DataType::Date => None,
        };
        read.unwrap_or(Self::Text(text))
    }

    pub(super) fn of_column(column: &'a Column, row: usize) -> Self {
        match column {
            Column::Bool(values) => values[row].map_or(Self::Null, Self::Bool),
            Column::Int(values) => values[row].map_or(Self::Null, Self::Int),
            Column::Float(values) => values[row].map_or(Self::Null, Self::Float),
            Column::String(values) => values[row].as_deref().map_or(Self::Null, Self::Text),
            Column::Timestamp(values) => values[row].map_or(Self::Null, Self::Timestamp),
            Column::Date(values) => values[row].map_or(Self::Null, Self::Date),
        }
    }

    fn describe(self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(value) => format!("the bool {value}"),
            Self::Int(value) => format!("the number {value}"),
            Self::Float(value) => format!("the number {value:?}"),
            Self::Text(text) if text.chars().count() > 40 => {
                format!("the text \"{}…\"", text.chars().take(40).collect::<String>())
            }
            Self::Text(text) => format!("the text {text:?}"),
            Self::Timestamp(_) => "a timestamp".to_owned(),
            Self::Date(days) => format!("the date {}", date_text(days)),
            Self::Other(kind) => kind.to_owned(),
        }
    }
}

/// Adds `cell` to `column`, if it has such values.
fn put(column: &mut Column, cell: Cell<'_>) -> bool {
    match (column, cell) {
        (Column::Bool(values), Cell::Bool(value)) => values.push(Some(value)),
        (Column::Int(values), Cell::Int(value)) => values.push(Some(value)),
        (Column::Int(values), Cell::Float(value)) if is_whole(value) => values.push(Some(value as i64)),
        (Column::Float(values), Cell::Float(value)) if value.is_finite() => values.push(Some(value)),
        (Column::Float(values), Cell::Int(value)) => values.push(Some(value as f64)),
        (Column::String(values), Cell::Text(text)) => values.push(Some(text.to_owned())),
        (Column::Timestamp(values), Cell::Timestamp(micros)) => values.push(Some(micros)),
        (Column::Date(values), Cell::Date(days)) => values.push(Some(days)),
        (Column::Timestamp(values), Cell::Text(text)) => match timestamp(text) {
            Some(micros) => values.push(Some(micros)),
            None => return false,
        },
        (Column::Date(values), Cell::Text(text)) => match date(text) {
            Some(days) => values.push(Some(days)),
            None => return false,
        },
        _ => return false,
    }
    true
}

fn put_null(column: &mut Column) {
    match column {
        Column::Bool(values) => values.push(None),
        Column::Int(values) | Column::Timestamp(values) => values.push(None),
        Column::Float(values) => values.push(None),
        Column::String(values) => values.push(None),
        Column::Date(values) => values.push(None),
    }
}

/// Adds `cell`, or a missing value where the column has no such values: what no model is asked with refuses no
/// request.
pub(super) fn put_or_null(column: &mut Column, cell: Cell<'_>) {
    if !put(column, cell) {
        put_null(column);
    }
}

/// A column being filled.
pub(super) struct Target<'a> {
    input: &'a Input,
    column: Column,
}

impl<'a> Target<'a> {
    pub(super) fn new(input: &'a Input, rows: usize) -> Self {
        let column = match input.data_type {
            DataType::Bool => Column::Bool(Vec::with_capacity(rows)),
            DataType::Int => Column::Int(Vec::with_capacity(rows)),
            DataType::Float => Column::Float(Vec::with_capacity(rows)),
            DataType::String => Column::String(Vec::with_capacity(rows)),
            DataType::Timestamp => Column::Timestamp(Vec::with_capacity(rows)),
            DataType::Date => Column::Date(Vec::with_capacity(rows)),
        };
        Self { input, column }
    }

    /// Adds `cell`, if the input takes it.
    pub(super) fn push(&mut self, cell: Cell<'_>) -> Result<(), PredictError> {
        let cell = match cell {
            Cell::Float(value) if value.is_nan() => Cell::Null,
            other => other,
        };
        if matches!(cell, Cell::Null) {
            return self.push_null();
        }
        if !self.input.unseen && !self.input.categories.is_empty() {
            self.check_category(cell)?;
        }
        if put(&mut self.column, cell) { Ok(()) } else { Err(self.refuse(cell)) }
    }

    pub(super) fn finish(self) -> Column {
        self.column
    }

    fn push_null(&mut self) -> Result<(), PredictError> {
        if !self.input.nullable {
            let name = &self.input.name;
            return Err(PredictError::new(ErrorCode::BadValue, format!("field `{name}` is null"))
                .hint("this model does not answer without it: send a value")
                .field(name));
        }
        put_null(&mut self.column);
        Ok(())
    }

    fn check_category(&self, cell: Cell<'_>) -> Result<(), PredictError> {
        let known =
            |text: &str| self.input.categories.binary_search_by(|known| known.as_str().cmp(text)).is_ok();
        let is_known = match cell {
            Cell::Text(text) => known(text),
            Cell::Int(value) => known(&value.to_string()),
            Cell::Float(value) if is_whole(value) => known(&(value as i64).to_string()),
            Cell::Bool(value) => known(if value { "true" } else { "false" }),
            // Categories of numbers are whole ones. That an integer is none is told by its own message.
            Cell::Float(_) => self.input.data_type == DataType::Int,
            _ => true,
        };
        if is_known {
            return Ok(());
        }
        let name = &self.input.name;
        let categories = &self.input.categories;
        let mut listed: Vec<_> = categories.iter().take(10).map(|known| format!("{known:?}")).collect();
        if categories.len() > listed.len() {
            listed.push("…".to_owned());
        }
        let message = format!("field `{name}`: the model has never seen {}", cell.describe());
        Err(PredictError::new(ErrorCode::BadValue, message)
            .hint(format!("it knows {}", listed.join(", ")))
            .field(name))
    }

    fn refuse(&self, cell: Cell<'_>) -> PredictError {
        let name = &self.input.name;
        let (wanted, hint) = match self.input.data_type {
            DataType::Bool => ("a bool", "write true or false"),
            DataType::Int => ("an integer", "write a whole number between -2^63 and 2^63 - 1"),
            DataType::Float => ("a number", "write a finite number"),
            DataType::String => ("a text", "write it in quotes"),
            DataType::Timestamp => ("a timestamp", "write it as RFC 3339 does: \"2013-01-31T05:00:00Z\""),
            DataType::Date => ("a date", "write it as ISO 8601 does: \"2013-01-31\""),
        };
        PredictError::new(
            ErrorCode::BadValue,
            format!("field `{name}` takes {wanted}, not {}", cell.describe()),
        )
        .hint(hint)
        .field(name)
    }
}

/// Whether `value` is an integer that a 64-bit one holds exactly.
fn is_whole(value: f64) -> bool {
    value.fract() == 0.0 && (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&value)
}

/// RFC 3339; without an offset the time is UTC, without a time it is midnight.
fn timestamp(text: &str) -> Option<i64> {
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Some(instant.timestamp_micros());
    }
    let local = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    if let Some(local) = local {
        return Some(local.and_utc().timestamp_micros());
    }
    date(text).map(|days| i64::from(days) * 86_400_000_000)
}

fn date(text: &str) -> Option<i32> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    i32::try_from(date.signed_duration_since(NaiveDate::default()).num_days()).ok()
}
