//! Splits: which part each row belongs to.
//!
//! A method is one file here, called as the user types it, and one arm in [`assign`]. It looks at
//! a table in canonical order and answers a part a row; what is the same for all methods (empty
//! parts, the column that is dropped) stands here.

use datafusion::arrow::array::RecordBatch;
use modelyard_core::config::Split;
use modelyard_core::data::{Part, Roles};
use modelyard_core::{Fault, Kind, Result};

use crate::names;

mod column;
mod random;
mod time;

/// The part of each row of `table`.
///
/// # Errors
/// A part that should have rows and has none; a value that decides nothing.
pub(crate) fn assign(table: &RecordBatch, split: &Split, roles: &Roles) -> Result<Vec<Part>> {
    let parts = match split {
        Split::Random { seed, key, test, validation } => {
            shares(*test, *validation)?;
            random::assign(table, *seed, &random_key(key, roles), *test, *validation)
        }
        Split::Time { column, test, validation } => {
            shares(*test, *validation)?;
            time::assign(table, column, *test, *validation)
        }
        Split::Column { column } => column::assign(table, column),
    }?;
    for part in wanted(split) {
        if !parts.contains(&part) {
            return Err(empty(part, split, table.num_rows()));
        }
    }
    Ok(parts)
}

/// The columns that `split` names, for a check that they are there.
pub(crate) fn columns(split: &Split) -> Vec<&str> {
    match split {
        Split::Random { key, .. } => key.iter().map(String::as_str).collect(),
        Split::Time { column, .. } | Split::Column { column } => vec![column],
    }
}

/// The column that says the part, and so is in no part.
pub(crate) fn dropped(split: &Split) -> Option<&str> {
    match split {
        Split::Column { column } => Some(column),
        Split::Random { .. } | Split::Time { .. } => None,
    }
}

/// A row's id, where it has one, decides alone: changing another value moves no row.
fn random_key(key: &[String], roles: &Roles) -> Vec<String> {
    if key.is_empty() { roles.id.iter().cloned().collect() } else { key.to_vec() }
}

fn shares(test: f64, validation: f64) -> Result<()> {
    if test >= 0.0 && validation >= 0.0 && test + validation < 1.0 {
        return Ok(());
    }
    Err(Fault::new(
        Kind::Config,
        format!("a split of {test} for test and {validation} for validation leaves nothing to train on"),
    )
    .hint("both are shares of all rows, from 0 up, together below 1"))
}

/// The parts that have to have rows. A column that never says `validation` asks for none.
fn wanted(split: &Split) -> Vec<Part> {
    match split {
        Split::Random { test, validation, .. } | Split::Time { test, validation, .. } => {
            let mut parts = vec![Part::Train];
            parts.extend((*validation > 0.0).then_some(Part::Validation));
            parts.extend((*test > 0.0).then_some(Part::Test));
            parts
        }
        Split::Column { .. } => vec![Part::Train, Part::Test],
    }
}

fn empty(part: Part, split: &Split, rows: usize) -> Fault {
    let fault = Fault::new(
        Kind::Data,
        format!("the split leaves `{}` without rows, of {}", part.name(), names::rows(rows as u64)),
    );
    match split {
        Split::Random { key, .. } if key.is_empty() => fault.hint("more rows, or a larger share"),
        Split::Random { key, .. } => fault.hint(format!(
            "all rows that are equal in {} go together: more of these, or a larger share",
            names::list(key)
        )),
        Split::Time { column, .. } => fault.hint(format!(
            "all rows of one instant of `{column}` go together: more instants, or other shares"
        )),
        Split::Column { column } => fault.hint(format!("`{column}` says `{}` in no row", part.name())),
    }
}
