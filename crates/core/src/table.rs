//! Columns of plain values: what crosses between data, runtimes and metrics.
//!
//! Arrow stays inside `data`; a [`Table`] is small enough for every crate to build on.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The types a column may have. A source's type is mapped to one of these at ingestion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DataType {
    Bool,
    /// 64-bit signed.
    Int,
    /// 64-bit; NaN and null are one kind of missing.
    Float,
    String,
    /// Microseconds since 1970-01-01T00:00:00Z.
    Timestamp,
    /// Days since 1970-01-01.
    Date,
}

impl DataType {
    pub fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Float => "float",
            Self::String => "string",
            Self::Timestamp => "timestamp",
            Self::Date => "date",
        }
    }
}

/// A column's name, type, and whether any of its values is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    pub name: String,
    #[serde(rename = "type")]
    pub data_type: DataType,
    pub nullable: bool,
}

/// The values of a column, one a row, `None` where missing.
#[derive(Clone, Debug, PartialEq)]
pub enum Column {
    Bool(Vec<Option<bool>>),
    Int(Vec<Option<i64>>),
    Float(Vec<Option<f64>>),
    String(Vec<Option<String>>),
    /// Microseconds since the epoch.
    Timestamp(Vec<Option<i64>>),
    /// Days since the epoch.
    Date(Vec<Option<i32>>),
}

impl Column {
    pub fn empty(data_type: DataType) -> Self {
        match data_type {
            DataType::Bool => Self::Bool(Vec::new()),
            DataType::Int => Self::Int(Vec::new()),
            DataType::Float => Self::Float(Vec::new()),
            DataType::String => Self::String(Vec::new()),
            DataType::Timestamp => Self::Timestamp(Vec::new()),
            DataType::Date => Self::Date(Vec::new()),
        }
    }

    /// `rows` missing values.
    pub fn missing(data_type: DataType, rows: usize) -> Self {
        match data_type {
            DataType::Bool => Self::Bool(vec![None; rows]),
            DataType::Int => Self::Int(vec![None; rows]),
            DataType::Float => Self::Float(vec![None; rows]),
            DataType::String => Self::String(vec![None; rows]),
            DataType::Timestamp => Self::Timestamp(vec![None; rows]),
            DataType::Date => Self::Date(vec![None; rows]),
        }
    }

    pub fn data_type(&self) -> DataType {
        match self {
            Self::Bool(_) => DataType::Bool,
            Self::Int(_) => DataType::Int,
            Self::Float(_) => DataType::Float,
            Self::String(_) => DataType::String,
            Self::Timestamp(_) => DataType::Timestamp,
            Self::Date(_) => DataType::Date,
        }
    }

