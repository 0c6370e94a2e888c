//! Table files for all other crates: read whole or in pieces, written, digested, put together.
//!
//! Parquet and CSV (also `.gz`), told apart by the file's name. What is written appears under its
//! name when it is complete, never half.

use std::path::{Path, PathBuf};

use datafusion::arrow::array::RecordBatch;
use modelyard_core::config::Source;
use modelyard_core::table::{DataType, Field, Table};
use modelyard_core::{Digest, Result};

mod append;
mod output;
mod reader;

pub use append::Append;
pub use output::{TableWriter, write_table};
pub(crate) use reader::ParquetInput;
pub use reader::TableReader;

use crate::digest::TableHasher;
use crate::{bridge, digest, order, source};

/// Rows converted at a time.
const CHUNK: usize = 8192;

/// Reads a table file, all columns or those named, in that order. CSV types are inferred from all
/// rows, as at ingestion; to have certain types use [`TableReader`].
///
/// # Errors
/// A file that can't be read; a column that is missing or can't be one of a table.
pub fn read_table(path: &Path, columns: Option<&[String]>) -> Result<Table> {
    Ok(bridge::table(&read_batch(path, columns)?))
}

pub(crate) fn read_batch(path: &Path, columns: Option<&[String]>) -> Result<RecordBatch> {
    let source = plain_source(path);
    let mut fields = source::survey_file(path, &source)?;
    if let Some(columns) = columns {
        fields = select(path, &fields, columns)?;
    }
    bridge::concat(&bridge::schema_of(&fields), &source::read_file(path, &source, &fields)?)
}

fn select(path: &Path, fields: &[Field], columns: &[String]) -> Result<Vec<Field>> {
    columns
        .iter()
        .map(|name| {
            fields.iter().find(|field| field.name == *name).cloned().ok_or_else(|| {
                let fault = modelyard_core::Fault::new(
                    modelyard_core::Kind::Data,
                    format!("`{}` has no column `{name}`", path.display()),
                );
                crate::names::suggest(fault, name, fields.iter().map(|field| field.name.as_str()))
            })
        })
        .collect()
}

/// A source that is one file, nothing declared.
pub(crate) fn plain_source(path: &Path) -> Source {
    Source {
        path: path.display().to_string(),
        delimiter: None,
        header: true,
        nulls: Vec::new(),
        types: std::collections::BTreeMap::new(),
    }
}

/// A table file as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Logical: of columns and rows, the same for Parquet and CSV.
    pub digest: Digest,
    pub rows: u64,
}

/// Puts the rows of `paths` (Parquet files of equal columns: parts of a data version) together in
/// canonical order, `time` first, and writes them to `out`.
///
/// # Errors
/// Files that can't be read or differ in their columns; `out` that can't be written.
pub fn concat(paths: &[PathBuf], out: &Path, time: Option<&str>) -> Result<Written> {
    let mut batches = Vec::with_capacity(paths.len());
    for path in paths {
        batches.push(read_batch(path, None)?);
    }
    let schema = batches.first().map_or_else(|| bridge::schema_of(&[]), RecordBatch::schema);
    let mut aligned = Vec::with_capacity(batches.len());
    for (batch, path) in batches.iter().zip(paths) {
        if batch.schema_ref() != &schema {
            return Err(modelyard_core::Fault::new(
                modelyard_core::Kind::Data,
                format!("`{}` has other columns than `{}`", path.display(), paths[0].display()),
            ));
        }
        aligned.push(batch.clone());
    }
    let sorted = order::sort(&bridge::concat(&schema, &aligned)?, time)?;
    write_batch(out, &sorted)
}

/// Writes a canonical batch and digests it.
pub(crate) fn write_batch(path: &Path, batch: &RecordBatch) -> Result<Written> {
    let fields = bridge::fields(batch);
    let mut writer = TableWriter::create(path, &fields)?;
    let columns: Vec<(String, DataType)> =
        fields.into_iter().map(|field| (field.name, field.data_type)).collect();
    let mut hasher = TableHasher::new(columns);
    for chunk in chunks(batch) {
        hasher.update(&chunk);
        writer.write(&chunk)?;
    }
    writer.finish()?;
    Ok(Written { digest: hasher.finish(), rows: batch.num_rows() as u64 })
}

fn chunks(batch: &RecordBatch) -> impl Iterator<Item = Table> + '_ {
    let rows = batch.num_rows();
    (0..rows).step_by(CHUNK).map(move |start| bridge::table(&batch.slice(start, CHUNK.min(rows - start))))
}

/// A hash of each row over the columns called `columns`, in that order: rows are equal where the
/// hashes are, whatever file and order they stand in. For the overlap of two tables take the
/// columns they share.
///
/// # Errors
/// A file that can't be read, a missing column.
pub fn row_hashes(path: &Path, columns: &[String]) -> Result<Vec<u128>> {
    let batch = read_batch(path, Some(columns))?;
    let mut hashes = Vec::with_capacity(batch.num_rows());
    let mut bytes = Vec::new();
    for chunk in chunks(&batch) {
        for row in 0..chunk.rows() {
            bytes.clear();
            for (_, column) in chunk.columns() {
                digest::encode(column, row, &mut bytes);
            }
            let mut first = [0; 16];
            first.copy_from_slice(&blake3::hash(&bytes).as_bytes()[..16]);
            hashes.push(u128::from_le_bytes(first));
        }
    }
    Ok(hashes)
}

/// The columns of a table file with the types that reading it gives.
///
/// # Errors
/// A file that can't be read, or has a column that can't be one of a table.
pub fn schema(path: &Path) -> Result<Vec<Field>> {
    source::survey_file(path, &plain_source(path))
}
