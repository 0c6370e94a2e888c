//! Drift of all columns at once, which no single column may show: how well a classifier tells the window from
//! the reference, and how badly the reference's main directions describe the window.
//!
//! Both take tables with the features as columns (times are left out) and give a distance for
//! [`crate::rule`], 0 where nothing changed; its floor comes from chunks of the reference, as for a column.

mod domain;
mod linear;
mod pca;

pub use domain::{DomainClassifier, tell_apart};
pub use pca::Pca;

use std::borrow::Cow;

use modelyard_core::table::Column;

/// A column's values row by row.
enum Rows<'a> {
    /// NaN where missing or infinite.
    Numbers(Vec<f64>),
    Names(Vec<Option<Cow<'a, str>>>),
}

/// `None` for times.
fn rows(column: &Column) -> Option<Rows<'_>> {
    let finite = |value: Option<f64>| value.filter(|value| value.is_finite()).unwrap_or(f64::NAN);
    match column {
        Column::Int(values) => {
            Some(Rows::Numbers(values.iter().map(|value| finite(value.map(|value| value as f64))).collect()))
        }
        Column::Float(values) => Some(Rows::Numbers(values.iter().map(|value| finite(*value)).collect())),
        Column::String(values) => {
            Some(Rows::Names(values.iter().map(|value| value.as_deref().map(Cow::Borrowed)).collect()))
        }
        Column::Bool(values) => {
            let name = |value: bool| Cow::Borrowed(if value { "true" } else { "false" });
            Some(Rows::Names(values.iter().map(|value| value.map(name)).collect()))
        }
        Column::Timestamp(_) | Column::Date(_) => None,
    }
}