    pub fn len(&self) -> usize {
        match self {
            Self::Bool(values) => values.len(),
            Self::Int(values) | Self::Timestamp(values) => values.len(),
            Self::Float(values) => values.len(),
            Self::String(values) => values.len(),
            Self::Date(values) => values.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of `row` as JSON; missing and non-finite values are null, times RFC 3339.
    pub fn json(&self, row: usize) -> Value {
        match self {
            Self::Bool(values) => values[row].into(),
            Self::Int(values) => values[row].into(),
            Self::Float(values) => values[row].into(),
            Self::String(values) => values[row].clone().into(),
            Self::Timestamp(values) => {
                values[row].map(|micros| crate::Timestamp::from_micros(micros).to_string()).into()
            }
            Self::Date(values) => values[row].map(date_text).into(),
        }
    }

    /// The value of `row` as text: a class's name, a slice's. `None` where missing.
    pub fn text(&self, row: usize) -> Option<String> {
        match self.json(row) {
            Value::Null => None,
            Value::String(text) => Some(text),
            other => Some(other.to_string()),
        }
    }

    /// Adds the values of `other` at the end.
    ///
    /// # Panics
    /// If it has another type: a fault of the caller.
    pub fn append(&mut self, other: Self) {
        match (self, other) {
            (Self::Bool(values), Self::Bool(others)) => values.extend(others),
            (Self::Int(values), Self::Int(others)) => values.extend(others),
            (Self::Float(values), Self::Float(others)) => values.extend(others),
            (Self::String(values), Self::String(others)) => values.extend(others),
            (Self::Timestamp(values), Self::Timestamp(others)) => values.extend(others),
            (Self::Date(values), Self::Date(others)) => values.extend(others),
            (column, other) => panic!("{} after {}", other.data_type().name(), column.data_type().name()),
        }
    }

    /// Keeps the rows that `kept` says, one a row.
    pub fn retain(&mut self, kept: &[bool]) {
        fn retain<T>(values: &mut Vec<T>, kept: &[bool]) {
            let mut kept = kept.iter();
            values.retain(|_| kept.next().copied().unwrap_or(false));
        }
        match self {
            Self::Bool(values) => retain(values, kept),
            Self::Int(values) | Self::Timestamp(values) => retain(values, kept),
            Self::Float(values) => retain(values, kept),
            Self::String(values) => retain(values, kept),
            Self::Date(values) => retain(values, kept),
        }
    }

    /// The values of `rows`, in that order, as a column of its own.
    pub fn pick(&self, rows: &[usize]) -> Self {
        fn pick<T: Clone>(values: &[T], rows: &[usize]) -> Vec<T> {
            rows.iter().map(|row| values[*row].clone()).collect()
        }
        match self {
            Self::Bool(values) => Self::Bool(pick(values, rows)),
            Self::Int(values) => Self::Int(pick(values, rows)),
            Self::Float(values) => Self::Float(pick(values, rows)),
            Self::String(values) => Self::String(pick(values, rows)),
            Self::Timestamp(values) => Self::Timestamp(pick(values, rows)),
            Self::Date(values) => Self::Date(pick(values, rows)),
        }
    }

    /// Rows `start..end` as a column of its own.
    pub fn slice(&self, start: usize, end: usize) -> Self {
        match self {
            Self::Bool(values) => Self::Bool(values[start..end].to_vec()),
            Self::Int(values) => Self::Int(values[start..end].to_vec()),
            Self::Float(values) => Self::Float(values[start..end].to_vec()),
            Self::String(values) => Self::String(values[start..end].to_vec()),
            Self::Timestamp(values) => Self::Timestamp(values[start..end].to_vec()),
            Self::Date(values) => Self::Date(values[start..end].to_vec()),
        }
    }
}

/// Days since the epoch as `YYYY-MM-DD`.
pub fn date_text(days: i32) -> String {
    let text = crate::Timestamp::from_micros(i64::from(days) * 86_400_000_000).to_string();
    text.split('T').next().unwrap_or_default().to_owned()
}

/// Named columns of equal length.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Table {
    names: Vec<String>,
    columns: Vec<Column>,
}

impl Table {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a column at the end.
    ///
    /// # Panics
    /// If its length differs from the columns already there: a fault of the caller.
    pub fn push(&mut self, name: impl Into<String>, column: Column) {
        assert!(self.columns.is_empty() || self.columns[0].len() == column.len(), "columns of one length");
        self.names.push(name.into());
        self.columns.push(column);
    }

    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, Column::len)
    }

    pub fn names(&self) -> &[String] {
        &self.names
    }

    pub fn columns(&self) -> impl Iterator<Item = (&str, &Column)> {
        self.names.iter().map(String::as_str).zip(&self.columns)
    }

    pub fn into_columns(self) -> Vec<Column> {
        self.columns
    }

    pub fn column(&self, name: &str) -> Option<&Column> {
        let place = self.names.iter().position(|known| known == name)?;
        Some(&self.columns[place])
    }

    /// Adds the rows of `other` at the end.
    ///
    /// # Panics
    /// If its columns have other types or another number: a fault of the caller.
    pub fn append(&mut self, other: Self) {
        assert_eq!(self.columns.len(), other.columns.len(), "tables of one width");
        for (column, other) in self.columns.iter_mut().zip(other.columns) {
            column.append(other);
        }
    }

    /// Keeps the rows that `kept` says, one a row.
    pub fn retain(&mut self, kept: &[bool]) {
        self.columns.iter_mut().for_each(|column| column.retain(kept));
    }

    /// Takes the column `name` out, if there is one.
    pub fn take(&mut self, name: &str) -> Option<Column> {
        let place = self.names.iter().position(|known| known == name)?;
        self.names.remove(place);
        Some(self.columns.remove(place))
    }

    /// The rows at `rows`, in that order.
    pub fn pick(&self, rows: &[usize]) -> Self {
        let columns = self.columns.iter().map(|column| column.pick(rows)).collect();
        Self { names: self.names.clone(), columns }
    }

    /// Rows `start..end` of every column.
    pub fn slice(&self, start: usize, end: usize) -> Self {
        let columns = self.columns.iter().map(|column| column.slice(start, end)).collect();
        Self { names: self.names.clone(), columns }
    }

    /// The columns called `names`, in that order; `None` if one is missing.
    pub fn select(&self, names: &[String]) -> Option<Self> {
        let columns = names.iter().map(|name| self.column(name).cloned()).collect::<Option<_>>()?;
        Some(Self { names: names.to_vec(), columns })
    }
}
