//! A column in some rows, as drift tests take it.

use modelyard_core::table::Column;

use crate::{Categories, Numbers};

/// A column's values, of a whole reference or of one window.
#[derive(Clone, Debug)]
pub enum Sample {
    Numbers(Numbers),
    Categories(Categories),
}

/// How a column's values are compared: by size, or as names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Numeric,
    Categorical,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Numeric => "numeric",
            Self::Categorical => "categorical",
        }
    }
}

impl Sample {
    /// Numbers for integer and float columns, categories for text and truth values. Times are
    /// neither: `None`.
    pub fn of(column: &Column) -> Option<Self> {
        match column {
            Column::Int(_) | Column::Float(_) => Numbers::from_column(column).map(Self::Numbers),
            Column::Bool(_) | Column::String(_) => Some(Self::Categories(Categories::from_column(column))),
            Column::Timestamp(_) | Column::Date(_) => None,
        }
    }

    /// See [`Numbers::prepare`].
    pub fn prepare(self) -> Self {
        match self {
            Self::Numbers(numbers) => Self::Numbers(numbers.prepare()),
            Self::Categories(categories) => Self::Categories(categories),
        }
    }

    pub fn kind(&self) -> Kind {
        match self {
            Self::Numbers(_) => Kind::Numeric,
            Self::Categories(_) => Kind::Categorical,
        }
    }

    /// Rows with a value.
    pub fn rows(&self) -> u64 {
        match self {
            Self::Numbers(numbers) => numbers.len() as u64,
            Self::Categories(categories) => categories.rows(),
        }
    }

    /// Rows without one.
    pub fn missing(&self) -> u64 {
        match self {
            Self::Numbers(numbers) => numbers.missing() as u64,
            Self::Categories(categories) => categories.missing(),
        }
    }
}
