//! A look at what a data set's SQL yields, on a sample; nothing is kept.

use modelyard_core::Result;
use modelyard_core::data::Loss;
use modelyard_core::table::{Field, Table};

use crate::bridge;
use crate::ingest::Ingest;
use crate::make;

/// What a query yields on a sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Preview {
    pub schema: Vec<Field>,
    /// In the order the query gives.
    pub rows: Table,
    pub losses: Vec<Loss>,
    pub remarks: Vec<String>,
}

/// Makes the data set's table from the first `rows` rows of every source file. Types are inferred
/// from these alone; a join of two samples may find few matches.
///
/// # Errors
/// As [`crate::ingest`], but for checks and split, which a sample proves nothing about.
/// [`modelyard_core::Kind::Usage`] for a data set that a command makes.
pub fn preview(request: &Ingest<'_>, rows: usize) -> Result<Preview> {
    let made = make::make(request, Some(rows))?;
    Ok(Preview {
        schema: bridge::fields(&made.table),
        rows: bridge::table(&made.table),
        losses: made.losses,
        remarks: made.remarks,
    })
}
